"""OpenPose's results: a folder with a file for each frame; people have the joints of the BODY_25 model.

    NAME_000000000012_keypoints.json: {"version": 1.3, "people": [{"person_id": [3],
     "pose_keypoints_2d": [x, y, score, ...], "face_keypoints_2d": [], ...}]}

Face and hands are there for poses with the joints of COCO-WholeBody.

Layout: CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pose_track.formats.defaults import flat_keypoints
from pose_track.structures.conversion import check_convertible, convert_annotations
from pose_track.structures.sequence import FrameSource, PoseAnnotations
from pose_track.structures.skeleton import Skeleton
from pose_track.structures.whole_body import FACE_JOINTS, HAND_JOINTS
from pose_track.utils.atomic import atomic_path


def _side(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


_ARM, _LEG, _FOOT = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"), ("big_toe", "small_toe", "heel")

# neck and mid_hip are midway between left and right
BODY_25 = Skeleton(
    "body_25",
    (
        *("nose", "neck", *_side("right", *_ARM), *_side("left", *_ARM)),
        *("mid_hip", *_side("right", *_LEG), *_side("left", *_LEG)),
        *("right_eye", "left_eye", "right_ear", "left_ear", *_side("left", *_FOOT), *_side("right", *_FOOT)),
    ),
)

_FILE_NAME = re.compile(r".*_\d{12}_keypoints\.json")
_MIDPOINTS = {"neck": "shoulder", "mid_hip": "hip"}
_EMPTY = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")
# the same joints as COCO-WholeBody's in the same order, and the two pupils, which that lacks
_DETAIL = {
    "face_keypoints_2d": (*FACE_JOINTS, "right_pupil", "left_pupil"),
    "hand_left_keypoints_2d": HAND_JOINTS[:21],
    "hand_right_keypoints_2d": HAND_JOINTS[21:],
}


def write_openpose(source: FrameSource, folder: str | Path) -> None:
    """Write a folder in OpenPose's layout; it appears, or replaces an older one, only when it is complete.

    A file's name is the sequence's name, with "_" for special characters, and the frame's index. Raises
    FileExistsError where `folder` holds other files, and where two frames have the same index.
    """
    check_convertible(source.skeleton, BODY_25, "OpenPose's layout")
    folder = Path(folder)
    _older_files(folder)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", source.name)[:100]
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for info, people in source:
            record = {"version": 1.3, "people": _people(people, source.skeleton)}
            with (temporary / f"{name}_{info.index:012d}_keypoints.json").open("x", encoding="utf-8") as file:
                file.write(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n")
        for older in _older_files(folder):
            older.unlink()


def _older_files(folder: Path) -> list[Path]:
    """The existing files of a folder. Raises FileExistsError where one is not OpenPose's."""
    paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in paths:
        if not _FILE_NAME.fullmatch(path.name):
            raise FileExistsError(f"{str(folder)!r} holds {path.name!r}, which is not OpenPose's; give another folder")
    return paths


def _add_midpoints(people: PoseAnnotations, source: Skeleton) -> PoseAnnotations:
    """Fill in neck and mid_hip of BODY_25 people converted from the skeleton `source`, where that lacks them."""
    for name in _MIDPOINTS.keys() - set(source.joint_names):
        part = _MIDPOINTS[name]
        sides = [BODY_25.index(f"{side}_{part}") for side in ("left", "right")]
        people.joints[:, BODY_25.index(name)] = people.joints[:, sides].mean(axis=1)
        people.joint_scores[:, BODY_25.index(name)] = people.joint_scores[:, sides].mean(axis=1)
    return people


def _people(people: PoseAnnotations, source: Skeleton) -> list[dict[str, Any]]:
    body = _add_midpoints(convert_annotations(people, source, BODY_25), source)
    lists = {"pose_keypoints_2d": flat_keypoints(body)}
    for key, names in _DETAIL.items():
        known = set(names) & set(source.joint_names)
        part = convert_annotations(people, source, Skeleton(key, names, pairs=(), limbs=())) if known else None
        lists[key] = [[] for _ in range(len(people))] if part is None else flat_keypoints(part)
    return [
        {"person_id": [track_id], **{key: triples[n] for key, triples in lists.items()}, **{key: [] for key in _EMPTY}}
        for n, track_id in enumerate(people.track_ids.tolist())
    ]
