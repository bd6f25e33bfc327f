#!/usr/bin/env python3
"""Export the keypoint network of the settings: tools/export_model.py --preset NAME --out DIR --to onnx.

The exported file is run and compared with the network on crops of people before it is kept.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, take_overrides
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import DEFAULT_PRESET, Settings


def export(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.export.form import Form
    from pose_track.export.job import export_pose

    pose = load_settings(Settings, options.config or preset_path(options.preset), overrides).pose
    form = Form(not options.no_preprocessing, options.decode, options.appearance)
    done = export_pose(pose, options.out, options.to, form, options.opset, options.images, options.overwrite)
    print("\n".join(done.words()))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="export_model.py", description=__doc__, allow_abbrev=False)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--preset", default=DEFAULT_PRESET, help=f"settings by their name, {DEFAULT_PRESET} if not given"
    )
    chosen.add_argument("--config", type=Path, help="a file of settings; any of --pose.NAME VALUE may follow")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the exported files go")
    parser.add_argument("--to", choices=("onnx", "openvino"), default="onnx", help="what is to run it")
    parser.add_argument("--no-preprocessing", action="store_true", help="takes normalised float32 planes, not bytes")
    parser.add_argument("--decode", action="store_true", help="gives joints and scores instead of heatmaps")
    parser.add_argument(
        "--appearance", action="store_true", help="also gives how people look, which the tracker can use"
    )
    parser.add_argument("--opset", type=int, help="of ONNX, 17 if not given")
    parser.add_argument("--images", type=Path, help="pictures with people to compare on, instead of the sample")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")

    def job() -> int:
        overrides, words = take_overrides(sys.argv[1:] if arguments is None else arguments)
        return export(parser.parse_known_words(words), overrides)

    return guarded(job)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(main())
