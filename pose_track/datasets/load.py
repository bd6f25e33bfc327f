"""Labelled people from any supported annotation format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from pose_track.datasets.annotations import OnBroken, read_json
from pose_track.datasets.coco import load_coco_people
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.lsp import load_lsp_people
from pose_track.datasets.mpii import load_mpii_people
from pose_track.datasets.posetrack import load_posetrack_people
from pose_track.formats.validate import object_list
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.matlab import is_matlab, variable_names

LabelFormat = Literal["auto", "coco", "mpii", "posetrack", "lsp"]

_LOADERS: dict[str, Callable[[Path, Skeleton, OnBroken], list[PersonLabel]]] = {
    "coco": load_coco_people,
    "mpii": load_mpii_people,
    "posetrack": load_posetrack_people,
    "lsp": load_lsp_people,
}


def load_people(
    format: LabelFormat, annotations: Path, skeleton: Skeleton, on_broken: OnBroken = "stop"
) -> list[PersonLabel]:
    """The labelled people of an annotation file, their joints mapped by name to `skeleton`.

    Which people and which boxes: see the loader of the format, such as `load_coco_people`.

    Args:
        format: "auto" identifies it by content, see `identify_format`.
        annotations: a file, or for PoseTrack a folder of files.
        skeleton: of the returned joints.
        on_broken: "stop" raises an error for a broken entry; "skip" leaves it out and counts it in one log warning.

    Raises FileNotFoundError, or ValueError naming the file and the broken entry.
    """
    if format not in get_args(LabelFormat):
        raise ValueError(f"format must be one of {', '.join(get_args(LabelFormat))}, got {format!r}")
    return _LOADERS[identify_format(annotations) if format == "auto" else format](annotations, skeleton, on_broken)


def identify_format(annotations: Path) -> LabelFormat:
    """The format of an annotation file: MATLAB files by their variable, JSON files by their keys.

    A folder is PoseTrack's. So is a file in COCO's layout whose images have the key "is_labeled". Raises
    FileNotFoundError, or ValueError for an unknown format.
    """
    if annotations.is_dir():
        return "posetrack"
    if not annotations.is_file():
        raise FileNotFoundError(f"no annotation file {annotations}")
    format = _matlab_format(annotations) if is_matlab(annotations) else _json_format(annotations)
    if format is None:
        raise ValueError(f"{annotations} is in none of the formats {', '.join(_LOADERS)}; convert it to one of them")
    return format


def _matlab_format(path: Path) -> LabelFormat | None:
    names = variable_names(path)
    return "mpii" if "RELEASE" in names else "lsp" if "joints" in names else None


def _json_format(path: Path) -> LabelFormat | None:
    data = read_json(path)
    if isinstance(data, list):
        return "mpii" if data and isinstance(data[0], dict) and "joints_vis" in data[0] else None
    if not isinstance(data, dict):
        return None
    if "annolist" in data:
        return "posetrack"
    if "images" not in data or "annotations" not in data:
        return None
    images = object_list(data["images"], f"{path}: images")
    return "posetrack" if any("is_labeled" in image for image in images) else "coco"
