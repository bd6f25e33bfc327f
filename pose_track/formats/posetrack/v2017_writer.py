"""Writing PoseTrack17's layout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.posetrack.common import Survey, converted, is_own
from pose_track.formats.posetrack.v2017 import image_name, is_labelled
from pose_track.formats.posetrack.v2017_fast import LAYOUT, is_prediction
from pose_track.structures.sequence import NOTHING, FrameInfo, FrameSource, People
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.utils.atomic import atomic_text, write_json_list


def write_posetrack17(source: FrameSource, path: str | Path) -> None:
    """Write {"annolist": [...]}, every scalar in a list of one, with the joints of POSETRACK_15.

    Each frame is there, also without people. x1 y1 x2 y2 is the head's box or, where that is not told and the person is
    predicted, see `is_prediction`, the person's. A picture without a name gets `images/<name of the source>/
    00000001.jpg`, counted from 1. What a file of this layout had besides comes back if the source was read from one; a
    person's points are in the order of their ids. The file appears only when it is whole.
    """
    survey = Survey()
    with atomic_text(path) as file:
        file.write('{"annolist": ')
        write_json_list(file, _rows(source, survey))
        for key, value in source.more.items() if is_own(source, LAYOUT) else ():
            file.write(f",\n{json.dumps(key)}: {json.dumps(value)}")
        file.write("}\n")
    survey.warn(source.name)


def _rows(source: FrameSource, survey: Survey) -> Iterator[dict[str, Any]]:
    own = is_own(source, LAYOUT)
    for frame, people in source:
        survey.add(people)
        rects = _rects(converted(people, source.skeleton, POSETRACK_15), own)
        yield _frame(frame, source.name, own) | {"annorect": rects}


def _frame(frame: FrameInfo, source_name: str, own: bool) -> dict[str, Any]:
    """A frame without its people. own: what else is told of it is from this layout, and says what it can."""
    row: dict[str, Any] = dict(frame.more) if own else {"imgnum": [frame.index + 1]}
    if not own or image_name(row) != frame.image_name:
        row["image"] = [{"name": frame.image_name or f"images/{source_name}/{frame.index + 1:08d}.jpg"}]
    if not own or is_labelled(row) != frame.is_labelled:
        row["is_labeled"] = [int(frame.is_labelled)]
    if frame.ignore_regions:
        row["ignore_regions"] = [
            {"point": [{"x": [x], "y": [y]} for x, y in region.tolist()]} for region in frame.ignore_regions
        ]
    return row


def _rects(people: People, own: bool) -> list[dict[str, Any]]:
    has_joint = people.has_joint
    predicted = is_prediction(people.joint_scores, people.scores, np.any(has_joint, axis=1))
    columns = (
        np.where(predicted[:, None] & np.isnan(people.head_boxes), people.boxes, people.head_boxes).tolist(),
        people.scores.tolist(),
        people.track_ids.tolist(),
        people.more.tolist() if own else [NOTHING] * len(people),
        _points(people, own),
    )
    return [_rect(*person) for person in zip(*columns, strict=True)]


def _rect(box: list[float], score: float, track_id: int, more: Any, points: list[dict[str, Any]]) -> dict[str, Any]:
    told = {"x1": box[0], "y1": box[1], "x2": box[2], "y2": box[3], "score": score}
    row = dict(more) | {key: [value] for key, value in told.items() if not math.isnan(value)}
    if track_id >= 0:
        row["track_id"] = [track_id]
    if points or "annopoints" not in row:
        row["annopoints"] = [{"point": points}] if points else []
    return row


def _points(people: People, own: bool) -> list[list[dict[str, Any]]]:
    """Everybody's points. A joint without a flag is written as visible, unless this layout had none either."""
    flags = people.flags if own else np.where(people.flags < 0, 1, people.flags)
    columns = people.has_joint.tolist(), people.joints.tolist(), people.joint_scores.tolist(), flags.tolist()
    return [
        [
            _point(k, x, y, score, flag)
            for k, (there, (x, y), score, flag) in enumerate(zip(*person, strict=True))
            if there
        ]
        for person in zip(*columns, strict=True)
    ]


def _point(joint: int, x: float, y: float, score: float, flag: int) -> dict[str, Any]:
    point: dict[str, Any] = {"id": [joint], "x": [x], "y": [y]}
    if not math.isnan(score):
        point["score"] = [score]
    if flag >= 0:
        point["is_visible"] = [flag]
    return point
