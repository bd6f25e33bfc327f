"""What Ultralytics' `Results.to_json()` gives, as a list with one item a frame, or as JSON lines.

    [[{"name": "person", "class": 0, "confidence": 0.93, "box": {"x1": 10, "y1": 20, "x2": 90, "y2": 300},
       "track_id": 3, "keypoints": {"x": [...], "y": [...], "visible": [...]}}, ...], ...]

Layout: ultralytics/ultralytics, `Results.summary`. A list of people without frames is one frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.frame_people import FramePerson, sequence_of_frames
from pose_track.formats.json_text import parse_json
from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.structures.sequence import FrameInfo, PoseSequence
from pose_track.structures.skeleton import COCO_17, SKELETONS, Skeleton
from pose_track.utils.text_files import read_text

LAYOUT = "ultralytics"

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class _Box(msgspec.Struct):
    x1: _Number
    y1: _Number
    x2: _Number
    y2: _Number


class _Keypoints(msgspec.Struct):
    x: list[_Number]
    y: list[_Number]
    visible: list[_Number] | None = None


class _Person(msgspec.Struct):
    keypoints: _Keypoints
    confidence: _Number | None = None
    box: _Box | None = None
    track_id: Annotated[int, Meta(ge=-1, le=INT64_MAX)] | None = None


def read_ultralytics(path: str | Path) -> PoseSequence:
    """Read the results of a video in pixels. 17 joints are COCO's, other numbers those of the skeleton that has them.

    Raises ValueError, naming the file, the line or the frame, for invalid values, for normalised positions, and for
    people without keypoints, as other tasks give them.
    """
    path = Path(path)
    frames = []
    for index, content in enumerate(_frames(path)):
        try:
            people = msgspec.convert(content, list[_Person])
        except msgspec.ValidationError as error:
            raise ValueError(f"{path}, frame {index}: {error}; results of a pose model are needed") from None
        frames.append(people)
    counts = {len(axis) for people in frames for one in people for axis in (one.keypoints.x, one.keypoints.y)}
    skeleton = _skeleton(counts, path)
    _check_pixels(frames, path)
    listed = [(FrameInfo(index), [_person(person) for person in people]) for index, people in enumerate(frames)]
    return sequence_of_frames(path.stem, skeleton, listed, LAYOUT, {})


def _frames(path: Path) -> list[Any]:
    text = read_text(path)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith("[") and line.rstrip().endswith("]") for line in lines):
        return [parse_json(line.encode(), f"{path}, frame {n}") for n, line in enumerate(lines)]
    content = parse_json(text.encode(), path)
    is_one_frame = isinstance(content, list) and all(isinstance(item, dict) for item in content)
    return [content] if is_one_frame else list(content) if isinstance(content, list) else [content]


def _skeleton(counts: set[int], path: Path) -> Skeleton:
    if len(counts) > 1:
        raise ValueError(f"{path}: people have different numbers of keypoints, {sorted(counts)}")
    count = counts.pop() if counts else COCO_17.num_joints
    skeleton = next((one for one in (COCO_17, *SKELETONS.values()) if one.num_joints == count), None)
    if skeleton is None:
        raise ValueError(f"{path} names no joints, and no known skeleton has {count}")
    return skeleton


def _check_pixels(frames: list[list[_Person]], path: Path) -> None:
    values = [max(map(abs, axis)) for people in frames for one in people for axis in (one.keypoints.x, one.keypoints.y)]
    if values and max(values) <= 1.5:
        raise ValueError(f"{path} has positions from 0 to 1; write to_json(normalize=False)")


def _person(person: _Person) -> FramePerson:
    keypoints, box = person.keypoints, person.box
    visible = [1.0] * len(keypoints.x) if keypoints.visible is None else keypoints.visible
    if len(visible) != len(keypoints.x):
        raise ValueError(f"{len(visible)} values of visible for {len(keypoints.x)} keypoints")
    triples = np.column_stack([keypoints.x, keypoints.y, visible])
    triples[(triples[:, :2] == 0).all(axis=1)] = 0  # not found
    score = np.nan if person.confidence is None else person.confidence
    track_id = -1 if person.track_id is None else person.track_id
    return FramePerson(triples, track_id, score, None if box is None else (box.x1, box.y1, box.x2, box.y2))
