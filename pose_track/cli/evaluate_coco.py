"""Measure the COCO keypoint AP of a network on val2017; see docs/models.md.

The whole of val2017 takes hours on a CPU; try --limit 50 first.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_device, add_runtime, given
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.config.settings import CocoSettings


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("weights", help="a published network (pose-track weights list) or a weights file")
    add(
        "--data",
        type=Path,
        default=Path("data/coco"),
        metavar="DATA",
        help="folder of the data set (default: data/coco)",
    )
    add("--annotations", type=Path, metavar="FILE", help="default: DATA/annotations/person_keypoints_val2017.json")
    add(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder, or one in a zip file; default: DATA/val2017 or DATA/val2017.zip/val2017",
    )
    boxes = parser.add_mutually_exclusive_group()
    boxes.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="detections; default: DATA/COCO_val2017_detections_AP_H_56_person.json",
    )
    boxes.add_argument("--true-boxes", action="store_true", help="use the annotated boxes")
    add("--no-flip", action="store_true", help="switch the flip test off")
    add_device(parser)
    add_runtime(parser)
    add("--limit", type=int, metavar="N", help="use only the first N images")
    add("--results", type=Path, metavar="FILE", help="write the poses as COCO results")
    add("--json", type=Path, metavar="FILE", help="write the metrics and how they were measured")
    parser.add_settings(_settings_class)


def _settings_class() -> type[CocoSettings]:
    from pose_track.config.settings import CocoSettings

    return CocoSettings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.benchmarks import coco
    from pose_track.config.load import load_settings
    from pose_track.config.settings import CocoSettings

    paths = {key: getattr(options, key) for key in ("annotations", "images", "boxes")}
    data = coco.find_coco_data(options.data, paths, options.true_boxes)
    named = given({"pose.weights": options.weights, "device": options.device, "runtime.name": options.runtime})
    named |= {"pose.flip_test": "false"} if options.no_flip else {}
    if twice := sorted(named.keys() & overrides.keys()):
        raise ValueError(f"{twice[0]} is given twice; leave out --{twice[0]} {overrides[twice[0]]}")
    settings = load_settings(CocoSettings, overrides={**named, **overrides})
    coco.prepare_output_paths(options.results, options.json)
    result = coco.measure_coco_ap(settings, data, options.limit)
    coco.write_coco_result(result, options.results, options.json)
    print(coco.coco_summary(result))
    return 0
