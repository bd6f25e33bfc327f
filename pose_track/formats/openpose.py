"""OpenPose's results: a folder with a file for each frame, people in the order of its BODY_25 model.

    NAME_000000000012_keypoints.json: {"version": 1.3, "people": [{"person_id": [3],
     "pose_keypoints_2d": [x, y, score, ...], "face_keypoints_2d": [], ...}]}

Layout: CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pose_track.formats.defaults import flat_keypoints
from pose_track.structures.conversion import convert_people
from pose_track.structures.sequence import FrameSource, People
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_path


def _side(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


_ARM, _LEG, _FOOT = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"), ("big_toe", "small_toe", "heel")

# neck and mid_hip are midway between their twins; no skeleton has feet, which are therefore absent
BODY_25 = Skeleton(
    "body_25",
    (
        *("nose", "neck", *_side("right", *_ARM), *_side("left", *_ARM)),
        *("mid_hip", *_side("right", *_LEG), *_side("left", *_LEG)),
        *("right_eye", "left_eye", "right_ear", "left_ear", *_side("left", *_FOOT), *_side("right", *_FOOT)),
    ),
)

_FILE_NAME = re.compile(r".*_\d{12}_keypoints\.json")
_MIDDLES = {"neck": "shoulder", "mid_hip": "hip"}
_EMPTY = (
    *("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d"),
    *("face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d"),
)


def write_openpose(source: FrameSource, folder: str | Path) -> None:
    """Write a folder in OpenPose's layout, which appears only when it is whole, in place of an older one.

    A file is called by the sequence's name, in plain letters, and the frame's index. Raises FileExistsError where
    `folder` holds anything but files of this kind, and where two frames have one index.
    """
    folder = Path(folder)
    _older_files(folder)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", source.name)[:100]
    with atomic_path(folder) as unfinished:
        unfinished.mkdir()
        for info, people in source:
            body = _with_middles(convert_people(people, source.skeleton, BODY_25), source.skeleton)
            record = {"version": 1.3, "people": _people(body)}
            with (unfinished / f"{name}_{info.index:012d}_keypoints.json").open("x", encoding="utf-8") as file:
                file.write(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n")
        for older in _older_files(folder):
            older.unlink()


def _older_files(folder: Path) -> list[Path]:
    """The files of a folder that may be there already. Raises FileExistsError where one is not of this kind."""
    there = sorted(folder.iterdir()) if folder.exists() else []
    for path in there:
        if not _FILE_NAME.fullmatch(path.name):
            raise FileExistsError(f"{str(folder)!r} holds {path.name!r}, which is not OpenPose's; give another folder")
    return there


def _with_middles(people: People, source: Skeleton) -> People:
    """BODY_25 people, freshly converted from `source`, with the neck and mid_hip that follow from joints it has."""
    for name in _MIDDLES.keys() - set(source.joint_names):
        part = _MIDDLES[name]
        twins = [BODY_25.index(f"{side}_{part}") for side in ("left", "right")]
        people.joints[:, BODY_25.index(name)] = people.joints[:, twins].mean(axis=1)
        people.joint_scores[:, BODY_25.index(name)] = people.joint_scores[:, twins].mean(axis=1)
    return people


def _people(people: People) -> list[dict[str, Any]]:
    columns = zip(people.track_ids.tolist(), flat_keypoints(people), strict=True)
    return [
        {"person_id": [track_id], "pose_keypoints_2d": triples, **{key: [] for key in _EMPTY}}
        for track_id, triples in columns
    ]
