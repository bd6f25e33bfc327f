"""Landmarks of MediaPipe Pose (BlazePose) as JSON, which has no layout of its own; these are read:

    [[[x, y, z], ...33], ...]                                       one person, an item for each frame, in pixels
    [[{"x": 310.5, "y": 200, "z": 0, "visibility": 0.93}, ...33], ...]    the same with names
    [{"landmarks": [...33]}, ...] or [{"pose_landmarks": [[...33], ...]}, ...]    of one person, or of several

An item without landmarks is a frame without people. Positions have to be pixels: MediaPipe's own are shares of the
image, whose size the file does not hold. z is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.frame_people import FramePerson, sequence_of_frames
from pose_track.formats.json_text import read_json
from pose_track.formats.validate import MAX_NUMBER
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameInfo, PoseSequence
from pose_track.structures.skeleton import Skeleton

LAYOUT = "mediapipe"

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]

# google-ai-edge/mediapipe, PoseLandmark; its "foot_index" is the tip of the big toe
_FACE = (
    *("nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
)
_SIDED = (
    *("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel"),
    "big_toe",
)
BLAZEPOSE_33 = Skeleton("blazepose_33", (*_FACE, *(f"{side}_{part}" for part in _SIDED for side in ("left", "right"))))


class _Landmark(msgspec.Struct):
    x: _Number
    y: _Number
    visibility: _Number = 1.0


_Triple = Annotated[list[_Number], Meta(min_length=2, max_length=4)]


def read_mediapipe(path: str | Path) -> PoseSequence:
    """Read landmarks in pixels. One person a frame has the id 1; several have none.

    Raises ValueError, naming the file and the frame, for values of another form and for positions from 0 to 1.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, list):
        raise ValueError(f"{path} must be a list with an item for each frame")
    frames = [_people(item, f"{path}, frame {index}") for index, item in enumerate(content)]
    values = [np.abs(person[:, :2]).max() for people in frames for person in people]
    if values and max(values) <= 2:
        raise ValueError(f"{path} has positions from 0 to 1; multiply x by the width and y by the height of the image")
    is_one = all(len(people) <= 1 for people in frames)
    listed = [
        (FrameInfo(index), [FramePerson(triples, 1 if is_one else -1) for triples in people])
        for index, people in enumerate(frames)
    ]
    return sequence_of_frames(path.stem, BLAZEPOSE_33, listed, LAYOUT, {})


def _people(item: Any, where: str) -> list[Float64Array]:
    """(33, 3) of each person of a frame."""
    if isinstance(item, dict):
        item = item.get("landmarks", item.get("pose_landmarks", item.get("keypoints")))
    if not item:
        return []
    is_several = isinstance(item, list) and isinstance(item[0], list) and isinstance(_first(item[0]), list | dict)
    return [_person(landmarks, where) for landmarks in (item if is_several else [item])]


def _first(items: list[Any]) -> Any:
    return items[0] if items else None


def _person(landmarks: Any, where: str) -> Float64Array:
    try:
        points = msgspec.convert(landmarks, list[_Landmark | _Triple])
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from None
    if len(points) != BLAZEPOSE_33.num_joints:
        raise ValueError(f"{where}: 33 landmarks are expected, got {len(points)}")
    return np.array([_xy_score(point) for point in points])


def _xy_score(point: _Landmark | list[float]) -> tuple[float, float, float]:
    """x, y and visibility, which is the fourth number of a list and 1 where missing."""
    if isinstance(point, _Landmark):
        return point.x, point.y, point.visibility
    return point[0], point[1], point[3] if len(point) == 4 else 1.0
