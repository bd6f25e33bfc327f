"""Export the keypoint network of a preset or config to ONNX or OpenVINO; see docs/models.md.

The exported file is run and compared with the network in PyTorch on crops of people before it is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.options import add_config, add_overwrite
from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.config.settings import Settings


def add_arguments(parser: Parser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--preset", help="settings by name, as of track (default: fast)")
    add_config(choice)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the exported files")
    add("--to", choices=("onnx", "openvino"), default="onnx", help="file format (default: onnx)")
    add("--no-preprocessing", action="store_true", help="input is normalised float32 planes instead of uint8 images")
    add("--decode", action="store_true", help="output is joints and scores instead of heatmaps")
    add("--appearance", action="store_true", help="also output the appearance embedding that the tracker can use")
    add("--opset", type=int, metavar="N", help="opset of ONNX (default: 17)")
    add("--images", type=Path, metavar="PATH", help="images of people to compare on (default: the sample)")
    add_overwrite(parser)
    parser.add_settings(_settings_class, ("pose",), "The defaults are those of the preset fast.")


def _settings_class() -> type[Settings]:
    from pose_track.config.settings import Settings

    return Settings


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings, preset_path
    from pose_track.config.settings import DEFAULT_PRESET, Settings
    from pose_track.export.export_pose import export_pose
    from pose_track.runtime.exported import ExportForm

    path = options.config or preset_path(options.preset or DEFAULT_PRESET)
    pose = load_settings(Settings, path, overrides).pose
    form = ExportForm(
        has_preprocessing=not options.no_preprocessing, decodes=options.decode, has_appearance=options.appearance
    )
    export = export_pose(pose, options.out, options.to, form, options.opset, options.images, options.overwrite)
    print("\n".join(export.describe()))
    return 0
