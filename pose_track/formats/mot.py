"""MOTChallenge's text files: boxes with identities, one a line, and no joints.

    frame,id,x,y,w,h,conf,-1,-1,-1

Frames are counted from 1; x and y are the left and top of the box; conf is its score, in truth whether the line
counts; the last columns are a place in the world or, in truth, a class and how much of the person is seen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose_track.formats.defaults import person_xywh
from pose_track.formats.problems import Problems
from pose_track.formats.xywh import to_corners
from pose_track.structures.sequence import NOTHING, FrameInfo, FrameSource, People, PoseSequence
from pose_track.structures.skeleton import COCO_17, Skeleton
from pose_track.utils.atomic import atomic_text

logger = logging.getLogger(__name__)

LAYOUT = "mot"

# what stands where nothing is told: for a score, for an id, and for all columns after the score
_UNTOLD = -1
_NO_MORE = "-1,-1,-1"

# a frame number above this is taken for a mistake, as each frame up to the last takes memory: 46 hours at 60 a second
_MAX_FRAME = 10**7


class _Line(NamedTuple):
    """One person. frame: from 1; rest: the columns after the score, as they are."""

    frame: int
    track_id: int
    xywh: list[float]
    score: float
    rest: str


def read_mot(path: str | Path, problems: Problems | None = None, skeleton: Skeleton = COCO_17) -> PoseSequence:
    """Read a MOTChallenge file as people with a box and no joint of `skeleton`; a frame without any is there too, up to
    the last one that has some.

    A score of -1 counts as not told. Raises ValueError, with the file and the line, for what is wrong in a line and
    for an id given twice in a frame; see `Problems` for the lenient way.
    """
    path, problems = Path(path), problems or Problems()
    lines = list(_lines(path, problems))
    frame_of = np.array([line.frame for line in lines], np.int64) - 1
    order = np.argsort(frame_of, kind="stable")
    num_frames = int(frame_of.max(initial=-1)) + 1
    infos = tuple(FrameInfo(index) for index in range(num_frames))
    return PoseSequence(path.stem, skeleton, infos, _people(lines, skeleton)[order], frame_of[order], LAYOUT)


def write_mot(source: FrameSource, path: str | Path) -> None:
    """Write a MOTChallenge file: the people's boxes, of somebody without one the extent of the joints.

    Somebody without either is left out, with a warning. The file appears only when it is whole.
    """
    is_own = getattr(source, "layout", "") == LAYOUT
    left_out = 0
    with atomic_text(path) as file:
        for info, people in source:
            for n, xywh in enumerate(person_xywh(people)):
                if np.isnan(xywh).any():
                    left_out += 1
                    continue
                rest = people.more[n].get("rest", _NO_MORE) if is_own else _NO_MORE
                score = _UNTOLD if np.isnan(people.scores[n]) else float(people.scores[n])
                numbers = (info.index + 1, int(people.track_ids[n]), *xywh, score)
                file.write(",".join([*map(_written, numbers), *filter(None, [rest])]) + "\n")
    if left_out:
        logger.warning("%s: left out %d people who have neither a box nor a joint", path, left_out)


def _written(number: float) -> str:
    """A number to the last digit.

    >>> _written(3.0), _written(0.1), _written(-1)
    ('3', '0.1', '-1')
    """
    return str(int(number)) if number == int(number) and abs(number) < 2**53 else repr(float(number))


def _lines(path: Path, problems: Problems) -> Iterator[_Line]:
    """The lines without fault."""
    seen: set[tuple[int, int]] = set()
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                line = _line(text)
                if line.track_id != _UNTOLD and (line.frame, line.track_id) in seen:
                    raise ValueError(f"id {line.track_id} is there twice in frame {line.frame}")
            except ValueError as error:
                problems.add(f"{path}, line {number}: {error}")
                continue
            seen.add((line.frame, line.track_id))
            yield line


def _line(text: str) -> _Line:
    columns = text.strip().split(",", 7)
    if len(columns) < 7:
        raise ValueError(f"must be frame,id,x,y,w,h,conf,..., got {text.strip()[:60]!r}")
    frame, track_id = _whole(columns[0], "frame", 1, _MAX_FRAME), _whole(columns[1], "id", _UNTOLD, 2**53)
    values = [float(column) for column in columns[2:7]]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"box and conf must be finite numbers, got {values}")
    return _Line(frame, track_id, values[:4], values[4], "".join(columns[7:]))


def _whole(text: str, name: str, least: int, most: int) -> int:
    """A whole number, which some files write as 3.0."""
    value = float(text)
    if not (least <= value <= most and value == int(value)):
        raise ValueError(f"{name} must be a whole number from {least} to {most}, got {text!r}")
    return int(value)


def _people(lines: list[_Line], skeleton: Skeleton) -> People:
    scores = np.array([line.score for line in lines], float)
    more = np.full(len(lines), NOTHING, object)
    more[:] = [{"bbox": line.xywh, "rest": line.rest} for line in lines]
    return People.of(
        np.full((len(lines), skeleton.num_joints, 2), np.nan),
        scores=np.where(scores == _UNTOLD, np.nan, scores),
        boxes=to_corners([line.xywh for line in lines]),
        track_ids=np.array([line.track_id for line in lines], np.int64),
        more=more,
    )
