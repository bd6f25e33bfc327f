"""Calibrate the scores of a network: a joint, or a box, of score s is then right in a share s of cases.

A joint is right within 0.2 of the torso diagonal, in true boxes shaken as much as the detector's boxes are off. A box
is right at an IoU of 0.5 or more with a person that no higher-scored box has. The map from raw to calibrated scores
becomes part of the weights file, and is applied wherever the network runs. For the printed tables each half of the
images is scored by a map that was fitted on the other half.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_track.cli.network_metrics import add_network_options, load_network_config
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.structures.arrays import Float32Array
    from pose_track.training.calibrate_network import Calibration


def add_arguments(parser: Parser) -> None:
    from pose_track.config.output import OutputSettings

    add = parser.add_argument
    add_network_options(parser, "pose_compact")
    add(
        "--val",
        nargs=2,
        action="append",
        type=Path,
        metavar=("LABELS", "IMAGES"),
        help="validation data in place of the config's; may be given several times",
    )
    add("--out", type=Path, metavar="FILE", help="the calibrated weights file (default: that of --weights)")
    add("--decoding", metavar="NAME", help="decoding of the heatmaps, which the file then states (default: the file's)")
    add("--plot", type=Path, metavar="FILE", help="write a reliability plot as PNG")
    add(
        "--min-joint-score",
        type=float,
        default=OutputSettings().min_joint_score,
        metavar="X",
        help="score from which a joint counts as found where an image is cut off (default: %(default)s, as drawn)",
    )


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.training.config import DataSource
    from pose_track.training.packages import require_training_packages
    from pose_track.weights.checkpoint import read_header
    from pose_track.weights.metadata import check_can_write, write_metadata
    from pose_track.weights.resolve import weights_file

    require_training_packages("calibrate")
    from pose_track.training.calibrate_network import calibrate_network
    from pose_track.training.reliability_plot import plot_reliability

    config = load_network_config(options, overrides)
    if options.decoding and config.task != "pose":
        raise ValueError(f"--decoding has no effect on task {config.task}; leave it out")
    path = weights_file(options.weights)
    out = options.out or path
    check_can_write(path, out)
    metadata = read_header(path).metadata | ({"decoding": options.decoding} if options.decoding else {})
    sources = [DataSource(annotations=labels, images=images) for labels, images in options.val or []]
    calibration = calibrate_network(config, sources or [config.val], metadata)
    write_metadata(path, out, calibration.metadata)
    figures = _figures(calibration, options.min_joint_score)
    _report(calibration, figures)
    if options.plot:
        plot_reliability(calibration.tables, options.plot)
    if options.json:
        options.json.write_text(json.dumps({"weights": out.name, **figures}, indent=2) + "\n", encoding="utf-8")
    print(f"{out} has calibrated scores; if it is the bundled one, run make bundle")
    return 0


def _figures(calibration: Calibration, min_joint_score: float) -> dict[str, Any]:
    """Largest gaps by name, and the shares of joints with at least a score where the image is cut off."""
    from pose_track.evaluation.calibration import largest_gap

    gaps = {name: largest_gap(table) for name, table in calibration.tables.items()}
    cut_off = {
        name: {
            "people": len(scores.people),
            "cut_off": _share(calibration.score_map(scores.cut_off), min_joint_score),
            "kept": _share(calibration.score_map(scores.kept), min_joint_score),
        }
        for name, scores in calibration.cut_off.items()
    }
    known = {name: None if math.isnan(gap) else round(gap, 4) for name, gap in gaps.items()}
    tables = {name: [asdict(tenth) for tenth in table if tenth.count] for name, table in calibration.tables.items()}
    return {"largest_gap": known, "min_joint_score": min_joint_score, "cut_off": cut_off, "tables": tables}


def _share(scores: Float32Array, min_score: float) -> float | None:
    return round(float((scores >= min_score).mean()), 4) if len(scores) else None


def _report(calibration: Calibration, figures: dict[str, Any]) -> None:
    """Print the tables, the raw scores' one first, and the shares where images are cut off."""
    import numpy as np

    from pose_track.evaluation.calibration import reliability_table

    for name, table in {"raw scores": calibration.raw, **calibration.tables}.items():
        print(f"{name}\n{reliability_table(table)}")
        if name in figures["largest_gap"]:
            print(f"largest difference, tenths of 100 cases or more: {figures['largest_gap'][name]}")
        print()
    raw = np.linspace(0.1, 1, 10)
    pairs = (f"{x:.1f} is {y:.3f}" for x, y in zip(raw, calibration.score_map(raw), strict=True))
    print(f"calibrated scores of raw ones: {', '.join(pairs)}")
    for name, shares in figures["cut_off"].items():
        print(
            f"{shares['people']} people cut off {name}, joints of score {figures['min_joint_score']} or more: "
            f"{shares['cut_off']} of those that cannot be seen, {shares['kept']} of the others"
        )
