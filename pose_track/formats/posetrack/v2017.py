"""PoseTrack17's layout, {"annolist": [...]} with every scalar in a list of one, as a PoseSequence.

There are two parsers. `parse17` takes files with exactly the layout's keys and types, which msgspec checks while it
decodes; `v2017_lenient` takes all others. Both return a `ParsedPose17`, which becomes a PoseSequence column by column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import NO_EXTRA, FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

LAYOUT = "posetrack17"

NUM_JOINTS = POSETRACK_15.num_joints

_NAN = (math.nan,)
_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class Point(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A joint of a person; its scalars are not in lists."""

    id: Annotated[int, Meta(ge=0, lt=NUM_JOINTS)]
    x: _Number
    y: _Number
    score: _Number = math.nan
    is_visible: Annotated[int, Meta(ge=0, le=127)] = -1


class _Points(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """point: not decoded yet, see `_parse_points`."""

    point: msgspec.Raw


class Rect(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A person. x1 y1 x2 y2: the head box in the ground truth, the person's box in predictions."""

    annopoints: Annotated[list[_Points], Meta(max_length=1)]
    track_id: tuple[Annotated[int, Meta(ge=0, le=INT64_MAX)]] = (-1,)
    x1: tuple[_Number] = _NAN
    y1: tuple[_Number] = _NAN
    x2: tuple[_Number] = _NAN
    y2: tuple[_Number] = _NAN
    score: tuple[_Number] = _NAN


class _Corner(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    x: tuple[_Number]
    y: tuple[_Number]


class _Region(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    point: list[_Corner]


class _Image(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]


class _Frame(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    image: tuple[_Image]
    annorect: list[Rect]
    ignore_regions: Annotated[list[_Region], Meta(min_length=1)] | UnsetType = UNSET
    imgnum: tuple[int] | UnsetType = UNSET
    is_labeled: tuple[Literal[0, 1]] | UnsetType = UNSET


class _File(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    annolist: list[_Frame]


_DECODE_FILE = msgspec.json.Decoder(_File).decode
_DECODE_POINTS = msgspec.json.Decoder(list[Point]).decode


class ParsedPose17(NamedTuple):
    """The content of a file.

    num_people: of each frame.
    rects: the people of all frames.
    num_points: of each person.
    points: of all people.
    person_extras: other fields of each person; empty where no person has any.
    extra: other fields of the file.
    """

    frames: list[FrameInfo]
    num_people: list[int]
    rects: list[Rect]
    num_points: list[int]
    points: list[Point]
    person_extras: list[Mapping[str, Any]]
    extra: Mapping[str, Any]


def parse17(text: bytes) -> ParsedPose17 | None:
    """Parse a file with exactly the layout's keys and types; None for any other."""
    try:
        frames = _DECODE_FILE(text).annolist
        rects = [rect for frame in frames for rect in frame.annorect]
        num_points, points = _parse_points(rects)
    except (ValueError, RecursionError):
        return None
    infos = [_frame_info(index, frame) for index, frame in enumerate(frames)]
    return ParsedPose17(infos, [len(frame.annorect) for frame in frames], rects, num_points, points, [], NO_EXTRA)


def _parse_points(rects: list[Rect]) -> tuple[list[int], list[Point]]:
    """Number of points of each person, and all points.

    A point holds lists of one value and no other lists. Its text without any brackets therefore has the same content,
    and is decoded in a third of the time. Bare values, and values in nested lists, pass as well. Raises ValueError
    where the points are not a list, or the list is empty.
    """
    texts = [bytes(rect.annopoints[0].point) if rect.annopoints else b"" for rect in rects]
    points = _DECODE_POINTS(b"[%s]" % b",".join(filter(None, texts)).translate(None, b"[]"))
    # keys are known and values are numbers, so no brace is part of a string
    num_points = [text.count(b"{") for text in texts]
    if any(text and not (count and text.startswith(b"[")) for text, count in zip(texts, num_points, strict=True)):
        raise ValueError("a person's points are not in a list")
    return num_points, points


def _frame_info(index: int, frame: _Frame) -> FrameInfo:
    fields = (("imgnum", frame.imgnum), ("is_labeled", frame.is_labeled))
    return FrameInfo(
        index,
        frame.image[0].name,
        is_labelled=frame.is_labeled is UNSET or bool(frame.is_labeled[0]),
        ignore_regions=()
        if frame.ignore_regions is UNSET
        else tuple(polygon([(*c.x, *c.y) for c in region.point]) for region in frame.ignore_regions),
        extra={key: list(value) for key, value in fields if value is not UNSET},
    )


def polygon(corners: list[tuple[float, float]]) -> Float64Array:
    """(P, 2) x y."""
    return np.array(corners, np.float64).reshape(-1, 2)


def sequence17(path: Path, parsed: ParsedPose17) -> PoseSequence:
    """The content of a file as a PoseSequence."""
    frame_indices = np.repeat(np.arange(len(parsed.frames)), parsed.num_people)
    frames, people = tuple(parsed.frames), _people(parsed)
    return PoseSequence(path.stem, POSETRACK_15, frames, people, frame_indices, LAYOUT, parsed.extra)


def _people(parsed: ParsedPose17) -> PoseAnnotations:
    rects = parsed.rects
    joints, joint_scores, flags = _joints(parsed)
    scores = np.fromiter([rect.score[0] for rect in rects], np.float64, len(rects))
    corners = chain.from_iterable([rect.x1 + rect.y1 + rect.x2 + rect.y2 for rect in rects])
    boxes = np.fromiter(corners, np.float64, 4 * len(rects)).reshape(-1, 4)
    predicted = is_prediction(joint_scores, scores, np.array(parsed.num_points, bool))[:, None]
    return PoseAnnotations.from_joints(
        joints,
        joint_scores,
        flags,
        scores,
        boxes=np.where(predicted, boxes, np.nan),
        head_boxes=np.where(predicted, np.nan, boxes),
        track_ids=np.fromiter([rect.track_id[0] for rect in rects], np.int64, len(rects)),
        extra=np.fromiter(parsed.person_extras, object, len(rects)) if parsed.person_extras else None,
    )


def is_prediction(joint_scores: Float64Array, scores: Float64Array, has_points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) which people are predictions, so that x1 y1 x2 y2 is the person's box, not the head's.

    Predicted are people with joint scores, and people without points who have a score themselves. Ground truth may
    have scores of people, but none of joints.

    joint_scores: (N, K); scores, has_points: (N,).
    """
    has_joint_scores = ~np.isnan(joint_scores).all(axis=1)
    return np.asarray(has_joint_scores | (~has_points & ~np.isnan(scores)))


def _joints(parsed: ParsedPose17) -> tuple[Float64Array, Float64Array, NDArray[np.int8]]:
    """(N, 15, 2) positions, (N, 15) scores and (N, 15) visibility flags."""
    # reversed, so that the first of two points of a joint is kept, as in poseval
    n, points = len(parsed.rects), parsed.points[::-1]
    first_cells = np.repeat(np.arange(n) * NUM_JOINTS, parsed.num_points)
    cells = first_cells[::-1] + np.fromiter([p.id for p in points], np.int64, len(points))
    joints, scores, flags = np.full((n * NUM_JOINTS, 2), np.nan), np.full(n * NUM_JOINTS, np.nan), np.full(n * 15, -1)
    joints[cells, 0] = np.fromiter([p.x for p in points], np.float64, len(points))
    joints[cells, 1] = np.fromiter([p.y for p in points], np.float64, len(points))
    scores[cells] = np.fromiter([p.score for p in points], np.float64, len(points))
    flags[cells] = np.fromiter([p.is_visible for p in points], np.int64, len(points))
    shape = n, NUM_JOINTS
    return joints.reshape(*shape, 2), scores.reshape(shape), flags.reshape(shape).astype(np.int8)
