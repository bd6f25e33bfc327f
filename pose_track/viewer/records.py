"""The records of a result as arrays, in pieces for a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float32Array, Float64Array, IntArray
from pose_track.structures.frames import SOURCES, Poses, TrackedPoses
from pose_track.structures.skeleton import Skeleton

BLOCK_FRAMES = 256
"""Positions of a block."""

SCORE_LEVELS = 5
"""In how many steps the timeline shows scores."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The F frames that any of the shown results has.

    frames: (F,) frame indices, ascending; a place in this array is a "position".
    seconds: (F,) their times.
    """

    frames: IntArray
    seconds: Float64Array

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def num_blocks(self) -> int:
        return -(-len(self) // BLOCK_FRAMES)

    @classmethod
    def of(cls, results: Iterable[Iterable[TrackedPoses]]) -> Axis:
        """The axis of all frames of the results; the first that has a frame states its time."""
        seconds: dict[int, float] = {}
        for records in results:
            for tracked in records:
                seconds.setdefault(tracked.frame_index, tracked.pts_seconds)
        frames = np.array(sorted(seconds), np.int64)
        return cls(frames, np.array([seconds[frame] for frame in frames.tolist()], np.float64))


@dataclass(frozen=True, eq=False)
class PackedRecords:
    """The N people of all F positions of an axis, in order.

    counts: (F,) people of each; -1 without a record.
    starts: (F + 1,) their bounds in the other arrays.
    ids, sources: (N,); sources are indices into SOURCES.
    scores: (N,). boxes: (N, 4) x1 y1 x2 y2. joints: (N, K, 3) x y score. Pixels.
    """

    skeleton: Skeleton
    counts: IntArray
    starts: IntArray
    ids: IntArray
    sources: IntArray
    scores: Float32Array
    boxes: Float32Array
    joints: Float32Array

    @property
    def positions(self) -> IntArray:
        """(N,) the position of each person."""
        return np.repeat(np.arange(len(self.counts)), np.maximum(self.counts, 0))

    def block(self, number: int) -> bytes:
        """The records of BLOCK_FRAMES positions from `number` * BLOCK_FRAMES on; fewer at the end.

        Little-endian words of 4 bytes: F, N, counts (F), ids (N), sources (N) as integers, then scores (N), boxes
        (N, 4) and joints (N, K, 3) as floats.
        """
        counts = self.counts[number * BLOCK_FRAMES : (number + 1) * BLOCK_FRAMES]
        first = int(self.starts[number * BLOCK_FRAMES]) if len(counts) else 0
        rows = slice(first, first + int(np.maximum(counts, 0).sum()))
        integers = np.concatenate(
            [[len(counts), rows.stop - rows.start], counts, self.ids[rows], self.sources[rows]]
        ).astype("<i4")
        floats = np.concatenate([self.scores[rows], self.boxes[rows].ravel(), self.joints[rows].ravel()]).astype("<f4")
        return integers.tobytes() + floats.tobytes()


def pack(records: Iterable[TrackedPoses], axis: Axis, skeleton: Skeleton) -> PackedRecords:
    """The records on an axis. Track ids beyond 32 bits are refused with ValueError."""
    counts = np.full(len(axis), -1, np.int64)
    kept = [TrackedPoses(0, 0.0, Poses.empty(skeleton), np.zeros(0, np.int64))]
    for tracked in records:
        position = int(np.searchsorted(axis.frames, tracked.frame_index))
        counts[position] = len(tracked)
        kept.append(tracked)
    ids = np.concatenate([tracked.track_ids for tracked in kept])
    if ids.max(initial=0) >= 2**31:
        raise ValueError(f"track ids must be below 2**31 to be shown, got {ids.max()}")
    poses = [tracked.poses for tracked in kept]
    triples = [np.concatenate([each.joints, each.joint_scores[..., None]], axis=2) for each in poses]
    return PackedRecords(
        skeleton,
        counts,
        np.concatenate([[0], np.cumsum(np.maximum(counts, 0))]),
        ids,
        np.concatenate([_source_numbers(each.sources) for each in poses]),
        np.concatenate([each.scores for each in poses]),
        np.concatenate([each.boxes for each in poses]),
        np.concatenate(triples),
    )


def _source_numbers(sources: NDArray[np.str_] | None) -> IntArray:
    assert sources is not None
    return np.array([SOURCES.index(source) for source in sources.tolist()], np.int64)


def summarise_people(packed: PackedRecords, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Each person for the timeline and the list, by id.

        {"id": 1, "name": "Ann", "first": 0, "last": 99, "frames": 90, "score": 0.87, "best": 40,
         "runs": [[first, last, source, level], ...]}

    first, last, best: positions; best is that of the largest and surest box. A run is a stretch without gaps whose
    source and score, in SCORE_LEVELS steps, are the same.
    """
    order = np.argsort(packed.ids, kind="stable")
    positions = packed.positions
    people = []
    for rows in np.split(order, np.flatnonzero(np.diff(packed.ids[order])) + 1):
        if len(rows):
            people.append(_summary(packed, rows, positions[rows], names))
    return people


def _summary(packed: PackedRecords, rows: IntArray, at: IntArray, names: Mapping[int, str]) -> dict[str, Any]:
    """rows: those of one person, in order of their positions `at`."""
    track_id, scores, boxes = int(packed.ids[rows[0]]), packed.scores[rows], packed.boxes[rows]
    levels = np.minimum((scores * SCORE_LEVELS).astype(np.int64), SCORE_LEVELS - 1)
    sources = packed.sources[rows]
    changes = (np.diff(at) > 1) | (np.diff(levels) != 0) | (np.diff(sources) != 0)
    firsts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lasts = np.append(firsts[1:], len(rows)) - 1
    area = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    best = int(np.argmax(np.sqrt(area) * scores))
    return {
        "id": track_id,
        "name": names.get(track_id, ""),
        "first": int(at[0]),
        "last": int(at[-1]),
        "frames": len(rows),
        "score": round(float(scores.mean()), 3),
        "best": int(at[best]),
        "box": [round(float(value), 1) for value in boxes[best]],
        "runs": np.column_stack([at[firsts], at[lasts], sources[firsts], levels[firsts]]).tolist(),
    }
