#!/usr/bin/env python3
"""Measure COCO's keypoint AP: tools/evaluate_coco.py WEIGHTS --data data/coco [--pose.name value]; see docs/models.md.

The whole of val2017 takes hours on a CPU; try --limit 50 first. Settings of the network: --pose.kind, --pose.scales ...
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import load_settings


def run(words: Sequence[str]) -> int:
    overrides, others = take_overrides(words)
    options = parse(others)
    from pose_track.benchmarks import coco

    given = {key: getattr(options, key) for key in ("annotations", "images", "boxes")}
    data = coco.find_coco(options.data, given, options.true_boxes)
    named = {"pose.weights": options.weights, "device": options.device, "runtime": options.runtime}
    named |= {"pose.flip_test": "false"} if options.no_flip else {}
    if twice := sorted(named.keys() & overrides.keys()):
        raise ValueError(f"{twice[0]} is given twice; leave out --{twice[0]} {overrides[twice[0]]}")
    settings = load_settings(coco.CocoSettings, overrides=coco.USUAL | named | overrides)
    coco.make_room(options.results, options.json)
    outcome = coco.measure_coco(settings, data, options.limit)
    coco.write_outcome(outcome, options.results, options.json)
    print(coco.outcome_text(outcome))
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="evaluate_coco.py", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("weights", help="a published network (pose-track weights list) or a file of weights")
    add("--data", type=Path, default=Path("data/coco"), help="the data set's folder (default: data/coco)")
    add("--annotations", type=Path, help="default: DATA/annotations/person_keypoints_val2017.json")
    add("--images", type=Path, help="a folder, or one in a zip file; default: DATA/val2017 or DATA/val2017.zip/val2017")
    where = parser.add_mutually_exclusive_group().add_argument
    where("--boxes", type=Path, help="detections; default: DATA/COCO_val2017_detections_AP_H_56_person.json")
    where("--true-boxes", action="store_true", help="look in the annotated boxes instead")
    add("--no-flip", action="store_true", help="without the flip test")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs")
    add("--runtime", choices=("auto", "torch", "openvino", "onnx"), default="auto", help="what runs it")
    add("--limit", type=int, metavar="N", help="only the first N pictures")
    add("--results", type=Path, metavar="FILE", help="write what was found in COCO's format of results")
    add("--json", type=Path, metavar="FILE", help="write the figures and how they were measured")
    return parser.parse_known_words(words)


def main(arguments: Sequence[str] | None = None) -> int:
    return guarded(lambda: run(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
