"""MOTChallenge's text files: one box with a track id a line, without joints.

    frame,id,x,y,w,h,conf,-1,-1,-1

Frames are counted from 1. x and y are the left and top of the box. conf is the score; in ground truth it is 0 for boxes
that are ignored. The last columns are a position in the world or, in ground truth, a class and the visible share.
"""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose_track.formats.defaults import person_xywh
from pose_track.formats.layout import has_layout
from pose_track.formats.problems import Problems
from pose_track.formats.validate import MAX_NUMBER
from pose_track.formats.xywh import xywh_to_xyxy
from pose_track.structures.sequence import NO_EXTRA, FrameInfo, FrameSource, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, Skeleton
from pose_track.utils.atomic import atomic_text
from pose_track.utils.text_files import utf8_lines

logger = logging.getLogger(__name__)

LAYOUT = "mot"

# for a missing score or id, and for the columns after the score
_MISSING = -1
_NO_REST = "-1,-1,-1"

# 46 hours at 60 frames per second; a larger number is an error, and every frame up to the last takes memory
_MAX_FRAME = 10**7


class MotLine(NamedTuple):
    """One person.

    frame: from 1.
    rest: the columns after the score, unchanged.
    """

    frame: int
    track_id: int
    xywh: list[float]
    score: float
    rest: str


def read_mot(path: str | Path, problems: Problems | None = None, skeleton: Skeleton = COCO_17) -> PoseSequence:
    """Read a MOTChallenge file as people with a box, whose joints of `skeleton` are all absent.

    Frames run up to the last one with people. A score of -1 counts as missing. Raises ValueError, with file and line,
    for an invalid line and for an id that occurs twice in a frame; see `Problems` for leniency.
    """
    path, problems = Path(path), problems or Problems()
    lines = list(_lines(path, problems))
    frame_indices = np.array([line.frame for line in lines], np.int64) - 1
    order = np.argsort(frame_indices, kind="stable")
    num_frames = int(frame_indices.max(initial=-1)) + 1
    infos = tuple(FrameInfo(index) for index in range(num_frames))
    return PoseSequence(path.stem, skeleton, infos, _people(lines, skeleton)[order], frame_indices[order], LAYOUT)


def write_mot(source: FrameSource, path: str | Path) -> None:
    """Write the people's boxes as a MOTChallenge file; for a missing box, the extent of the joints.

    A person without box and joints is left out, with a warning. The file appears only when it is complete.
    """
    same_layout = has_layout(source, LAYOUT)
    num_left_out = 0
    with atomic_text(path) as file:
        for info, people in source:
            for n, xywh in enumerate(person_xywh(people)):
                if np.isnan(xywh).any():
                    num_left_out += 1
                    continue
                rest = people.extra[n].get("rest", _NO_REST) if same_layout else _NO_REST
                score = _MISSING if np.isnan(people.scores[n]) else float(people.scores[n])
                numbers = (info.index + 1, int(people.track_ids[n]), *xywh, score)
                file.write(",".join([*map(_format_number, numbers), *filter(None, [rest])]) + "\n")
    if num_left_out:
        logger.warning("%s: left out %d people who have neither a box nor a joint", path, num_left_out)


def _format_number(number: float) -> str:
    """A number with all its digits.

    >>> _format_number(3.0), _format_number(0.1), _format_number(-1)
    ('3', '0.1', '-1')
    """
    return str(int(number)) if number == int(number) and abs(number) < 2**53 else repr(float(number))


def _lines(path: Path, problems: Problems) -> Iterator[MotLine]:
    """The valid lines."""
    seen: set[tuple[int, int]] = set()
    for number, text in enumerate(utf8_lines(path), start=1):
        if not text.strip():
            continue
        try:
            line = parse_line(text.decode(errors="replace"))
            if line.track_id != _MISSING and (line.frame, line.track_id) in seen:
                raise ValueError(f"id {line.track_id} occurs twice in frame {line.frame}")
        except ValueError as error:
            problems.add(f"{path}, line {number}: {error}")
            continue
        seen.add((line.frame, line.track_id))
        yield line


def parse_line(text: str) -> MotLine:
    """A line of the format. Raises ValueError for anything else.

    >>> parse_line("12.00,-1,10,20,30,40,0.9,-1,-1,-1")
    MotLine(frame=12, track_id=-1, xywh=[10.0, 20.0, 30.0, 40.0], score=0.9, rest='-1,-1,-1')
    """
    columns = text.strip().split(",", 7)
    if len(columns) < 7:
        raise ValueError(f"must be frame,id,x,y,w,h,conf,..., got {text.strip()[:60]!r}")
    frame, track_id = _integer(columns[0], "frame", 1, _MAX_FRAME), _integer(columns[1], "id", _MISSING, 2**53)
    values = [_number(column, "each of box and conf") for column in columns[2:7]]
    if not all(abs(value) <= MAX_NUMBER for value in values):
        raise ValueError(f"box and conf must be finite numbers up to {MAX_NUMBER:.0e}, got {values}")
    return MotLine(frame, track_id, values[:4], values[4], "".join(columns[7:]))


def _integer(text: str, name: str, least: int, most: int) -> int:
    """An integer, which some files write as 3.0."""
    value = _number(text, name)
    if not (least <= value <= most and value == int(value)):
        raise ValueError(f"{name} must be an integer from {least} to {most}, got {reprlib.repr(text)}")
    return int(value)


def _number(text: str, name: str) -> float:
    try:
        if "_" not in text:  # Python reads 1_0 as 10
            return float(text)
    except ValueError:
        pass
    raise ValueError(f"{name} must be a number, got {reprlib.repr(text)}")


def _people(lines: list[MotLine], skeleton: Skeleton) -> PoseAnnotations:
    scores = np.array([line.score for line in lines], float)
    extra = np.full(len(lines), NO_EXTRA, object)
    extra[:] = [{"bbox": line.xywh, "rest": line.rest} for line in lines]
    return PoseAnnotations.from_joints(
        np.full((len(lines), skeleton.num_joints, 2), np.nan),
        scores=np.where(scores == _MISSING, np.nan, scores),
        boxes=xywh_to_xyxy([line.xywh for line in lines]),
        track_ids=np.array([line.track_id for line in lines], np.int64),
        extra=extra,
    )
