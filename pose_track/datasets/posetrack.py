"""PoseTrack's truth as labelled people: the layout of the 2017 edition, and that of 2018 and 2021.

Each layout is read by a function of its own into `AnnotatedPerson`s, which know nothing of training; `_label` makes
labels of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.coco import CocoFile
from pose_track.datasets.entries import Note, OnBroken, fields, numbers, objects, read_entries, read_json
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, box_around, head_size
from pose_track.skeleton import POSETRACK18_17, POSETRACK_15, Skeleton

_EARS = ("left_ear", "right_ear")


def load_posetrack_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people of the labelled frames, their joints mapped by name to `skeleton`.

    path: one sequence's file, or a folder with such files (`*.json`, in the order of their names), in the layout of
    2017 (`annolist`) or of 2018 and 2021 (`images`, `annotations`). Names of pictures are the file's, relative to the
    data set's own folder. The box is the extent of all labelled joints grown by 15 % (Xiao et al., ECCV 2018); people
    whose joints span none, as a single joint, are left out. The ears of 2018 are never labelled; a joint counts as
    labelled and hidden where its flag is 0 but it has a position, as in the published evaluation. on_broken: what
    becomes of a person who is at fault, see `read_entries`. Raises FileNotFoundError, or ValueError where a file is in
    neither layout, or naming the person who is at fault.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no .json files in {path}")
    labels = chain.from_iterable(_labels(file, skeleton) for file in files)
    return read_entries(path, labels, lambda label: label(), on_broken)


class AnnotatedPerson(NamedTuple):
    """A person as a file tells of one. image: the picture's name; image_id: 0 where the file tells none; joints: (J, 2)
    pixels; visibility: (J,) 0 not labelled, 1 hidden, 2 seen (1 for either in the files of 2018); head_box: (4,)
    x1 y1 x2 y2, NaN where not told."""

    image: str
    image_id: int
    joints: NDArray[np.float64]
    visibility: NDArray[np.int64]
    head_box: NDArray[np.float64]


class _Layout(NamedTuple):
    """A file's J joints, and its people: what to call each in an error, and how to read it; None where there is nothing
    to read."""

    joint_names: Sequence[str]
    people: Iterator[tuple[str, Callable[[], AnnotatedPerson | None]]]


def _labels(path: Path, skeleton: Skeleton) -> Iterator[tuple[str, Callable[[], PersonLabel | None]]]:
    data = read_json(path)
    layout = _layout17(path, data) if isinstance(data, dict) and "annolist" in data else _layout18(path, data)
    joints = JointMap(layout.joint_names, skeleton, path)
    for where, read in layout.people:
        yield where, partial(_label, read, joints)


def _label(read: Callable[[], AnnotatedPerson | None], joints: JointMap) -> PersonLabel | None:
    person = read()
    if person is None:
        return None
    placed, box = joints.place(person.joints, person.visibility), box_around(person.joints, person.visibility)
    if placed is None or box is None:
        return None
    return PersonLabel(person.image, *placed, box, person.image_id, head_size(person.head_box))


def _layout17(path: Path, data: Note) -> _Layout:
    """{"annolist": [{"image", "is_labeled", "annorect": [...]}]}, every scalar in a list of one."""

    def people() -> Iterator[tuple[str, Callable[[], AnnotatedPerson]]]:
        for i, frame in enumerate(objects(data["annolist"], f"{path}: annolist")):
            where = f"{path}: annolist[{i}].annorect"
            if _scalar(frame.get("is_labeled", 1)):
                for j, rect in enumerate(objects(frame.get("annorect"), where)):
                    yield f"{where}[{j}]", partial(_person17, frame, rect)

    return _Layout(POSETRACK_15.joint_names, people())


def _person17(frame: Note, rect: Note) -> AnnotatedPerson:
    points = _points17(rect)
    ids = points[:, 0].astype(np.int64)
    joints, visibility = np.zeros((15, 2)), np.zeros(15, np.int64)
    joints[ids], visibility[ids] = points[:, 1:3], np.where(points[:, 3] == 0, 1, 2)
    head = numbers([_scalar(rect.get(key)) for key in ("x1", "y1", "x2", "y2")], (4,), "x1 y1 x2 y2 of the head")
    image = _scalar(frame.get("image"))
    name = _scalar(image.get("name")) if isinstance(image, dict) else None
    if not name:
        raise ValueError("is of a picture without name")
    return AnnotatedPerson(name, 0, joints, visibility, head)


def _points17(rect: Note) -> NDArray[np.float64]:
    """(P, 4) joint, x, y and whether it is seen, NaN where not told, of a person's points."""
    notes = [
        point
        for annopoints in objects(rect.get("annopoints"), "has annopoints that")
        for point in objects(annopoints.get("point"), "has a point that")
    ]
    if not notes:
        return np.zeros((0, 4))
    rows = [[_scalar(point.get(key)) for key in ("id", "x", "y", "is_visible")] for point in notes]
    points = numbers(rows, (len(rows), 4), "id, x, y, is_visible of the points")
    odd = points[:, 0] != np.clip(np.floor(points[:, 0]), 0, 14)
    if odd.any():
        raise ValueError(f"has a point of id {points[odd][0, 0]}, which must be 0 to 14")
    return points


def _scalar(value: Any) -> Any:
    """What is in a list of one; None for an empty list."""
    return next(iter(value), None) if isinstance(value, list) else value


def _layout18(path: Path, data: Any) -> _Layout:
    """COCO's layout, with `is_labeled` at the images and `bbox_head` at the people."""
    file = CocoFile(path, data, POSETRACK18_17.joint_names)
    return _Layout(file.joint_names, ((where, partial(_person18, file, note)) for where, note in file.people()))


def _person18(file: CocoFile, note: Note) -> AnnotatedPerson | None:
    image = file.image(note)
    if note.get("iscrowd") or not image.get("is_labeled", True):
        return None
    raw = file.keypoints(note)
    joints, visibility = raw[:, :2], raw[:, 2].astype(np.int64)
    visibility[(visibility == 0) & (joints != 0).any(axis=1)] = 1
    visibility[np.isin(file.joint_names, _EARS)] = 0
    left, top, width, height = numbers(note.get("bbox_head") or [None] * 4, (4,), "bbox_head")
    (name,) = fields(image, "file_name")
    head_box = np.array([left, top, left + width, top + height])
    return AnnotatedPerson(name, image["id"], joints, visibility, head_box)
