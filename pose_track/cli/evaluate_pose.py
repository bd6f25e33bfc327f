"""Measure AP, PCKh or PCK of a keypoint network on the validation data of a training config, PCK also by source."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli.network_metrics import add_network_options, load_network_config, report_metrics
from pose_track.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add_network_options(parser, "pose_compact")
    add("--boxes", type=Path, metavar="FILE", help="detections in COCO format, used in place of the annotated boxes")
    add("--flip", action="store_true", help="flip test: average with the mirrored crops")
    add("--metric", choices=("coco", "pckh", "pck"), help="default: the usual metric of the data")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.datasets.images import ImageStore
    from pose_track.datasets.load import load_people
    from pose_track.training.packages import require_training_packages

    require_training_packages("evaluate-pose")
    from pose_track.training.launch import launch
    from pose_track.training.tasks import build_network
    from pose_track.training.validation import evaluate_poses, pose_evaluator

    config = load_network_config(options, overrides, "pose")
    pose, val, on_broken = config.pose, config.val, config.loop.on_broken
    skeleton, flip_test = pose.skeleton, options.flip or pose.flip_test
    device, network = str(launch(config.hardware).device), build_network(config)
    people = load_people(val.format, val.annotations, skeleton, on_broken)
    metric = options.metric or pose.metric
    evaluator = pose_evaluator(people, skeleton, val.annotations, metric, options.boxes, on_broken)
    metrics = evaluate_poses(network, evaluator, ImageStore(val.images), skeleton, pose.codec, flip_test, device)
    conditions = {
        "metric": evaluator.metric,
        "flip_test": flip_test,
        "weights": Path(options.weights).name,
        "boxes": options.boxes.name if options.boxes else "true",
    }
    report_metrics(metrics, conditions, options.json)
    return 0
