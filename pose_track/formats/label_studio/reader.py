"""Reading a task of Label Studio; see `writer` for the layout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.json_text import read_json
from pose_track.formats.label_studio.config import LABEL, VIDEO
from pose_track.formats.person_tracks import PersonTrack, sequence_of_tracks, skeleton_of
from pose_track.formats.problems import Problems
from pose_track.formats.validate import MAX_NUMBER, try_read
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import Skeleton

LAYOUT = "label-studio"
_TYPES = ("videovectorlabels", "videovector")
_MAX_FRAMES = 1_000_000

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Size = Annotated[int, Meta(ge=1, le=1_000_000)]
_FrameNumber = Annotated[int, Meta(ge=1, le=_MAX_FRAMES)]


class _Vertex(msgspec.Struct):
    x: _Number
    y: _Number
    id: str = ""


class _Keyframe(msgspec.Struct):
    frame: _FrameNumber
    vertices: list[_Vertex]
    enabled: bool = True


class _Value(msgspec.Struct):
    sequence: Annotated[list[_Keyframe], Meta(min_length=1)]
    framesCount: Annotated[int, Meta(ge=0, le=_MAX_FRAMES)] | None = None


class _Region(msgspec.Struct):
    value: _Value
    id: str = ""


class _Data(msgspec.Struct):
    width: _Size
    height: _Size
    fps: Annotated[float, Meta(gt=0, le=MAX_NUMBER)] | None = None
    joints: list[str] | None = None


def read_label_studio(path: str | Path, problems: Problems | None = None) -> PoseSequence:
    """The people of the first task: of its last annotation that was not cancelled, else of its last prediction.

    Regions of other tags are left out. A region "person_3" has the id 3, others have ids that nobody has. Between two
    keyframes joints are interpolated, as Label Studio does. `extra` has the width, height and fps of the task's data.

    Raises ValueError, naming the file and the region, for a task whose data lack the size of the video, and for invalid
    values (see `Problems`).
    """
    path, problems = Path(path), problems or Problems()
    task = _first_task(read_json(path), path)
    try:
        data = msgspec.convert(task.get("data"), _Data)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}, data: {error}; add width and height of the video in pixels to the data") from None
    regions = [region for region in _result(task) if str(region.get("type", "")).lower() in _TYPES]
    read: list[_Region] = []
    for number, region in enumerate(regions):
        where = f"{path}, region {region.get('id', number)}"
        one = try_read(_region, region, where=where, problems=problems)
        read += [] if one is None else [one]
    skeleton = skeleton_of(_joint_names(data, read, path), LAYOUT)
    scale = np.array([data.width, data.height]) / 100
    ids = _track_ids(read)
    tracks = [_track(region, track_id, skeleton, scale) for region, track_id in zip(read, ids, strict=True)]
    num_frames = max((region.value.framesCount or 0 for region in read), default=0)
    known = {"width": data.width, "height": data.height} | ({} if data.fps is None else {"fps": data.fps})
    video = task["data"].get(VIDEO)
    extra: Mapping[str, Any] = known | ({"source": video} if isinstance(video, str) else {})
    return sequence_of_tracks(path.stem, skeleton, num_frames, tracks, LAYOUT, extra)


def _first_task(content: object, path: Path) -> dict[str, Any]:
    tasks = content if isinstance(content, list) else [content]
    if len(tasks) != 1 or not isinstance(tasks[0], dict):
        raise ValueError(f"{path} must have one task, got {len(tasks)}; export each video by itself")
    return tasks[0]


def _result(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The regions of the last annotation, else prediction."""
    annotations = [one for one in _objects(task.get("annotations")) if not one.get("was_cancelled")]
    chosen = annotations or _objects(task.get("predictions"))
    return _objects(chosen[-1].get("result")) if chosen else []


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _region(values: object) -> _Region:
    try:
        return msgspec.convert(values, _Region)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _joint_names(data: _Data, regions: Sequence[_Region], path: Path) -> list[str]:
    """Those of the task's data, else the ids of the vertices."""
    used = [vertex.id for region in regions for frame in region.value.sequence for vertex in frame.vertices]
    names = data.joints or list(dict.fromkeys(used))
    unknown = sorted(set(used) - set(names))
    if not names or "" in names or unknown:
        raise ValueError(
            f"{path}: the id of each vertex must be the name of a joint, got {unknown[:3] or used[:3]}; correct "
            f"people whose points were written by pose-track convert, or name the points"
        )
    return names


def _track_ids(regions: Sequence[_Region]) -> list[int]:
    """The id of each region."""
    matches = [re.fullmatch(rf"{LABEL}_([1-9][0-9]{{0,17}})", region.id) for region in regions]
    stated = [0 if match is None else int(match[1]) for match in matches]
    free = count(max(stated, default=0) + 1)
    return [track_id or next(free) for track_id in stated]


def _track(region: _Region, track_id: int, skeleton: Skeleton, scale: Float64Array) -> PersonTrack:
    """A person in all frames between keyframes. scale: (2,) from percents to pixels."""
    keyframes = sorted(region.value.sequence, key=lambda keyframe: keyframe.frame)
    frames: list[int] = []
    joints: list[Float64Array] = []
    for a, b in pairwise([*keyframes, _end(keyframes[-1], region.value.framesCount)]):
        first, second = (_joints(one, skeleton) * scale for one in (a, b))
        for frame in range(a.frame, b.frame if a.enabled else min(a.frame + 1, b.frame)):
            share = (frame - a.frame) / (b.frame - a.frame)
            frames.append(frame - 1)
            joints.append(first if share == 0 else first + share * (second - first))
    seen = [n for n, one in enumerate(joints) if np.isfinite(one).any()]
    places = np.stack([joints[n] for n in seen]) if seen else np.zeros((0, skeleton.num_joints, 2))
    flags = np.where(np.isnan(places[..., 0]), 0, -1).astype(np.int8)
    return PersonTrack(track_id, np.array([frames[n] for n in seen], np.int64), places, flags)


def _end(last: _Keyframe, num_frames: int | None) -> _Keyframe:
    """The last keyframe again behind the video's end, or behind itself where that is unknown."""
    end = max(last.frame, num_frames or 0) + 1 if last.enabled else last.frame + 1
    return _Keyframe(end, last.vertices, False)


def _joints(keyframe: _Keyframe, skeleton: Skeleton) -> Float64Array:
    """(K, 2) in percents; NaN for an absent joint."""
    joints = np.full((skeleton.num_joints, 2), np.nan)
    for vertex in keyframe.vertices:
        joints[skeleton.index(vertex.id)] = vertex.x, vertex.y
    return joints
