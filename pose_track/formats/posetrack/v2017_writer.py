"""Writing PoseTrack17's layout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.json_text import finite_values, write_json_list
from pose_track.formats.layout import has_layout
from pose_track.formats.posetrack.common import SourceStatistics, convert_rounded
from pose_track.formats.posetrack.v2017 import LAYOUT, is_prediction
from pose_track.formats.posetrack.v2017_lenient import image_name, is_labelled
from pose_track.structures.conversion import check_convertible
from pose_track.structures.sequence import NO_EXTRA, FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.utils.atomic import atomic_text


def write_posetrack17(source: FrameSource, path: str | Path) -> None:
    """Write {"annolist": [...]}, every scalar in a list of one, with the joints of POSETRACK_15.

    Frames without people are written too. x1 y1 x2 y2 is the head box, or, where that is missing and the person is
    predicted (see `is_prediction`), the person's box. An image without a name gets `images/<source's name>/
    00000001.jpg`, numbered from 1. A person's points are ordered by their ids. Other fields are written if the source
    was read from a file of this layout. The file appears only when it is complete.
    """
    check_convertible(source.skeleton, POSETRACK_15, "PoseTrack's layout of 2017")
    statistics = SourceStatistics()
    with atomic_text(path) as file:
        file.write('{"annolist": ')
        write_json_list(file, _rows(source, statistics))
        for key, value in finite_values(source.extra).items() if has_layout(source, LAYOUT) else ():
            file.write(f",\n{json.dumps(key)}: {json.dumps(value)}")
        file.write("}\n")
    statistics.warn(source.name)


def _rows(source: FrameSource, statistics: SourceStatistics) -> Iterator[dict[str, Any]]:
    same_layout = has_layout(source, LAYOUT)
    for frame, people in source:
        statistics.add(people)
        rects = _rects(convert_rounded(people, source.skeleton, POSETRACK_15), same_layout)
        yield _frame(frame, source.name, same_layout) | {"annorect": rects}


def _frame(frame: FrameInfo, source_name: str, same_layout: bool) -> dict[str, Any]:
    """A frame without its people. same_layout: whether `extra` comes from this layout."""
    row: dict[str, Any] = dict(finite_values(frame.extra)) if same_layout else {"imgnum": [frame.index + 1]}
    if not same_layout or image_name(row) != frame.image_name:
        row["image"] = [{"name": frame.image_name or f"images/{source_name}/{frame.index + 1:08d}.jpg"}]
    if not same_layout or is_labelled(row) != frame.is_labelled:
        row["is_labeled"] = [int(frame.is_labelled)]
    if frame.ignore_regions:
        row["ignore_regions"] = [
            {"point": [{"x": [x], "y": [y]} for x, y in region.tolist()]} for region in frame.ignore_regions
        ]
    return row


def _rects(people: PoseAnnotations, same_layout: bool) -> list[dict[str, Any]]:
    has_joint = people.has_joint
    predicted = is_prediction(people.joint_scores, people.scores, np.any(has_joint, axis=1))
    columns = (
        np.where(predicted[:, None] & np.isnan(people.head_boxes), people.boxes, people.head_boxes).tolist(),
        people.scores.tolist(),
        people.track_ids.tolist(),
        people.extra.tolist() if same_layout else [NO_EXTRA] * len(people),
        _points(people, same_layout),
    )
    return [_rect(*person) for person in zip(*columns, strict=True)]


def _rect(box: list[float], score: float, track_id: int, extra: Any, points: list[dict[str, Any]]) -> dict[str, Any]:
    values = {"x1": box[0], "y1": box[1], "x2": box[2], "y2": box[3], "score": score}
    row = dict(finite_values(extra)) | {key: [value] for key, value in values.items() if not math.isnan(value)}
    if track_id >= 0:
        row["track_id"] = [track_id]
    if points or "annopoints" not in row:
        row["annopoints"] = [{"point": points}] if points else []
    return row


def _points(people: PoseAnnotations, same_layout: bool) -> list[list[dict[str, Any]]]:
    """The points of each person. A joint without a visibility flag is written as visible, unless it was read so."""
    flags = people.flags if same_layout else np.where(people.flags < 0, 1, people.flags)
    columns = people.has_joint.tolist(), people.joints.tolist(), people.joint_scores.tolist(), flags.tolist()
    return [
        [
            _point(k, x, y, score, flag)
            for k, (present, (x, y), score, flag) in enumerate(zip(*person, strict=True))
            if present
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
