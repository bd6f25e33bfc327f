"""Stands in for the main job where its process is measured: stub_main_job.py VIDEO [options] --out DIR.

--stub_frames N: records that it writes, one in a hundredth of a second; --stub_memory N: MB that it takes half way;
--stub_fault: it fails at the end.
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
    parser.add_argument("--stub_frames", type=int, default=10)
    parser.add_argument("--stub_memory", type=int, default=0)
    parser.add_argument("--stub_fault", action="store_true")
    options = parser.parse_args()
    folder = options.out / options.video.stem
    folder.mkdir(parents=True)
    (options.out / "told.json").write_text(json.dumps([sys.argv[1:], os.environ.get("POSE_TRACK_CACHE")]))
    held = [b""]
    with (folder / "tracks.jsonl").open("w") as file:
        print("{}", file=file, flush=True)
        for number in range(options.stub_frames):
            time.sleep(0.01)
            if number == options.stub_frames // 2:
                held.append(b"x" * (1_000_000 * options.stub_memory))
            print("{}", file=file, flush=True)
    if options.profile:
        summary = {"seconds": 1.0, "share_without_network": 0.125, "share_of_other_stages": 0.25, "stages": {}}
        (options.out / "profile.json").write_text(json.dumps({"traceEvents": [], "otherData": summary}))
    if options.stub_fault:
        print("error: this is why\n", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
