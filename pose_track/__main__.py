"""`python -m pose_track`: the same as `pose-track`."""

import sys

from pose_track.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
