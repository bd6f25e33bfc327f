"""The options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pose_track.structures.skeleton import Skeleton


def add_config(parser: argparse._ActionsContainer, content: str = "settings") -> None:
    """--config FILE."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"YAML file of {content}")


def add_overwrite(parser: argparse._ActionsContainer) -> None:
    """--overwrite."""
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device, the setting `device`."""
    devices = ("auto", "cpu", "cuda", "mps", "xpu", "tensorrt", "coreml", "directml")
    names = f"{', '.join(devices[:-1])} or {devices[-1]}"
    parser.add_argument("--device", choices=devices, metavar="NAME", help=f"where the networks run: {names}")


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """--runtime, the setting `runtime.name`."""
    choices = ("auto", "torch", "openvino", "onnx")
    parser.add_argument("--runtime", choices=choices, help="what runs the networks; torch only on a GPU")


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """--mirror, see `weights.sources.chosen_mirror`."""
    from pose_track.weights.sources import MIRROR_VARIABLE  # commands without published weights start without NumPy

    parser.add_argument(
        "--mirror",
        metavar="URL|DIR",
        help=f"where published weights are looked for first, by the names of their files (default: ${MIRROR_VARIABLE})",
    )


def use_mirror(location: str | None) -> None:
    """Look for published weights at a mirror first, in all that this process does. Raises ValueError for one that is
    neither an address nor a folder."""
    if location is not None:
        from pose_track.weights.sources import MIRROR_VARIABLE, Mirror

        Mirror(location)
        os.environ[MIRROR_VARIABLE] = location


def add_skeleton(parser: argparse.ArgumentParser) -> None:
    """--skeleton, the joints of COCO results; see `chosen_skeleton`."""
    from pose_track.structures.skeleton import SKELETONS

    names = ", ".join(SKELETONS)
    parser.add_argument(
        "--skeleton", metavar="NAME|FILE", help=f"joints of COCO results: {names}, or a YAML file (default: coco_17)"
    )


def chosen_skeleton(options: argparse.Namespace) -> Skeleton | None:
    """The skeleton of --skeleton, None without it. Raises ValueError for neither a name nor a file."""
    if options.skeleton is None:
        return None
    from pose_track.config.skeletons import find_skeleton

    return find_skeleton(options.skeleton)


def add_lenient(parser: argparse.ArgumentParser) -> None:
    """--lenient."""
    parser.add_argument("--lenient", action="store_true", help="skip invalid entries of the files, and count them")


def given(values: Mapping[str, object]) -> dict[str, str]:
    """Settings for which an option was given, as text.

    >>> given({"device": "cpu", "reader.stride": None})
    {'device': 'cpu'}
    """
    return {key: str(value) for key, value in values.items() if value is not None}
