"""Measure AP, PCKh or PCK of a keypoint network on the validation data of a training config."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.training.config import TrainingConfig


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    add("--weights", type=Path, required=True, metavar="FILE", help="weights of the network that the config describes")
    add("--boxes", type=Path, metavar="FILE", help="detections in COCO format, used in place of the annotated boxes")
    add("--flip", action="store_true", help="flip test: average with the mirrored crops")
    add("--metric", choices=("coco", "pckh", "pck"), help="default: the usual metric of the data")
    add("--json", type=Path, metavar="FILE", help="write the metrics")
    parser.add_settings(_settings_class)


def _settings_class() -> type[TrainingConfig]:
    from pose_track.training.config import TrainingConfig

    return TrainingConfig


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings
    from pose_track.datasets.images import ImageStore
    from pose_track.datasets.load import load_people
    from pose_track.structures.skeleton import SKELETONS
    from pose_track.training.config import TrainingConfig
    from pose_track.training.packages import require_training_packages

    require_training_packages("evaluate-pose")
    from pose_track.training.launch import launch
    from pose_track.training.tasks import build_network
    from pose_track.training.validation import evaluate_poses, pose_evaluator

    named = {"init_weights": str(options.weights), "init_trunk": "null", "hardware.devices": "1", "hardware.nodes": "1"}
    config = load_settings(TrainingConfig, options.config, {**named, **overrides})
    if config.task != "pose":
        raise ValueError(f"{options.config} is of task {config.task}; give a config of task pose")
    pose, val, on_broken = config.pose, config.val, config.loop.on_broken
    skeleton, flip_test = SKELETONS[pose.skeleton], options.flip or pose.flip_test
    device, network = str(launch(config.hardware).device), build_network(config)
    people = load_people(val.format, val.annotations, skeleton, on_broken)
    metric = options.metric or pose.metric
    evaluator = pose_evaluator(people, skeleton, val.annotations, metric, options.boxes, on_broken)
    metrics = evaluate_poses(network, evaluator, ImageStore(val.images), skeleton, pose.codec, flip_test, device)
    print("\n".join(f"{name:<16}{value:.3f}" for name, value in metrics.items()))
    if options.json:
        boxes = options.boxes.name if options.boxes else "true"
        conditions = {
            "metric": evaluator.metric,
            "flip_test": flip_test,
            "weights": options.weights.name,
            "boxes": boxes,
        }
        known = {name: None if math.isnan(value) else value for name, value in metrics.items()}
        text = json.dumps({**conditions, "figures": known}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0
