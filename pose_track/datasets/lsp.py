"""Leeds Sports Pose and its extended training set: one person an image, in `joints.mat`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose_track.datasets.annotations import OnBroken, read_entries
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, box_around
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.skeleton import LSP_14, Skeleton
from pose_track.utils.matlab import read_variable


def load_lsp_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people with labelled joints, mapped by name to `skeleton`.

    Pixels count from 1 in the file and from 0 in the labels. The box is the extent of the labelled joints enlarged by
    15 %; people whose joints span no box are left out.

    Args:
        path: `joints.mat` of either set. Leeds Sports Pose has (3, 14, N); the third row marks hidden joints, and the
            images are im0001.jpg and on. The extended set has (14, 3, N); the third column marks labelled joints, and
            the images are im00001.jpg and on.
        skeleton: of the returned joints.
        on_broken: what happens to a person with labelled joints without position, see `read_entries`.

    Raises FileNotFoundError, or ValueError if the file has neither layout.
    """
    joints = JointMap(LSP_14.joint_names, skeleton, path)
    joints.log_differences()

    def read(person: _Person) -> PersonLabel | None:
        pose = joints.convert(person.joints, person.visibility)
        box = box_around(person.joints, person.visibility)
        return PersonLabel(person.image, *pose, box) if pose is not None and box is not None else None

    return read_entries(path, _people(path), read, on_broken)


class _Person(NamedTuple):
    """image: its file name; joints: (14, 2) pixels from 0; visibility: (14,)."""

    image: str
    joints: Float64Array
    visibility: IntArray


def _people(path: Path) -> Iterator[tuple[str, _Person]]:
    values = np.atleast_3d(read_variable(path, "joints"))
    extended = values.shape[:2] == (14, 3)
    if values.ndim != 3 or not (extended or values.shape[:2] == (3, 14)) or values.dtype.kind not in "fiub":
        raise ValueError(f"{path}: joints must be 3 x 14 x N or 14 x 3 x N numbers, got {values.shape} {values.dtype}")
    values = values.transpose(2, 0, 1) if extended else values.transpose(2, 1, 0)  # -> (N, 14, 3)
    marked = values[..., 2] > 0
    visibility = np.where(marked, 2, 0) if extended else np.where(marked, 1, 2)
    for i, joints in enumerate(values[..., :2].astype(np.float64) - 1):
        image = f"im{i + 1:05d}.jpg" if extended else f"im{i + 1:04d}.jpg"
        yield f"{path}: the person of {image}", _Person(image, joints, visibility[i])
