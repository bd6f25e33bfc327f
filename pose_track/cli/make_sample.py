"""Render the sample video of three synthetic people, with exact ground truth in the layout of a PoseTrack data set."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from pose_track.cli.parser import Parser

NAME = "three_people"


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("--out", type=Path, default=Path("data/sample"), metavar="DIR", help="output folder (default: data/sample)")
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of clothes, place and light; the movements stay the same (default: 0)",
    )


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.datasets.synthetic.clip import FPS, NUM_FRAMES, three_people
    from pose_track.datasets.synthetic.ground_truth import GroundTruthWriter
    from pose_track.video.writer import VideoWriter

    scene, gt = three_people(options.seed), GroundTruthWriter(NAME, NUM_FRAMES)
    camera, video = scene.environment.camera, options.out / f"{NAME}.mp4"
    annotations = options.out / f"annotations/val/{NAME}.json"
    annotations.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(video, camera.width, camera.height, Fraction(FPS)) as writer:
        for shot, track_ids in scene.frames(NUM_FRAMES):
            writer.write(shot.image)
            gt.add(shot, track_ids)
    annotations.write_text(json.dumps(gt.document(), separators=(",", ":")) + "\n", encoding="utf-8")
    sizes = [f"{path} ({path.stat().st_size // 1024} KiB)" for path in (video, annotations)]
    print(f"wrote {sizes[0]} and {sizes[1]}")
    return 0
