"""What the steps of finishing have in common: times, the rows of each track, the sizes of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pose_track.structures.sequence import FloatArray, FrameInfo, IntArray, PoseSequence


def frame_times(frames: Sequence[FrameInfo], fps: float) -> FloatArray:
    """(F,) seconds: the frames' own times where all have one and these rise, else their indices over `fps`.

    >>> frame_times([FrameInfo(0), FrameInfo(5)], fps=10).tolist()
    [0.0, 0.5]
    """
    told = np.array([np.nan if f.pts_seconds is None else f.pts_seconds for f in frames], np.float64)
    if not np.isnan(told).any() and (np.diff(told) > 0).all():
        return told
    return np.array([f.index for f in frames], np.float64) / fps


def track_rows(sequence: PoseSequence) -> dict[int, IntArray]:
    """The places in `sequence.people` of each track, in the order of the frames; tracks by first appearance.

    Nobody's people, with id -1, are in none. Raises ValueError where an id is twice in a frame.
    """
    ids = sequence.people.track_ids
    order = np.argsort(ids, kind="stable")
    order = order[ids[order] >= 0]
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    rows_of = np.split(order, starts[1:]) if len(order) else []
    for rows in rows_of:
        twice = rows[1:][np.diff(sequence.frame_of[rows]) == 0]
        if len(twice):
            index = sequence.frames[sequence.frame_of[twice[0]]].index
            raise ValueError(
                f"{sequence.name}: track id {ids[twice[0]]} is twice in frame {index}; mend the file first"
            )
    return {int(ids[rows[0]]): rows for rows in sorted(rows_of, key=lambda rows: int(rows[0]))}


def body_sizes(joints: FloatArray) -> FloatArray:
    """(N,) the longer side, in pixels, of the extent of (N, K, 2) joints; 0 where none is there.

    >>> body_sizes(np.array([[[1.0, 2.0], [4.0, 12.0], [np.nan, np.nan]]])).tolist()
    [10.0]
    """
    there = ~np.isnan(joints[..., :1])
    low = np.where(there, joints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, joints, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(np.where(there.any(axis=1), high - low, 0).max(axis=1, initial=0))


def usual_size(joints: FloatArray) -> float:
    """The size of the body whose (N, K, 2) joints in N frames these are: the median; 1 pixel where it has none."""
    sizes = body_sizes(joints)
    return float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0


def drop_short(sequence: PoseSequence, times: FloatArray, min_seconds: float) -> PoseSequence:
    """The same without the people of tracks whose first and last frame are less than `min_seconds` apart."""
    spans = {
        i: times[sequence.frame_of[rows[-1]]] - times[sequence.frame_of[rows[0]]]
        for i, rows in track_rows(sequence).items()
    }
    short = [i for i, span in spans.items() if span < min_seconds]
    keep = ~np.isin(sequence.people.track_ids, short)
    return replace(sequence, people=sequence.people[keep], frame_of=sequence.frame_of[keep])
