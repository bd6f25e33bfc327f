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

from pose_track.formats.posetrack.common import Survey, converted, is_own, shortened
from pose_track.formats.posetrack.v2017_fast import is_prediction
from pose_track.formats.posetrack.v2018 import LAYOUT, is_labelled
from pose_track.formats.xywh import to_corners, to_spans
from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.sequence import NOTHING, FloatArray, FrameInfo, FrameSource, People
from pose_track.structures.skeleton import POSETRACK18_17
from pose_track.utils.atomic import atomic_text, write_json_list

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]
_CATEGORY = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": list(POSETRACK18_17.joint_names),
    "skeleton": [[a + 1, b + 1] for a, b in POSETRACK18_17.edges],  # counted from 1, as in COCO
}

# how much wider and higher than the joints' extent poseval makes a box where it makes this layout of PoseTrack17's
_GROW = 0.3


def write_posetrack18(source: FrameSource, path: str | Path) -> None:
    """Write images, annotations and categories, as in COCO, with the joints of POSETRACK18_17.

    Each frame is among the images, also without people. A picture without a name gets `images/<name of the source>/
    000000.jpg`, counted from 0; a frame without an image id gets 1, the video's six digits (where the source's name
    begins with six; else 000000), then its index as four digits. An annotation's id is a hundred times that (more
    where a frame has more people), plus the person's place in the frame. bbox is a person's box or, where none is
    told, the joints' extent grown by 30 %, as poseval does. Ears, which PoseTrack does not annotate, are zeros.
    A joint without a flag gets 1; one at just (0, 0) whose flag is 0 cannot be told from one that is not there.

    What a file of this layout had besides comes back if the source was read from one. The file appears only when it is
    whole. The source is gone through twice.
    """
    survey = Survey()
    for _, people in source:
        survey.add(people)
    rows = _Rows(source, survey)
    # annotations come after all images, so they wait in a file of their own
    with atomic_text(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8", dir=Path(path).parent) as waiting:
        file.write('{"images": ')
        write_json_list(file, rows.images(waiting))
        file.write(',\n"annotations": ')
        _copy_list(waiting, file)
        more = dict(source.more) if is_own(source, LAYOUT) else {}
        for key, value in ({"categories": [_CATEGORY]} | more).items():
            file.write(f",\n{json.dumps(key)}: {json.dumps(value)}")
        file.write("}\n")
    survey.warn(source.name)


def _copy_list(lines: TextIO, file: TextIO) -> None:
    """A JSON list of what is there line by line."""
    lines.seek(0)
    separator = "[\n"
    for line in lines:
        file.write(separator + line.removesuffix("\n"))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")


class _Ids(NamedTuple):
    """How this layout numbers things. first_image: the id of frame 0; per_image: ids set apart for a frame."""

    vid_id: str
    first_image: int
    per_image: int

    @classmethod
    def of(cls, name: str, max_people: int) -> _Ids:
        digits = re.match(r"\d{6}", name)
        vid_id = digits[0] if digits else name
        number = int(vid_id) if digits else 0
        return cls(vid_id, 10**10 + number * 10**4, 10 ** max(2, len(str(max(max_people - 1, 0)))))


class _Rows:
    """The images and annotations of a source. own: what else is told is from this layout, and says what it can."""

    def __init__(self, source: FrameSource, survey: Survey) -> None:
        self._source, self._own = source, is_own(source, LAYOUT)
        self._ids, self._num_frames = _Ids.of(source.name, survey.max_people), survey.num_frames

    def images(self, annotations: TextIO) -> Iterator[dict[str, Any]]:
        """The images; the annotations of each are written to a file on the way, a line each."""
        for frame, people in self._source:
            image = self._image(frame)
            people = converted(people, self._source.skeleton, POSETRACK18_17)
            for place, row in enumerate(_annotations(people, self._own)):
                usual = {"id": image["id"] * self._ids.per_image + place, "category_id": 1}
                row = {**usual, **row, "image_id": image["id"]}
                annotations.write(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n")
            yield image

    def _image(self, frame: FrameInfo) -> dict[str, Any]:
        image_id = self._ids.first_image + frame.index if frame.image_id is None else frame.image_id
        usual = {"frame_id": image_id, "vid_id": self._ids.vid_id, "nframes": self._num_frames}
        row: dict[str, Any] = dict(frame.more) if self._own else usual | {"has_no_densepose": True}
        if frame.image_name or not self._own:
            row["file_name"] = frame.image_name or f"images/{self._source.name}/{frame.index:06d}.jpg"
        if not self._own or is_labelled(row) != frame.is_labelled:
            row["is_labeled"] = frame.is_labelled
        if frame.ignore_regions:
            row["ignore_regions_x"] = [region[:, 0].tolist() for region in frame.ignore_regions]
            row["ignore_regions_y"] = [region[:, 1].tolist() for region in frame.ignore_regions]
        return row | {"id": image_id}


def _annotations(people: People, own: bool) -> Iterator[dict[str, Any]]:
    """Everybody, without the ids of image and annotation."""
    if not own:
        people = replace(_without_ears(people), boxes=_boxes(people), more=np.full(len(people), NOTHING, object))
    told = ~np.isnan(people.joint_scores)
    has_scores = np.any(told, axis=1)
    if not own:
        has_scores |= is_prediction(people.joint_scores, people.scores, np.any(people.has_joint, axis=1))
    columns = (
        people.more.tolist(),
        _keypoints(people),
        has_scores.tolist(),
        np.where(told, people.joint_scores, 0).tolist(),
        people.scores.tolist(),
        people.track_ids.tolist(),
        _spans(people, "bbox", people.boxes),
        _spans(people, "bbox_head", people.head_boxes),
    )
    for more, keypoints, has_score, joint_scores, score, track_id, bbox, bbox_head in zip(*columns, strict=True):
        row = dict(more) | {"keypoints": keypoints}
        row |= {"scores": joint_scores} if has_score else {}
        row |= {} if math.isnan(score) else {"score": score}
        row |= {"track_id": track_id} if track_id >= 0 else {}
        for key, box in (("bbox", bbox), ("bbox_head", bbox_head)):
            if box is not None:
                row[key] = box
            elif row.get(key):
                del row[key]  # the file had one, the person no longer has
        yield row


def _without_ears(people: People) -> People:
    joints, scores = people.joints.copy(), people.joint_scores.copy()
    joints[:, _EARS], scores[:, _EARS] = np.nan, np.nan
    return replace(people, joints=joints, joint_scores=scores)


def _boxes(people: People) -> FloatArray:
    """(N, 4) the people's boxes, or else their joints' extent, grown; NaN for whom there is neither."""
    there = people.has_joint
    extents = shortened(joints_to_boxes(people.joints, there, 0, _GROW), 2)
    boxes = np.where(there.any(axis=1, keepdims=True), extents, np.nan)
    return np.where(np.isnan(people.boxes), boxes, people.boxes)


def _keypoints(people: People) -> list[list[float]]:
    """x y flag of everybody's joints, in a row; zeros where one is not there, and 1 for a flag that is not told."""
    flags = np.where(people.flags < 0, 1, people.flags)
    columns = people.has_joint.tolist(), people.joints.tolist(), flags.tolist()
    return [
        [value for there, xy, flag in zip(*person, strict=True) for value in ((*xy, flag) if there else (0, 0, 0))]
        for person in zip(*columns, strict=True)
    ]


def _spans(people: People, key: str, boxes: FloatArray) -> list[list[float] | None]:
    """Everybody's box as left top width height, None for who has none; as the file had it where it still says so."""
    told = ~np.any(np.isnan(boxes), axis=1)
    if not told.any():
        return [None] * len(people)
    had = np.array([more.get(key) or [np.nan] * 4 for more in people.more.tolist()])
    same = (to_corners(had) == boxes).all(axis=1, keepdims=True)
    spans = np.where(same, had, to_spans(boxes)).tolist()
    return [span if is_told else None for span, is_told in zip(spans, told.tolist(), strict=True)]
