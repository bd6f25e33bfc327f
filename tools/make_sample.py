"""Render the sample clip of three drawn people, with the exact truth of their joints, laid out as a PoseTrack data set.

python tools/make_sample.py --out data/sample --seed 0
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

from pose_track.datasets.figures.clip import FPS, NUM_FRAMES, three_people
from pose_track.datasets.figures.truth import TruthWriter
from pose_track.video.writer import VideoWriter

NAME = "three_people"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/sample"), help="folder to write to")
    parser.add_argument("--seed", type=int, default=0, help="of clothes, place and light; the movements stay the same")
    args = parser.parse_args()
    scene, truth = three_people(args.seed), TruthWriter(NAME, NUM_FRAMES)
    camera, video, path = scene.stage.camera, args.out / f"{NAME}.mp4", args.out / f"annotations/val/{NAME}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(video, camera.width, camera.height, Fraction(FPS)) as writer:
        for shot, track_ids in scene.frames(NUM_FRAMES):
            writer.write(shot.image)
            truth.add(shot, track_ids)
    path.write_text(json.dumps(truth.document(), separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {video} ({video.stat().st_size // 1024} KiB) and {path} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    main()
