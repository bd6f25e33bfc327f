#!/usr/bin/env python3
"""The same as `pose-track status`: tools/batch_status.py --help."""

import sys

from pose_track.cli.main import run_script

if __name__ == "__main__":
    sys.exit(run_script("status"))
