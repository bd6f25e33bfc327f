"""Appearance similarity: how alike people look, from the keypoint network's features at their joints.

Features are (N, K, C), one vector for each joint, see `HRNetWithEmbedding`. A joint counts if its score is above a
threshold and its features are not all 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.structures.arrays import BoolArray, Float32Array
from pose_track.structures.frames import Poses
from pose_track.tracking.parallel_arrays import ParallelArrays

MIN_JOINT_SCORE = 0.2  # joints with at most this score are not compared
MIN_COSINE = 0.65  # a mean cosine up to this is similarity 0
UPDATE_RATE = 0.1  # of a joint with score 1: a memory of about ten frames


def appearance_similarity(
    features_a: Float32Array,
    scores_a: Float32Array,
    features_b: Float32Array,
    scores_b: Float32Array,
    min_joint_score: float = MIN_JOINT_SCORE,
    min_cosine: float = MIN_COSINE,
) -> Float32Array:
    """(N, M) appearance similarity in [0, 1] of N people and M people; NaN for a pair without a common joint.

    The cosine similarities of the joints' features are averaged, weighted by the product of the joint scores. A mean
    cosine c gives (c - min_cosine) / (1 - min_cosine), at least 0. All cosines are high, since the stem of an HRNet
    has no negative outputs. With the bundled network, for people at least 1.5 s apart in four videos, the median of c
    is 0.90 for the same person and 0.75 for two people. About one pair in twenty of either kind lies on the wrong side
    of 0.83, which is a similarity of 0.5.

    features_a, features_b: (N, K, C) and (M, K, C).
    scores_a, scores_b: (N, K) and (M, K) joint scores.

    Raises ValueError if K or C differ.

    >>> red, high = np.array([[[1, 0]]], np.float32), np.array([[0.9]], np.float32)
    >>> others = np.array([[[1, 0]], [[0, 1]], [[1, 0]]], np.float32)  # red, green, red with a low score
    >>> appearance_similarity(red, high, others, np.array([[0.8], [0.8], [0.1]], np.float32)).tolist()
    [[1.0, 0.0, nan]]
    """
    if not len(features_a) or not len(features_b):
        return np.zeros((len(features_a), len(features_b)), np.float32)
    if features_a.shape[1:] != features_b.shape[1:]:
        raise ValueError(f"features must have the same K and C, got {features_a.shape} and {features_b.shape}")
    units_a, weights_a = _normalise(features_a, scores_a, min_joint_score)
    units_b, weights_b = _normalise(features_b, scores_b, min_joint_score)
    weights = weights_a @ weights_b.T  # (N, K) @ (K, M) -> (N, M)
    cosines = _flatten(units_a, weights_a) @ _flatten(units_b, weights_b).T  # (N, K * C) @ (K * C, M) -> (N, M)
    mean = np.divide(cosines, weights, out=np.full_like(weights, np.nan), where=weights > 0)
    return np.asarray(np.clip((mean - min_cosine) / (1 - min_cosine), 0, 1))


def _normalise(
    features: Float32Array, scores: Float32Array, min_joint_score: float
) -> tuple[Float32Array, Float32Array]:
    """(N, K, C) features of length 1 and (N, K) weights, the scores; both 0 for joints that do not count."""
    lengths = np.sqrt(np.einsum("nkc,nkc->nk", features, features))
    counts = (scores > min_joint_score) & (lengths > 0)
    units = features * np.divide(1, lengths, out=np.zeros_like(lengths), where=counts)[..., None]
    return units, np.where(counts, scores, np.float32(0))


def _flatten(units: Float32Array, weights: Float32Array) -> Float32Array:
    return (units * weights[..., None]).reshape(len(units), -1)  # (N, K, C) -> (N, K * C)


@dataclass(frozen=True, eq=False)
class Appearance(ParallelArrays):
    """The appearance of T tracks: exponential moving averages for each joint, as `appearance_similarity` takes them.

    features: (T, K, C).
    scores: (T, K); 0 for a joint never seen.
    """

    features: Float32Array
    scores: Float32Array

    @classmethod
    def start(cls, poses: Poses) -> Appearance:
        """The appearance of new tracks; without features if the poses have none."""
        shape = poses.joint_scores.shape
        num_channels = 0 if poses.features is None else poses.features.shape[2]
        unknown = cls(np.zeros((*shape, num_channels), np.float32), np.zeros(shape, np.float32))
        return unknown.update(poses)

    def update(
        self,
        poses: Poses,
        is_learnt: BoolArray | None = None,
        min_joint_score: float = MIN_JOINT_SCORE,
        update_rate: float = UPDATE_RATE,
    ) -> Appearance:
        """The same tracks after each was matched with the pose in its row.

        A joint moves towards its new features by `update_rate` times its score; a joint seen for the first time takes
        them over. Joints that do not count, and poses without features, change nothing, so an occluded person keeps
        their appearance.

        is_learnt: (T,) poses that are learnt from; None for all.
        """
        if poses.features is None or not len(self):
            return self
        units, scores = _normalise(poses.features, poses.joint_scores, min_joint_score)
        scores = scores if is_learnt is None else scores * is_learnt[:, None]
        share = np.where(self.scores > 0, np.float32(update_rate) * scores, scores > 0).astype(np.float32)
        features = self.features + share[..., None] * (units - self.features)
        return Appearance(features, self.scores + share * (scores - self.scores))
