#!/usr/bin/env python3
"""Track every person in a video: tools/track_video.py VIDEO [VIDEO ...] [--out DIR] [--preset NAME]; see --help."""

import logging
import sys

from pose_track.cli.track import track

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(track())
