"""Helpers of the postprocessing steps: frame times, the rows of each track, body sizes, and dropping short tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.sequence import FrameInfo, PoseSequence


def frame_times(frames: Sequence[FrameInfo], fps: float) -> Float64Array:
    """(F,) seconds: the frames' own times if all have one and these increase, otherwise their indices divided by `fps`.

    >>> frame_times([FrameInfo(0), FrameInfo(5)], fps=10).tolist()
    [0.0, 0.5]
    """
    times = np.array([np.nan if f.pts_seconds is None else f.pts_seconds for f in frames], np.float64)
    if not np.isnan(times).any() and (np.diff(times) > 0).all():
        return times
    return np.array([f.index for f in frames], np.float64) / fps


def track_rows(sequence: PoseSequence) -> dict[int, IntArray]:
    """The rows of `sequence.people` that belong to each track id, in frame order; tracks by first appearance.

    PoseAnnotations without an id (-1) are in no track. Raises ValueError if an id occurs twice in a frame.
    """
    ids = sequence.people.track_ids
    order = np.argsort(ids, kind="stable")
    order = order[ids[order] >= 0]
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    rows_by_track = np.split(order, starts[1:]) if len(order) else []
    for rows in rows_by_track:
        repeated = rows[1:][np.diff(sequence.frame_indices[rows]) == 0]
        if len(repeated):
            index = sequence.frames[sequence.frame_indices[repeated[0]]].index
            raise ValueError(f"{sequence.name}: frame {index} has track id {ids[repeated[0]]} twice; correct the file")
    return {int(ids[rows[0]]): rows for rows in sorted(rows_by_track, key=lambda rows: int(rows[0]))}


def body_sizes(joints: Float64Array) -> Float64Array:
    """(N,) body sizes in pixels: the longer side of the extent of each person's (N, K, 2) joints; 0 without joints.

    >>> body_sizes(np.array([[[1.0, 2.0], [4.0, 12.0], [np.nan, np.nan]]])).tolist()
    [10.0]
    """
    present = ~np.isnan(joints[..., :1])
    low = np.where(present, joints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(present, joints, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(np.where(present.any(axis=1), high - low, 0).max(axis=1, initial=0))


def median_body_size(joints: Float64Array) -> float:
    """The median body size, in pixels, of one person's (N, K, 2) joints in N frames; 1 if no frame has a size."""
    sizes = body_sizes(joints)
    return float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0


def drop_short_tracks(sequence: PoseSequence, times: Float64Array, min_seconds: float) -> PoseSequence:
    """The sequence without the tracks whose first and last frame are less than `min_seconds` apart.

    times: (F,) seconds of the frames, increasing.
    """
    durations = {
        track_id: times[sequence.frame_indices[rows[-1]]] - times[sequence.frame_indices[rows[0]]]
        for track_id, rows in track_rows(sequence).items()
    }
    short = [track_id for track_id, duration in durations.items() if duration < min_seconds]
    keep = ~np.isin(sequence.people.track_ids, short)
    return replace(sequence, people=sequence.people[keep], frame_indices=sequence.frame_indices[keep])
