"""Stands in for `pose-track track` in speed tests: fake_track.py VIDEO [options] --out DIR.

--fake_frames N: number of records, one every 10 ms.
--fake_memory N: MB to allocate half way.
--fake_failure: end with exit code 3.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--no-render", action="store_true")
    parser.add_argument("--fake_frames", type=int, default=10)
    parser.add_argument("--fake_memory", type=int, default=0)
    parser.add_argument("--fake_failure", action="store_true")
    options = parser.parse_args()
    folder = options.out / options.video.stem
    folder.mkdir(parents=True)
    (options.out / "call.json").write_text(json.dumps([sys.argv[1:], os.environ.get("POSE_TRACK_CACHE")]))
    allocated = [b""]
    with (folder / "tracks.jsonl").open("w") as file:
        print('{"weights": {"detector": {}, "pose": {"precision": "bfloat16"}}}', file=file, flush=True)
        for number in range(options.fake_frames):
            time.sleep(0.01)
            if number == options.fake_frames // 2:
                allocated.append(b"x" * (1_000_000 * options.fake_memory))
            print("{}", file=file, flush=True)
    if options.profile:
        summary = {"seconds": 1.0, "share_without_network": 0.125, "share_of_other_stages": 0.25, "stages": {}}
        (options.out / "profile.json").write_text(json.dumps({"traceEvents": [], "otherData": summary}))
    if options.fake_failure:
        print("error: this is why\n", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
