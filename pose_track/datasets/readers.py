"""Labelled people from whichever format a file is in."""

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
from pose_track.formats.validate import objects
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.matlab import is_matlab, variable_names

LabelFormat = Literal["auto", "coco", "mpii", "posetrack", "lsp"]

_READERS: dict[str, Callable[[Path, Skeleton, OnBroken], list[PersonLabel]]] = {
    "coco": load_coco_people,
    "mpii": load_mpii_people,
    "posetrack": load_posetrack_people,
    "lsp": load_lsp_people,
}


def load_people(
    format: LabelFormat, annotations: Path, skeleton: Skeleton, on_broken: OnBroken = "stop"
) -> list[PersonLabel]:
    """The labelled people of a file or, for PoseTrack, of a folder of files, their joints mapped by name to `skeleton`.

    format: "auto" tells it by the content, see `recognise`; which people and which boxes: see the reader of the
    format, `load_coco_people` and so on. on_broken: whether a broken entry stops the reading, or is left out and
    counted in one log warning. Raises FileNotFoundError, or ValueError naming the file and the entry at fault.
    """
    if format not in get_args(LabelFormat):
        raise ValueError(f"format must be one of {', '.join(get_args(LabelFormat))}, got {format!r}")
    return _READERS[recognise(annotations) if format == "auto" else format](annotations, skeleton, on_broken)


def recognise(annotations: Path) -> LabelFormat:
    """The format of an annotation file: MATLAB files by their variable, JSON files by their keys. A folder is
    PoseTrack's; so is a file in COCO's layout whose pictures tell whether they are labelled.

    Raises FileNotFoundError, or ValueError where it is none of them.
    """
    if annotations.is_dir():
        return "posetrack"
    if not annotations.is_file():
        raise FileNotFoundError(f"no annotation file {annotations}")
    found = _of_matlab(annotations) if is_matlab(annotations) else _of_json(annotations)
    if found is None:
        known = ", ".join(_READERS)
        raise ValueError(f"{annotations} is in none of the formats {known}; convert it to one of them")
    return found


def _of_matlab(path: Path) -> LabelFormat | None:
    names = variable_names(path)
    return "mpii" if "RELEASE" in names else "lsp" if "joints" in names else None


def _of_json(path: Path) -> LabelFormat | None:
    data = read_json(path)
    if isinstance(data, list):
        return "mpii" if data and isinstance(data[0], dict) and "joints_vis" in data[0] else None
    if not isinstance(data, dict):
        return None
    if "annolist" in data:
        return "posetrack"
    if "images" not in data or "annotations" not in data:
        return None
    images = objects(data["images"], f"{path}: images")
    return "posetrack" if any("is_labeled" in image for image in images) else "coco"
