"""PoseTrack17's layout, {"annolist": [...]} with every scalar in a list of one, as a PoseSequence.

There are two ways in. `decode17` takes files that have the layout's own keys and types and no others, which is checked
while they are decoded; `posetrack17_notes` takes all the rest. Both tell what is in a file as a `Told17`, and the
PoseSequence is made of that in whole columns.
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

from pose_track.formats.validate import INT64_MAX
from pose_track.structures.sequence import NOTHING, FloatArray, FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

LAYOUT = "posetrack17"

NUM_JOINTS = POSETRACK_15.num_joints

_NAN = (math.nan,)


class Point(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A joint of a person, its scalars out of their lists."""

    id: Annotated[int, Meta(ge=0, lt=NUM_JOINTS)]
    x: float
    y: float
    score: float = math.nan
    is_visible: Annotated[int, Meta(ge=0, le=127)] = -1


class _Points(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """point: as text, see `_points`."""

    point: msgspec.Raw


class Rect(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A person. x1 y1 x2 y2: the box of the head in the truth, of anything in predictions."""

    annopoints: Annotated[list[_Points], Meta(max_length=1)]
    track_id: tuple[Annotated[int, Meta(ge=0, le=INT64_MAX)]] = (-1,)
    x1: tuple[float] = _NAN
    y1: tuple[float] = _NAN
    x2: tuple[float] = _NAN
    y2: tuple[float] = _NAN
    score: tuple[float] = _NAN


class _Corner(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    x: tuple[float]
    y: tuple[float]


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


class Told17(NamedTuple):
    """What a file holds. num_people: of each frame; rects: everybody; num_points: of each person; points: everybody's;
    mores: what else is told of each person, empty where nothing is of anybody; more: of the file."""

    frames: list[FrameInfo]
    num_people: list[int]
    rects: list[Rect]
    num_points: list[int]
    points: list[Point]
    mores: list[Mapping[str, Any]]
    more: Mapping[str, Any]


def decode17(text: bytes) -> Told17 | None:
    """A file of the layout's own keys and types; None for any other."""
    try:
        frames = _DECODE_FILE(text).annolist
        rects = [rect for frame in frames for rect in frame.annorect]
        num_points, points = _points(rects)
    except (ValueError, RecursionError):
        return None
    infos = [_frame_info(index, frame) for index, frame in enumerate(frames)]
    return Told17(infos, [len(frame.annorect) for frame in frames], rects, num_points, points, [], NOTHING)


def _points(rects: list[Rect]) -> tuple[list[int], list[Point]]:
    """How many each person has, and all.

    Within a point there are lists of one and no others, so that without any brackets at all the same stays, if there
    was one value in each; that is decoded in a third of the time. Values without a list, or in two, pass as well.
    Raises ValueError where it is not a list of points with something in it.
    """
    texts = [bytes(rect.annopoints[0].point) if rect.annopoints else b"" for rect in rects]
    points = _DECODE_POINTS(b"[%s]" % b",".join(filter(None, texts)).translate(None, b"[]"))
    num_points = [text.count(b"{") for text in texts]  # keys are known, values are numbers: no brace is in a string
    if any(text and not (count and text.startswith(b"[")) for text, count in zip(texts, num_points, strict=True)):
        raise ValueError("a person's points are not in a list")
    return num_points, points


def _frame_info(index: int, frame: _Frame) -> FrameInfo:
    told = (("imgnum", frame.imgnum), ("is_labeled", frame.is_labeled))
    return FrameInfo(
        index,
        frame.image[0].name,
        is_labelled=frame.is_labeled is UNSET or bool(frame.is_labeled[0]),
        ignore_regions=()
        if frame.ignore_regions is UNSET
        else tuple(polygon([(*c.x, *c.y) for c in region.point]) for region in frame.ignore_regions),
        more={key: list(value) for key, value in told if value is not UNSET},
    )


def polygon(corners: list[tuple[float, float]]) -> FloatArray:
    """(P, 2) x y."""
    return np.array(corners, np.float64).reshape(-1, 2)


def sequence17(path: Path, told: Told17) -> PoseSequence:
    """The PoseSequence that a file tells."""
    frame_of = np.repeat(np.arange(len(told.frames)), told.num_people)
    return PoseSequence(path.stem, POSETRACK_15, tuple(told.frames), _people(told), frame_of, LAYOUT, told.more)


def _people(told: Told17) -> People:
    rects = told.rects
    joints, joint_scores, flags = _joints(told)
    scores = np.fromiter([rect.score[0] for rect in rects], np.float64, len(rects))
    corners = chain.from_iterable([rect.x1 + rect.y1 + rect.x2 + rect.y2 for rect in rects])
    boxes = np.fromiter(corners, np.float64, 4 * len(rects)).reshape(-1, 4)
    predicted = is_prediction(joint_scores, scores, np.array(told.num_points, bool))[:, None]
    return People.of(
        joints,
        joint_scores,
        flags,
        scores,
        boxes=np.where(predicted, boxes, np.nan),
        head_boxes=np.where(predicted, np.nan, boxes),
        track_ids=np.fromiter([rect.track_id[0] for rect in rects], np.int64, len(rects)),
        more=np.fromiter(told.mores, object, len(rects)) if told.mores else None,
    )


def is_prediction(joint_scores: FloatArray, scores: FloatArray, has_points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) whose x1 y1 x2 y2 are of anything, not of the head: people whose points have scores or who, without points,
    have one themselves. The truth may have a score of a person, of joints it has none.

    joint_scores: (N, K); scores, has_points: (N,).
    """
    told = ~np.isnan(joint_scores).all(axis=1)
    return np.asarray(told | (~has_points & ~np.isnan(scores)))


def _joints(told: Told17) -> tuple[FloatArray, FloatArray, NDArray[np.int8]]:
    """(N, 15, 2) positions, (N, 15) scores and (N, 15) flags."""
    n, points = len(told.rects), told.points[::-1]  # of a joint given twice the first stays, as in poseval
    first_cells = np.repeat(np.arange(n) * NUM_JOINTS, told.num_points)
    cells = first_cells[::-1] + np.fromiter([p.id for p in points], np.int64, len(points))
    joints, scores, flags = np.full((n * NUM_JOINTS, 2), np.nan), np.full(n * NUM_JOINTS, np.nan), np.full(n * 15, -1)
    joints[cells, 0] = np.fromiter([p.x for p in points], np.float64, len(points))
    joints[cells, 1] = np.fromiter([p.y for p in points], np.float64, len(points))
    scores[cells] = np.fromiter([p.score for p in points], np.float64, len(points))
    flags[cells] = np.fromiter([p.is_visible for p in points], np.int64, len(points))
    shape = n, NUM_JOINTS
    return joints.reshape(*shape, 2), scores.reshape(shape), flags.reshape(shape).astype(np.int8)
