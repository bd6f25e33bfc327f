"""MPII Human Pose annotations: the json files of the published code, and the MATLAB file of the data set itself.

Both count pixels from 1, as MATLAB does; labels count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.annotations import Note, OnBroken, fields, numbers, read_entries, read_json
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, head_size
from pose_track.formats.validate import objects
from pose_track.structures.skeleton import MPII_16, Skeleton
from pose_track.utils.matlab import is_matlab, number, read_variable, structs, text

Part = Literal["train", "test"]


def load_mpii_people(
    path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop", part: Part = "train"
) -> list[PersonLabel]:
    """The people with at least one labelled joint, their joints mapped by name to `skeleton`.

    path: a json of the published code (`train.json`, `valid.json`), or `mpii_human_pose_v1_u12_1.mat`, of which only
    people with joints, a scale and a position are taken, and of these only what `part` names. The box is the square of
    the published code; the head's size is told by the MATLAB file alone. A joint counts as seen where the file does not
    tell whether it is hidden. on_broken: what becomes of an entry that is at fault, see `read_entries`. Raises
    FileNotFoundError, or ValueError where the file is neither, or naming the entry that is at fault.
    """
    if part not in ("train", "test"):
        raise ValueError(f'part must be "train" or "test", got {part!r}')
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    joints = JointMap(MPII_16.joint_names, skeleton, path)
    if is_matlab(path):
        return read_entries(path, _rects(path, part), lambda rect: _person_of_rect(rect, joints), on_broken)
    notes = objects(read_json(path), str(path))
    named = ((f"{path}: entry {number}", note) for number, note in enumerate(notes))
    return read_entries(path, named, lambda note: _person_of_note(note, joints), on_broken)


def _box(center: Iterable[float], scale: float) -> NDArray[np.float64]:
    """(4,) x1 y1 x2 y2: a square of 200 pixels times `scale` about the centre, which is first moved down by 15 pixels
    times `scale`, so that the feet are in it (the published code of HRNet, lib/dataset/mpii.py). center: from 1."""
    x, y = center
    if not math.isfinite(x + y + scale) or x == -1 or scale <= 0:  # -1: not known
        raise ValueError(f"does not tell where the person is and how large: center {[x, y]}, scale {scale}")
    middle = np.array([x - 1, y - 1 + 15 * scale])
    return np.concatenate([middle - 100 * scale, middle + 100 * scale])


def _person_of_note(note: Note, joints: JointMap) -> PersonLabel | None:
    image, center, scale, positions, labelled = fields(note, "image", "center", "scale", "joints", "joints_vis")
    visibility = 2 * (numbers(labelled, (16,), "joints_vis") > 0)
    placed = joints.place(numbers(positions, (16, 2), "joints") - 1, visibility)
    if placed is None:
        return None
    box = _box(numbers(center, (2,), "center").tolist(), float(numbers(scale, (), "scale")))
    return PersonLabel(image, *placed, box)


class _Rect(NamedTuple):
    """A person of the MATLAB file: the name of the picture, and the structs that tell of the person."""

    image: str
    note: Any
    position: Any
    points: list[Any]


def _rects(path: Path, part: Part) -> Iterator[tuple[str, _Rect]]:
    """The people with joints, a scale and a position, each with what to call it in an error, as MATLAB would."""
    release = np.ravel(read_variable(path, "RELEASE"))
    images = structs(release[0], "annolist") if release.size else []
    chosen = np.ravel(getattr(release[0], "img_train", [])) == (part == "train") if release.size else []
    if not images or len(chosen) != len(images):
        raise ValueError(f"{path} is not MPII's: RELEASE has {len(images)} annolist, {len(chosen)} img_train")
    for i in np.flatnonzero(chosen):
        name = "".join(text(image, "name") for image in structs(images[i], "image"))
        for j, note in enumerate(structs(images[i], "annorect"), start=1):
            position = structs(note, "objpos")
            points = [point for points in structs(note, "annopoints") for point in structs(points, "point")]
            if points and position and not math.isnan(number(note, "scale")):
                yield f"{path}: annolist({i + 1}).annorect({j})", _Rect(name, note, position[0], points)


def _person_of_rect(rect: _Rect, joints: JointMap) -> PersonLabel | None:
    if not rect.image:
        raise ValueError("is of a picture without name")
    positions, visibility = np.zeros((16, 2)), np.zeros(16, np.int64)
    for point in rect.points:
        joint = number(point, "id")
        if joint not in range(16):
            raise ValueError(f"has a point of id {joint}, which must be 0 to 15")
        positions[int(joint)] = number(point, "x") - 1, number(point, "y") - 1
        visibility[int(joint)] = 1 if number(point, "is_visible") == 0 else 2
    placed = joints.place(positions, visibility)
    if placed is None:
        return None
    box = _box([number(rect.position, "x"), number(rect.position, "y")], number(rect.note, "scale"))
    head = head_size([number(rect.note, key) for key in ("x1", "y1", "x2", "y2")])
    return PersonLabel(rect.image, *placed, box, head_size=head)
