"""How steadily a tracker tells left from right. It needs no ground truth.

Two shares, each over the person-frames of a video, a person-frame being one tracked person in one frame:

- side changes: left and right changed sides against the frame before, see `side_changes`. A person-frame counts if any
  of the six pairs of joints changed. Pairs that cannot be compared are left out, and so are person-frames without any
  pair to compare.
- close pairs: the left and the right ankle (knee, wrist) lie in one place, see `close_pairs`. Either both are on one
  limb, or the person stands with legs together or holds hands; so the share never becomes 0.

Body height is the longer side of the person's box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pose_track.structures.arrays import BoolArray, Float64Array, FloatingArray, IntArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import Skeleton

SIDE_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
CLOSE_JOINTS = ("wrist", "knee", "ankle")
ANY = "any"
"""The key of the person-frames that count for at least one of the pairs."""

MIN_SEPARATION = 0.03  # of body height
MAX_SWAPPED_COST = 0.25  # of the cost without a swap


@dataclass(frozen=True)
class Share:
    """`count` of `total`."""

    count: int = 0
    total: int = 0

    @property
    def value(self) -> float:
        """In [0, 1]; NaN of nothing."""
        return self.count / self.total if self.total else float("nan")

    def __add__(self, other: Share) -> Share:
        return Share(self.count + other.count, self.total + other.total)


@dataclass(frozen=True)
class SideConsistency:
    """The shares of one video, or of several.

    people: number of person-frames.
    changes: side changes, by joint of SIDE_JOINTS, and ANY.
    close: close pairs, by joint of CLOSE_JOINTS, and ANY.
    """

    people: int
    changes: Mapping[str, Share]
    close: Mapping[str, Share]

    def __add__(self, other: SideConsistency) -> SideConsistency:
        changes = {name: share + other.changes[name] for name, share in self.changes.items()}
        close = {name: share + other.close[name] for name, share in self.close.items()}
        return SideConsistency(self.people + other.people, changes, close)


def side_consistency(frames: Iterable[TrackedPoses], skeleton: Skeleton, min_score: float = 0.3) -> SideConsistency:
    """The shares of the frames of one video, in order.

    min_score: joints of a lower score are absent, as in the annotated video. Raises ValueError for a skeleton that
    lacks one of SIDE_JOINTS.
    """
    pairs = np.array([[skeleton.index(f"{side}_{name}") for side in ("left", "right")] for name in SIDE_JOINTS])
    compared, changed, present, close = ([np.zeros((0, len(SIDE_JOINTS)), bool)] for _ in range(4))
    before: TrackedPoses | None = None
    for frame in frames:
        joints, heights = _present_joints(frame.poses, min_score)[:, pairs], body_heights(frame.poses)
        both, together = close_pairs(joints, heights)
        present.append(both)
        close.append(together)
        if before is not None:
            _, i, j = np.intersect1d(before.track_ids, frame.track_ids, assume_unique=True, return_indices=True)
            joints_before = _present_joints(before.poses, min_score)[:, pairs]
            comparable, swapped = side_changes(joints_before[i], joints[j], heights[j])
            compared.append(comparable)
            changed.append(swapped)
        before = frame
    in_close = [SIDE_JOINTS.index(name) for name in CLOSE_JOINTS]
    return SideConsistency(
        sum(map(len, present)),
        _shares(SIDE_JOINTS, np.concatenate(compared), np.concatenate(changed)),
        _shares(CLOSE_JOINTS, np.concatenate(present)[:, in_close], np.concatenate(close)[:, in_close]),
    )


def side_changes(before: FloatingArray, after: FloatingArray, heights: FloatingArray) -> tuple[BoolArray, BoolArray]:
    """(N, P) which pairs of joints of N people can be compared, and which of these changed sides.

    A pair is compared where both of its joints are present in both frames, and lie further apart in both than
    MIN_SEPARATION of body height. With l and r its joints before and l' and r' after, it changed sides if

        |l' - r|^2 + |r' - l|^2  <  MAX_SWAPPED_COST (|l' - l|^2 + |r' - r|^2),

    that is, if a swap explains the movement twice as well, in distance. A walker's foot that swings past the other one,
    which stands, never meets this: there the left side is at least half of the sum on the right.

    before, after: (N, P, 2, 2) x y of the left and the right joint of each pair; NaN for an absent joint.
    heights: (N,) body heights.

    >>> pair = np.array([[[[0.0, 0], [10, 0]]]])
    >>> side_changes(pair, pair[:, :, ::-1], np.array([100.0]))
    (array([[ True]]), array([[ True]]))
    """
    with np.errstate(invalid="ignore"):  # of absent joints
        apart = [_separations(joints) > MIN_SEPARATION * heights[:, None] for joints in (before, after)]
        cost = _squared(after - before).sum(axis=-1)
        swapped_cost = _squared(after[:, :, ::-1] - before).sum(axis=-1)
        comparable = apart[0] & apart[1]
        return comparable, comparable & (swapped_cost < MAX_SWAPPED_COST * cost)


def close_pairs(joints: FloatingArray, heights: FloatingArray) -> tuple[BoolArray, BoolArray]:
    """(N, P) which pairs of N people have both joints, and which of these lie within MIN_SEPARATION of body height.

    joints, heights: see `side_changes`.
    """
    separations = _separations(joints)
    with np.errstate(invalid="ignore"):
        return ~np.isnan(separations), separations <= MIN_SEPARATION * heights[:, None]


def body_heights(poses: Poses) -> Float64Array:
    """(N,) the longer side of each person's box, in pixels."""
    return np.asarray((poses.boxes[:, 2:] - poses.boxes[:, :2]).max(axis=1), np.float64)


def _present_joints(poses: Poses, min_score: float) -> Float64Array:
    """(N, K, 2) x y; NaN for joints of a lower score."""
    return np.where((poses.joint_scores >= min_score)[..., None], poses.joints.astype(np.float64), np.nan)


def _separations(joints: FloatingArray) -> Float64Array:
    """(N, P) distance from the left to the right joint."""
    return np.sqrt(_squared(joints[:, :, 0] - joints[:, :, 1]))


def _squared(vectors: FloatingArray) -> Float64Array:
    return np.asarray((vectors**2).sum(axis=-1), np.float64)


def _shares(names: Sequence[str], of: BoolArray, counted: BoolArray) -> dict[str, Share]:
    """The share of each pair, and of the people with any pair."""
    counts: IntArray = counted.sum(axis=0)
    totals: IntArray = of.sum(axis=0)
    shares = {ANY: Share(int(counted.any(axis=1).sum()), int(of.any(axis=1).sum()))}
    return shares | {name: Share(int(counts[k]), int(totals[k])) for k, name in enumerate(names)}
