"""MPII Human Pose annotations: the JSON files of the published code, and the data set's own MATLAB file.

Both count pixels from 1, as MATLAB does; labels count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from pose_track.datasets.annotations import (
    JsonObject,
    OnBroken,
    checked_name,
    get_fields,
    read_entries,
    read_json,
    to_array,
)
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, head_size
from pose_track.formats.validate import object_list
from pose_track.structures.arrays import Float64Array
from pose_track.structures.skeleton import MPII_16, Skeleton
from pose_track.utils.matlab import is_matlab, number, read_variable, structs, text

Split = Literal["train", "test"]


def load_mpii_people(
    path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop", split: Split = "train"
) -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`.

    The box is the square of the published code. Only the MATLAB file has head sizes. A joint counts as visible if the
    file does not say that it is hidden.

    Args:
        path: a JSON file of the published code (`train.json`, `valid.json`), or `mpii_human_pose_v1_u12_1.mat`, where
            people without joints, scale or position are left out.
        skeleton: of the returned joints.
        on_broken: what happens to a broken entry, see `read_entries`.
        split: which images of the MATLAB file to read.

    Raises FileNotFoundError, or ValueError if the file is neither, or naming a broken entry.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", got {split!r}')
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    joints = JointMap(MPII_16.joint_names, skeleton, path)
    joints.log_differences()
    if is_matlab(path):
        return read_entries(path, _rects(path, split), lambda rect: _person_of_rect(rect, joints), on_broken)
    entries = ((f"{path}: entry {i}", entry) for i, entry in enumerate(object_list(read_json(path), str(path))))
    return read_entries(path, entries, lambda entry: _person_of_entry(entry, joints), on_broken)


def _box(center: Iterable[float], scale: float) -> Float64Array:
    """(4,) x1 y1 x2 y2: a square of 200 pixels times `scale` about the centre.

    The centre, which counts pixels from 1, is first moved down by 15 pixels times `scale`, so that the box contains
    the feet (the published code of HRNet, lib/dataset/mpii.py).
    """
    x, y = center
    if not math.isfinite(x + y + scale) or x == -1 or scale <= 0:  # -1 marks an unknown centre
        raise ValueError(f"needs a known center and a scale above 0, got center {[x, y]}, scale {scale}")
    middle = np.array([x - 1, y - 1 + 15 * scale])
    return np.concatenate([middle - 100 * scale, middle + 100 * scale])


def _person_of_entry(entry: JsonObject, joints: JointMap) -> PersonLabel | None:
    image, center, scale, positions, labelled = get_fields(entry, "image", "center", "scale", "joints", "joints_vis")
    visibility = 2 * (to_array(labelled, (16,), "joints_vis") > 0)
    pose = joints.convert(to_array(positions, (16, 2), "joints") - 1, visibility)
    if pose is None:
        return None
    box = _box(to_array(center, (2,), "center").tolist(), float(to_array(scale, (), "scale")))
    return PersonLabel(checked_name(image, "image"), *pose, box)


class _Rect(NamedTuple):
    """A person of the MATLAB file: the image's file name and the person's structs."""

    image: str
    annorect: Any
    position: Any
    points: list[Any]


def _rects(path: Path, split: Split) -> Iterator[tuple[str, _Rect]]:
    """The people with joints, a scale and a position, each after its MATLAB expression for error messages."""
    release = np.ravel(read_variable(path, "RELEASE"))
    images = structs(release[0], "annolist") if release.size else []
    in_split = np.ravel(getattr(release[0], "img_train", [])) == (split == "train") if release.size else []
    if not images or len(in_split) != len(images):
        raise ValueError(f"{path} is not MPII's: RELEASE has {len(images)} annolist, {len(in_split)} img_train")
    for i in np.flatnonzero(in_split):
        name = "".join(text(image, "name") for image in structs(images[i], "image"))
        for j, annorect in enumerate(structs(images[i], "annorect"), start=1):
            position = structs(annorect, "objpos")
            points = [point for points in structs(annorect, "annopoints") for point in structs(points, "point")]
            if points and position and not math.isnan(number(annorect, "scale")):
                yield f"{path}: annolist({i + 1}).annorect({j})", _Rect(name, annorect, position[0], points)


def _person_of_rect(rect: _Rect, joints: JointMap) -> PersonLabel | None:
    if not rect.image:
        raise ValueError("has no image name")
    positions, visibility = np.zeros((16, 2)), np.zeros(16, np.int64)
    for point in rect.points:
        joint = number(point, "id")
        if joint not in range(16):
            raise ValueError(f"has a point of id {joint}, which must be 0 to 15")
        positions[int(joint)] = number(point, "x") - 1, number(point, "y") - 1
        visibility[int(joint)] = 1 if number(point, "is_visible") == 0 else 2
    pose = joints.convert(positions, visibility)
    if pose is None:
        return None
    box = _box([number(rect.position, "x"), number(rect.position, "y")], number(rect.annorect, "scale"))
    head = head_size([number(rect.annorect, key) for key in ("x1", "y1", "x2", "y2")])
    return PersonLabel(rect.image, *pose, box, head_size=head)
