"""How alike people look, whatever they do and wherever they are: features of their joints, compared joint by joint.

Features are (N, K, C): what the keypoint network sees at each joint, see `HRNetWithEmbedding`. A joint is known where its
score is above a threshold and its features are not all 0; one that is not known counts nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.structures.frames import FloatArray, Poses
from pose_track.tracking.rows import Rows

MIN_JOINT_SCORE = 0.2  # joints up to it are compared nowhere
UNLIKE = 0.65  # cosine, see `appearance_similarity`
RATE = 0.1  # of a joint with a score of 1: memory of about ten frames


def appearance_similarity(
    features_a: FloatArray,
    scores_a: FloatArray,
    features_b: FloatArray,
    scores_b: FloatArray,
    min_joint_score: float = MIN_JOINT_SCORE,
    unlike: float = UNLIKE,
) -> FloatArray:
    """(N, M) how alike N people look to M people, in [0, 1]; NaN where no joint is known of both.

    features: (N, K, C) and (M, K, C); scores: (N, K) and (M, K) of their joints. The cosines of the features of each
    joint are averaged, weighted by the product of the scores, and of that mean c this is (c - unlike) / (1 - unlike),
    no less than 0. The stem of an HRNet gives no negative values, so that all cosines are high. With the bundled
    network, people 1.5 s apart and more in four videos: the median of c is 0.90 for the same person and 0.75 for two,
    and about one pair in twenty of either kind lies on the wrong side of 0.83, which is a similarity of 0.5. Raises
    ValueError unless K and C are the same in both.

    >>> red, sure = np.array([[[1, 0]]], np.float32), np.array([[0.9]], np.float32)
    >>> red_green_unsure = np.array([[[1, 0]], [[0, 1]], [[1, 0]]], np.float32)
    >>> appearance_similarity(red, sure, red_green_unsure, np.array([[0.8], [0.8], [0.1]], np.float32)).tolist()
    [[1.0, 0.0, nan]]
    """
    if not len(features_a) or not len(features_b):
        return np.zeros((len(features_a), len(features_b)), np.float32)
    if features_a.shape[1:] != features_b.shape[1:]:
        raise ValueError(f"features must have the same K and C, got {features_a.shape} and {features_b.shape}")
    units_a, weights_a = _known(features_a, scores_a, min_joint_score)
    units_b, weights_b = _known(features_b, scores_b, min_joint_score)
    weights = weights_a @ weights_b.T  # (N, K) @ (K, M) -> (N, M)
    cosines = _flat(units_a, weights_a) @ _flat(units_b, weights_b).T  # (N, K * C) @ (K * C, M) -> (N, M)
    mean = np.divide(cosines, weights, out=np.full_like(weights, np.nan), where=weights > 0)
    return np.asarray(np.clip((mean - unlike) / (1 - unlike), 0, 1))


def _known(features: FloatArray, scores: FloatArray, min_joint_score: float) -> tuple[FloatArray, FloatArray]:
    """(N, K, C) features of length 1 and (N, K) scores; 0 for joints that are not known."""
    lengths = np.sqrt(np.einsum("nkc,nkc->nk", features, features))
    known = (scores > min_joint_score) & (lengths > 0)
    units = features * np.divide(1, lengths, out=np.zeros_like(lengths), where=known)[..., None]
    return units, np.where(known, scores, np.float32(0))


def _flat(units: FloatArray, weights: FloatArray) -> FloatArray:
    return (units * weights[..., None]).reshape(len(units), -1)  # (N, K, C) -> (N, K * C)


@dataclass(frozen=True, eq=False)
class Appearance(Rows):
    """What is remembered of how T people look. features: (T, K, C) and scores: (T, K), both exponential moving averages
    for each joint by itself, 0 for one never known: what `appearance_similarity` takes."""

    features: FloatArray
    scores: FloatArray

    @classmethod
    def start(cls, poses: Poses) -> Appearance:
        """People seen for the first time; of poses without features nothing is known."""
        shape = poses.joint_scores.shape
        num_channels = 0 if poses.features is None else poses.features.shape[2]
        unknown = cls(np.zeros((*shape, num_channels), np.float32), np.zeros(shape, np.float32))
        return unknown.seen(poses)

    def seen(self, poses: Poses, min_joint_score: float = MIN_JOINT_SCORE, rate: float = RATE) -> Appearance:
        """The same people, each of whom was just seen as the pose beside it.

        Where a joint is known now, a share of `rate` times its score is replaced of what was remembered, and all where
        nothing was. A joint that is not known, or a pose without features, changes nothing: who is hidden for a while
        is not forgotten.
        """
        if poses.features is None or not len(self):
            return self
        units, scores = _known(poses.features, poses.joint_scores, min_joint_score)
        share = np.where(self.scores > 0, np.float32(rate) * scores, scores > 0).astype(np.float32)
        features = self.features + share[..., None] * (units - self.features)
        return Appearance(features, self.scores + share * (scores - self.scores))
