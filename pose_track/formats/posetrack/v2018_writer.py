"""Writing PoseTrack18's layout."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from pose_track.formats.json_text import copy_json_list, finite_values, write_json_list
from pose_track.formats.layout import has_layout
from pose_track.formats.posetrack.common import SourceStatistics, convert_rounded
from pose_track.formats.posetrack.frame_numbers import written_image_id
from pose_track.formats.posetrack.v2017 import is_prediction
from pose_track.formats.posetrack.v2018 import LAYOUT, is_labelled
from pose_track.formats.rounding import POSITION_DECIMALS, rounded
from pose_track.formats.xywh import xywh_to_xyxy, xyxy_to_xywh
from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.arrays import Float64Array
from pose_track.structures.conversion import check_convertible
from pose_track.structures.sequence import NO_EXTRA, FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import POSETRACK18_17
from pose_track.utils.atomic import atomic_text

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]
_CATEGORY = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": list(POSETRACK18_17.joint_names),
    "skeleton": [[a + 1, b + 1] for a, b in POSETRACK18_17.edges],  # counted from 1, as in COCO
}

# by how much poseval enlarges the extent of the joints where it converts PoseTrack17's layout to this one
_BOX_MARGIN = 0.3


def write_posetrack18(source: FrameSource, path: str | Path) -> None:
    """Write images, annotations and categories, as in COCO, with the joints of POSETRACK18_17.

    Frames without people are among the images too.
    file_name: where missing, `images/<source's name>/000000.jpg`, numbered from 0.
    id of an image: see `written_image_id`.
    id of an annotation: 100 times the image id (more where a frame has more people) plus the person's number,
        from 0 with PoseTrack's names, else from 1.
    bbox: where missing, the extent of the joints enlarged by 30 %, as poseval does.
    keypoints: ears, which PoseTrack does not annotate, are zeros. A missing visibility flag becomes 1. A joint at
        exactly (0, 0) with flag 0 is read as absent.

    Other fields are written if the source was read from a file of this layout. The file appears only when it is
    complete. The source is iterated twice.
    """
    check_convertible(source.skeleton, POSETRACK18_17, "PoseTrack's layout of 2018")
    statistics = SourceStatistics()
    for _, people in source:
        statistics.add(people)
    rows = _Rows(source, statistics)
    # annotations follow all images, so they are written to a temporary file first
    with atomic_text(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8", dir=Path(path).parent) as buffer:
        file.write('{"images": ')
        write_json_list(file, rows.images(buffer))
        file.write(',\n"annotations": ')
        copy_json_list(buffer, file)
        extra = dict(finite_values(source.extra)) if has_layout(source, LAYOUT) else {}
        for key, value in ({"categories": [_CATEGORY]} | extra).items():
            file.write(f",\n{json.dumps(key)}: {json.dumps(value)}")
        file.write("}\n")
    statistics.warn(source.name)


class _Ids(NamedTuple):
    """Ids of a source.

    vid_id: the video's.
    per_image: number of annotation ids reserved for each image.
    first_person: number of an image's first person.
    """

    vid_id: str
    per_image: int
    first_person: int

    @classmethod
    def from_name(cls, name: str, max_people: int) -> _Ids:
        digits = re.match(r"\d{6}", name)
        first = 0 if digits else 1  # PoseTrack counts from 0; pycocotools takes the id 0 for no annotation
        per_image = 10 ** max(2, len(str(max(max_people - 1 + first, 0))))
        return cls(digits[0] if digits else name, per_image, first)


class _Rows:
    """The images and annotations of a source."""

    def __init__(self, source: FrameSource, statistics: SourceStatistics) -> None:
        self._source, self._same_layout = source, has_layout(source, LAYOUT)
        self._ids, self._num_frames = _Ids.from_name(source.name, statistics.max_people), statistics.num_frames

    def images(self, annotations: TextIO) -> Iterator[dict[str, Any]]:
        """Yield the images, and write the annotations of each to a file, one a line."""
        for frame, people in self._source:
            image = self._image(frame)
            people = convert_rounded(people, self._source.skeleton, POSETRACK18_17)
            for position, row in enumerate(_annotations(people, self._same_layout), self._ids.first_person):
                defaults = {"id": image["id"] * self._ids.per_image + position, "category_id": 1}
                row = {**defaults, **row, "image_id": image["id"]}
                annotations.write(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n")
            yield image

    def _image(self, frame: FrameInfo) -> dict[str, Any]:
        image_id = written_image_id(frame, self._source.name)
        defaults = {"frame_id": image_id, "vid_id": self._ids.vid_id, "nframes": self._num_frames}
        row: dict[str, Any] = (
            dict(finite_values(frame.extra)) if self._same_layout else defaults | {"has_no_densepose": True}
        )
        if frame.image_name or not self._same_layout:
            row["file_name"] = frame.image_name or f"images/{self._source.name}/{frame.index:06d}.jpg"
        if not self._same_layout or is_labelled(row) != frame.is_labelled:
            row["is_labeled"] = frame.is_labelled
        if frame.ignore_regions:
            row["ignore_regions_x"] = [region[:, 0].tolist() for region in frame.ignore_regions]
            row["ignore_regions_y"] = [region[:, 1].tolist() for region in frame.ignore_regions]
        return row | {"id": image_id}


def _annotations(people: PoseAnnotations, same_layout: bool) -> Iterator[dict[str, Any]]:
    """The annotation of each person, without image id and annotation id."""
    if not same_layout:
        people = replace(_without_ears(people), boxes=_boxes(people), extra=np.full(len(people), NO_EXTRA, object))
    has_score = ~np.isnan(people.joint_scores)
    has_scores = np.any(has_score, axis=1)
    if not same_layout:
        has_scores |= is_prediction(people.joint_scores, people.scores, np.any(people.has_joint, axis=1))
    columns = (
        people.extra.tolist(),
        _keypoints(people),
        has_scores.tolist(),
        np.where(has_score, people.joint_scores, 0).tolist(),
        people.scores.tolist(),
        people.track_ids.tolist(),
        _boxes_xywh(people, "bbox", people.boxes),
        _boxes_xywh(people, "bbox_head", people.head_boxes),
    )
    for extra, keypoints, with_scores, joint_scores, score, track_id, bbox, bbox_head in zip(*columns, strict=True):
        row = dict(finite_values(extra)) | {"keypoints": keypoints}
        row |= {"scores": joint_scores} if with_scores else {}
        row |= {} if math.isnan(score) else {"score": score}
        row |= {"track_id": track_id} if track_id >= 0 else {}
        for key, box in (("bbox", bbox), ("bbox_head", bbox_head)):
            if box is not None:
                row[key] = box
            elif row.get(key):
                del row[key]  # a box that was removed since the file was read
        yield row


def _without_ears(people: PoseAnnotations) -> PoseAnnotations:
    joints, scores = people.joints.copy(), people.joint_scores.copy()
    joints[:, _EARS], scores[:, _EARS] = np.nan, np.nan
    return replace(people, joints=joints, joint_scores=scores)


def _boxes(people: PoseAnnotations) -> Float64Array:
    """(N, 4) boxes; where missing, the enlarged extent of the joints, and NaN without joints."""
    present = people.has_joint
    extents = rounded(joints_to_boxes(people.joints, present, 0, _BOX_MARGIN), POSITION_DECIMALS)
    boxes = np.where(present.any(axis=1, keepdims=True), extents, np.nan)
    return np.where(np.isnan(people.boxes), boxes, people.boxes)


def _keypoints(people: PoseAnnotations) -> list[list[float]]:
    """x y flag of all joints of each person, flat; zeros for an absent joint, and 1 for a missing flag."""
    flags = np.where(people.flags < 0, 1, people.flags)
    columns = people.has_joint.tolist(), people.joints.tolist(), flags.tolist()
    return [
        [value for present, xy, flag in zip(*person, strict=True) for value in ((*xy, flag) if present else (0, 0, 0))]
        for person in zip(*columns, strict=True)
    ]


def _boxes_xywh(people: PoseAnnotations, key: str, boxes: Float64Array) -> list[list[float] | None]:
    """Each person's box as x y width height, None where missing. A box that was not changed since it was read from a
    file has the file's numbers."""
    has_box = ~np.any(np.isnan(boxes), axis=1)
    if not has_box.any():
        return [None] * len(people)
    read = np.array([extra.get(key) or [np.nan] * 4 for extra in people.extra.tolist()])
    unchanged = (xywh_to_xyxy(read) == boxes).all(axis=1, keepdims=True)
    xywh = np.where(unchanged, read, xyxy_to_xywh(boxes)).tolist()
    return [box if has else None for box, has in zip(xywh, has_box.tolist(), strict=True)]
