"""Reading the files of mmpose: of its demo script, see `mmpose`, and of its inferencer.

The inferencer writes a list, [{"frame_id": 0, "instances": [...]}, ...], and counts frames from 0; it names no joints,
and 17 are COCO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from pose_track.formats.frame_people import FramePerson, sequence_of_frames
from pose_track.formats.json_text import read_json
from pose_track.formats.motions import skeleton_of_markers
from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.structures.sequence import FrameInfo, PoseSequence
from pose_track.structures.skeleton import COCO_17, SKELETONS

LAYOUT = "mmpose"

_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Index = Annotated[int, Meta(ge=0, le=INT64_MAX)]


class _Instance(msgspec.Struct):
    keypoints: list[tuple[_Number, _Number]]
    keypoint_scores: list[_Number]
    bbox: list[_Number | list[_Number]] | None = None
    bbox_score: _Number | None = None
    track_id: Annotated[int, Meta(ge=-1, le=INT64_MAX)] = -1


class _Frame(msgspec.Struct):
    instances: list[_Instance]
    frame_id: _Index | None = None
    image_name: str = ""


class _Meta(msgspec.Struct):
    keypoint_id2name: dict[str, str] = {}


class _Demo(msgspec.Struct):
    instance_info: list[_Frame]
    meta_info: _Meta = msgspec.field(default_factory=_Meta)


def read_mmpose(path: str | Path) -> PoseSequence:
    """Read a file. Raises ValueError, naming the file and the place, for invalid values, and for joints whose names are
    not known."""
    path = Path(path)
    content = read_json(path)
    try:
        is_demo = isinstance(content, dict) and "instance_info" in content
        demo = msgspec.convert(content, _Demo) if is_demo else _Demo(msgspec.convert(_listed(content), list[_Frame]))
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {error}") from None
    names = _joint_names(demo, path)
    skeleton, order = skeleton_of_markers(names, LAYOUT)
    frames = []
    for n, frame in enumerate(demo.instance_info):
        index = n if frame.frame_id is None else frame.frame_id - is_demo
        where = f"{path}, frame {index}"
        people = [_person(instance, len(names), where, order) for instance in frame.instances]
        frames.append((FrameInfo(index, frame.image_name), people))
    if len({info.index for info, _ in frames}) < len(frames) or any(info.index < 0 for info, _ in frames):
        raise ValueError(f"{path}: each frame needs a frame_id of its own, from {int(is_demo)} on")
    return sequence_of_frames(path.stem, skeleton, frames, LAYOUT, {})


def _listed(content: Any) -> Any:
    """The inferencer writes one image as a list of people."""
    is_people = isinstance(content, list) and all(isinstance(item, dict) and "keypoints" in item for item in content)
    return [{"instances": content}] if is_people and content else content


def _joint_names(demo: _Demo, path: Path) -> Sequence[str]:
    named = demo.meta_info.keypoint_id2name
    counts = {len(instance.keypoints) for frame in demo.instance_info for instance in frame.instances}
    if named:
        return [named[str(k)] for k in range(len(named)) if str(k) in named]
    if len(counts) > 1:
        raise ValueError(f"{path}: people have different numbers of joints, {sorted(counts)}")
    count = counts.pop() if counts else COCO_17.num_joints
    known = (COCO_17, *SKELETONS.values())
    skeleton = next((skeleton for skeleton in known if skeleton.num_joints == count), None)
    if skeleton is None:
        raise ValueError(f"{path} names no joints, and no known skeleton has {count}")
    return skeleton.joint_names


def _person(instance: _Instance, num_joints: int, where: str, order: list[int]) -> FramePerson:
    if len(instance.keypoints) != num_joints or len(instance.keypoint_scores) != num_joints:
        raise ValueError(f"{where}: {num_joints} keypoints and keypoint_scores are expected")
    triples = np.column_stack([np.reshape(instance.keypoints, (-1, 2)), instance.keypoint_scores])[order]
    box = None if instance.bbox is None else np.hstack(instance.bbox).tolist()  # within a list, or flat
    if box is not None and len(box) != 4:
        raise ValueError(f"{where}: bbox must be x1, y1, x2, y2, got {len(box)} numbers")
    score = np.nan if instance.bbox_score is None else instance.bbox_score
    return FramePerson(triples, instance.track_id, score, box)
