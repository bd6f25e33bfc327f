#!/usr/bin/env python3
"""Measure AP, PCKh or PCK of a keypoint network on the val data of a training config: CONFIG --weights FILE."""

import argparse
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, split_overrides
from pose_track.config.load import load_settings


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    from pose_track.datasets.images import ImageStore
    from pose_track.datasets.readers import load_people
    from pose_track.structures.skeleton import SKELETONS
    from pose_track.training.config import TrainingConfig
    from pose_track.training.launch import launch
    from pose_track.training.tasks import build_network
    from pose_track.training.validation import measure_poses, pose_test

    named = {"init_weights": str(options.weights), "init_trunk": "null", "hardware.devices": "1", "hardware.nodes": "1"}
    experiment = load_settings(TrainingConfig, options.config, named | split_overrides(words))
    if experiment.task != "pose":
        raise ValueError(f"{options.config} is of task {experiment.task}; give a config of task pose")
    pose, val, on_broken = experiment.pose, experiment.val, experiment.loop.on_broken
    skeleton, flip_test = SKELETONS[pose.skeleton], options.flip or pose.flip_test
    device, network = str(launch(experiment.hardware).device), build_network(experiment)
    people = load_people(val.format, val.annotations, skeleton, on_broken)
    test = pose_test(people, skeleton, val.annotations, options.metric or pose.metric, options.boxes, on_broken)
    figures = measure_poses(network, test, ImageStore(val.images), skeleton, pose.codec, flip_test, device)
    print("\n".join(f"{name:<16}{value:.3f}" for name, value in figures.items()))
    if options.json:
        about = {"weights": options.weights.name, "boxes": options.boxes.name if options.boxes else "true"}
        known = {name: None if math.isnan(value) else value for name, value in figures.items()}
        found = {"metric": test.metric, "flip_test": flip_test, **about, "figures": known}
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="evaluate_pose.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--weights", type=Path, required=True, help="of the network that the config describes")
    parser.add_argument("--boxes", type=Path, help="COCO-format detections to look in instead of the true boxes")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crops")
    parser.add_argument("--metric", choices=("coco", "pckh", "pck"), help="the usual one of the data if not given")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    chosen, rest = parser.parse_known_args(arguments)
    return guarded(lambda: run(chosen, rest))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
