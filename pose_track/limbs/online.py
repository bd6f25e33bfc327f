"""Left and right of tracked people, frame by frame: a Bayes filter over which pairs the network has exchanged.

A track carries the belief that pairs of its last pose, as recorded, are exchanged. In the next frame, each pair either
kept or changed sides against that pose, as its movement tells; then the new pose's own scores and bones speak. The most
probable answer is applied to the pose, and the belief is kept, so that sides that were wrong from the beginning are
corrected once enough frames have spoken against them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.limbs.evidence import motion_evidence
from pose_track.limbs.hypotheses import change_support, combinations, pose_support
from pose_track.limbs.pairs import PairGroup, pair_groups
from pose_track.structures.arrays import BoolArray, Float32Array, IntArray
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import Skeleton

_CONTINUITY = 0.3  # weight, in the choice only, of the movement since the sides that were recorded


class SideFilter:
    """Chooses left and right for N tracked people with the joints of `skeleton`."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._groups = [_GroupFilter(group) for group in pair_groups(skeleton)]
        self._ends = np.cumsum([0, *(group.num_hypotheses for group in self._groups)])

    def unknown(self, num_people: int) -> Float32Array:
        """(N, H) beliefs about people of whom no pose was recorded."""
        return np.zeros((num_people, self._ends[-1]), np.float32)

    def choose(
        self, poses: Poses, before: Float32Array, before_scores: Float32Array, beliefs: Float32Array
    ) -> tuple[Poses, Float32Array]:
        """The poses with their most probable sides, and the (N, H) beliefs that the sides are still wrong.

        before, before_scores: (N, K, 2) and (N, K) each person's last recorded pose, carried into this frame.
        beliefs: (N, H) about that pose, or `unknown`.
        """
        if not len(poses):
            return poses, beliefs
        order = np.tile(np.arange(poses.skeleton.num_joints), (len(poses), 1))
        beliefs = beliefs.copy()
        for group, start, end in zip(self._groups, self._ends, self._ends[1:], strict=False):
            exchanged, beliefs[:, start:end] = group.choose(poses, before, before_scores, beliefs[:, start:end])
            group.pairs.exchange(order, exchanged)
        return reorder_joints(poses, order), beliefs


class _GroupFilter:
    """The filter of one group of P pairs with H hypotheses."""

    def __init__(self, group: PairGroup) -> None:
        self.pairs, self._combinations = group, combinations(group)
        self.num_hypotheses = len(self._combinations)

    def choose(
        self, poses: Poses, before: Float32Array, before_scores: Float32Array, beliefs: Float32Array
    ) -> tuple[BoolArray, Float32Array]:
        """(N, P) which pairs to exchange, and the (N, H) new beliefs."""
        joints, scores = poses.joints[:, self.pairs.joints], poses.joint_scores[:, self.pairs.joints]
        heights = np.maximum(poses.boxes[:, 2:] - poses.boxes[:, :2], 1).max(axis=1)
        motion = motion_evidence(
            before[:, self.pairs.joints], before_scores[:, self.pairs.joints], joints, scores, heights
        )
        changes = np.exp(change_support(self.pairs, motion))
        known = np.where(beliefs.any(axis=1, keepdims=True), beliefs, 1)
        changed = changes.take(self._combinations, axis=1)  # (N, H, H)
        prior = (changed @ known[:, :, None])[..., 0]  # (N, H, H) @ (N, H, 1) -> (N, H)
        support = np.log(prior) + pose_support(self.pairs, joints, scores, heights)
        chosen = (support + _CONTINUITY * motion @ self.pairs.hypotheses.T).argmax(axis=1)
        posterior = np.exp(support - support.max(axis=1, keepdims=True))
        of_recorded = np.take_along_axis(posterior, self._combinations[chosen], axis=1)
        beliefs = of_recorded / of_recorded.sum(axis=1, keepdims=True)
        return self.pairs.hypotheses[chosen], beliefs.astype(np.float32)


def reorder_joints(poses: Poses, order: IntArray) -> Poses:
    """The poses with joint order[n, k] of person n in the place of joint k. order: (N, K)."""
    rows = np.arange(len(poses))[:, None]
    names = ("joints", "joint_scores", "features", "second_peaks")
    arrays = {name: array for name in names if (array := getattr(poses, name)) is not None}
    return replace(poses, **{name: array[rows, order] for name, array in arrays.items()})
