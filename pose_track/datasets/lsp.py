"""Leeds Sports Pose, and its extended training set: one person in each picture, `joints.mat`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.annotations import OnBroken, read_entries
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, box_around
from pose_track.structures.skeleton import LSP_14, Skeleton
from pose_track.utils.matlab import read_variable


def load_lsp_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people with labelled joints, these mapped by name to `skeleton`.

    path: `joints.mat`, (3, 14, N) of Leeds Sports Pose, whose third row marks what is hidden and whose pictures are
    im0001.jpg and on, or (14, 3, N) of the extended set, whose third column marks what is labelled and whose pictures
    are im00001.jpg and on. Pixels, which MATLAB counts from 1, count from 0 in the labels. The box is the extent of the
    labelled joints grown by 15 %; people whose joints span none are left out. on_broken: what becomes of a person with
    joints without position, see `read_entries`. Raises FileNotFoundError, or ValueError where the file is neither.
    """
    joints = JointMap(LSP_14.joint_names, skeleton, path)

    def read(person: _Person) -> PersonLabel | None:
        placed = joints.place(person.joints, person.visibility)
        box = box_around(person.joints, person.visibility)
        return PersonLabel(person.image, *placed, box) if placed is not None and box is not None else None

    return read_entries(path, _people(path), read, on_broken)


class _Person(NamedTuple):
    """image: the name of the picture; joints: (14, 2) pixels from 0; visibility: (14,)."""

    image: str
    joints: NDArray[np.float64]
    visibility: NDArray[np.int64]


def _people(path: Path) -> Iterator[tuple[str, _Person]]:
    raw = np.atleast_3d(read_variable(path, "joints"))
    extended = raw.shape[:2] == (14, 3)
    if raw.ndim != 3 or not (extended or raw.shape[:2] == (3, 14)) or raw.dtype.kind not in "fiub":
        raise ValueError(f"{path}: joints must be 3 x 14 x N or 14 x 3 x N numbers, got {raw.shape} of {raw.dtype}")
    raw = raw.transpose(2, 0, 1) if extended else raw.transpose(2, 1, 0)  # (N, 14, 3)
    marked = raw[..., 2] > 0
    visibility = np.where(marked, 2, 0) if extended else np.where(marked, 1, 2)
    for i, joints in enumerate(raw[..., :2].astype(np.float64) - 1):
        image = f"im{i + 1:05d}.jpg" if extended else f"im{i + 1:04d}.jpg"
        yield f"{path}: the person of {image}", _Person(image, joints, visibility[i])
