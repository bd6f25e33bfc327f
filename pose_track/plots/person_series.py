"""Each person of a result over time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class PersonSeries:
    """One person in F frames.

    frames: (F,) frame indices. seconds: (F,).
    joints: (F, K, 2) pixels; NaN for an absent joint. joint_scores: (F, K); NaN for an absent joint.
    boxes: (F, 4) x1 y1 x2 y2. scores: (F,). sources: (F,).
    """

    id: int
    name: str
    skeleton: Skeleton
    frames: IntArray
    seconds: Float64Array
    joints: Float64Array
    joint_scores: Float64Array
    boxes: Float64Array
    scores: Float64Array
    sources: NDArray[np.str_]

    @property
    def label(self) -> str:
        """The name, else the id."""
        return self.name or str(self.id)

    def joint(self, name: str) -> Float64Array:
        """(F, 2) a joint over time. Raises ValueError for an unknown joint."""
        return self.joints[:, self.skeleton.index(name)]

    def with_gaps(self, values: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Seconds and values (F, ...) with a NaN in each gap, so that lines are not drawn across it.

        A gap is a step of frames that is larger than the person's usual one.
        """
        steps = np.diff(self.frames)
        gaps = np.flatnonzero(steps > np.median(steps)) + 1 if len(steps) else np.zeros(0, np.int64)
        return np.insert(self.seconds, gaps, np.nan), np.insert(values, gaps, np.nan, axis=0)


def person_series(
    frames: Iterable[TrackedPoses],
    names: Mapping[int, str] | None = None,
    ids: Collection[int] | None = None,
    speed_factor: float = 1.0,
) -> list[PersonSeries]:
    """The people of a result by id. names: by id. ids: only these, in this order. speed_factor: of the result; seconds
    are true ones.

    Raises ValueError where the result lacks one of them.
    """
    rows: dict[int, list[tuple[TrackedPoses, int]]] = {}
    for tracked in frames:
        for row, track_id in enumerate(tracked.track_ids.tolist()):
            if ids is None or track_id in ids:
                rows.setdefault(track_id, []).append((tracked, row))
    for missing in (one for one in ids or () if one not in rows):
        raise ValueError(f"the result has nobody with the id {missing}")
    return [
        _series(one, (names or {}).get(one, ""), rows[one], speed_factor)
        for one in (sorted(rows) if ids is None else ids)
    ]


def _series(track_id: int, name: str, rows: list[tuple[TrackedPoses, int]], speed_factor: float) -> PersonSeries:
    def column(field: str) -> NDArray[np.float64]:
        return np.stack([getattr(tracked.poses, field)[row] for tracked, row in rows]).astype(np.float64)

    joint_scores = column("joint_scores")
    absent = joint_scores == 0
    return PersonSeries(
        track_id,
        name,
        rows[0][0].poses.skeleton,
        np.array([tracked.frame_index for tracked, _ in rows], np.int64),
        np.array([tracked.pts_seconds for tracked, _ in rows]) * speed_factor,
        np.where(absent[..., None], np.nan, column("joints")),
        np.where(absent, np.nan, joint_scores),
        column("boxes"),
        column("scores"),
        np.array([tracked.poses.sources[row] for tracked, row in rows]),  # type: ignore[index]
    )
