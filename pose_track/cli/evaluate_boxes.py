"""Measure AP50, AP75 and AR75 of the person detector on the validation data of a training config, by source.

People taller than 15 % of the image count. AR75 is the recall at IoU 0.75 with at most 100 boxes an image. The first
three figures are means over the sources, the `source` of each image.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pose_track.cli.network_metrics import add_network_options, load_network_config, report_metrics
from pose_track.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    add_network_options(parser, "detector_compact")


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.datasets.images import ImageStore
    from pose_track.training.packages import require_training_packages

    require_training_packages("evaluate-boxes")
    from pose_track.training.launch import launch
    from pose_track.training.tasks import build_network
    from pose_track.training.validation import detector_metrics, exhaustive_images

    config = load_network_config(options, overrides, "detector")
    device, network = str(launch(config.hardware).device), build_network(config)
    labels, long_side = exhaustive_images(config.val.annotations), config.detector.long_side
    metrics = detector_metrics(network, ImageStore(config.val.images), labels, long_side, device)
    conditions = {"long_side": long_side, "weights": Path(options.weights).name, "images": len(labels)}
    report_metrics(metrics, conditions, options.json)
    return 0
