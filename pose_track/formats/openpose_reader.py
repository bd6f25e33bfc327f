"""Reading a folder of OpenPose; see `openpose` for its layout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.frame_people import FramePerson, sequence_of_frames
from pose_track.formats.json_text import read_json
from pose_track.formats.openpose import BODY_25
from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.structures.sequence import FrameInfo, PoseSequence
from pose_track.structures.skeleton import Skeleton

LAYOUT = "openpose"

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_OWN_NAMES = {"neck": "head_bottom", "mid_hip": "pelvis"}

# OpenPose's names of two joints are replaced by those that the package knows
BODY_25_JOINTS = Skeleton("openpose_25", tuple(_OWN_NAMES.get(name, name) for name in BODY_25.joint_names))
COCO_18 = Skeleton(
    "openpose_18",
    (
        *(name for name in BODY_25_JOINTS.joint_names[:15] if name != "pelvis"),
        *("right_eye", "left_eye", "right_ear", "left_ear"),
    ),
)
_SKELETONS = {3 * skeleton.num_joints: skeleton for skeleton in (BODY_25_JOINTS, COCO_18)}


class _Person(msgspec.Struct):
    pose_keypoints_2d: list[_Number]
    person_id: list[Annotated[int, Meta(ge=-1, le=INT64_MAX)]] = []


class _File(msgspec.Struct):
    people: list[_Person]


def read_openpose(folder: str | Path) -> PoseSequence:
    """Read a folder with a file for each frame: BODY_25, or the 18 joints of the COCO model.

    A frame's index is the number in the file's name. Raises ValueError, naming the file, for invalid files, and for
    files of several videos.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*_keypoints.json"))
    files = [(path, _number(path), _read(path)) for path in paths]
    if len({number for _, number, _ in files}) < len(files):
        raise ValueError(f"{str(folder)!r} holds files of several videos; give a folder for each")
    lengths = {len(person.pose_keypoints_2d) for _, _, file in files for person in file.people}
    if len(lengths) > 1 or not lengths <= _SKELETONS.keys():
        raise ValueError(f"{str(folder)!r}: people must have 25 joints or 18, got {sorted(lengths)} numbers")
    skeleton = _SKELETONS[lengths.pop()] if lengths else BODY_25_JOINTS
    frames = ((FrameInfo(number), [_person(person) for person in file.people]) for _, number, file in files)
    return sequence_of_frames(folder.name, skeleton, frames, LAYOUT, {})


def _number(path: Path) -> int:
    match = re.search(r"(\d{1,12})_keypoints\.json$", path.name)
    if match is None:
        raise ValueError(f"{path}: the name must have the number of the frame before _keypoints.json")
    return int(match[1])


def _read(path: Path) -> _File:
    try:
        return msgspec.convert(read_json(path), _File)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {error}") from None


def _person(person: _Person) -> FramePerson:
    triples = np.array(person.pose_keypoints_2d).reshape(-1, 3)
    return FramePerson(triples, person.person_id[0] if person.person_id else -1)
