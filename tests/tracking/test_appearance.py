"""Appearance similarity, and the appearance of tracks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.appearance import Appearance, appearance_similarity

TWO = Skeleton("two", ("left_hip", "right_hip"))
repeatable = settings(derandomize=True, deadline=None, max_examples=100)
seeds, counts = st.integers(0, 2**32 - 1), st.integers(0, 6)


def random_features(seed: int, count: int, joints: int = 5, channels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative features, some all 0, and scores on both sides of the threshold."""
    rng = np.random.default_rng(seed)
    features = rng.random((count, joints, channels)) * (rng.random((count, joints, 1)) > 0.1)
    return features.astype(np.float32), rng.choice([0, 0.1, 0.2, 0.3, 0.6, 1], (count, joints)).astype(np.float32)


def poses(appearance: list[list[list[float]]] | None, scores: list[list[float]]) -> Poses:
    """People with the joints TWO and features of two channels."""
    n = len(scores)
    features = None if appearance is None else np.array(appearance, np.float32).reshape(n, 2, -1)
    zeros = np.zeros((n, 2, 2)), np.array(scores, np.float32).reshape(n, 2), np.zeros((n, 4)), np.ones(n)
    return Poses(*zeros, TWO, features=features)  # type: ignore[arg-type]


RED, GREEN = [1.0, 0.0], [0.0, 1.0]


@given(seeds, counts, counts)
@repeatable
def test_between_0_and_1_and_symmetric(seed: int, n: int, m: int) -> None:
    a, b = random_features(seed, n), random_features(seed + 1, m)
    similarity = appearance_similarity(*a, *b)
    assert similarity.shape == (n, m)
    assert similarity.dtype == np.float32
    assert (np.isnan(similarity) | ((similarity >= 0) & (similarity <= 1))).all()
    np.testing.assert_allclose(appearance_similarity(*b, *a).T, similarity, atol=1e-5)


@given(seeds, counts)
@repeatable
def test_the_mean_cosine_pair_by_pair(seed: int, n: int) -> None:
    (features, scores), min_cosine = random_features(seed, n), 0.25
    similarity = appearance_similarity(features, scores, features[::-1], scores[::-1], min_cosine=min_cosine)
    for i in range(n):
        for j in range(n):
            total, weight = 0.0, 0.0
            for f, g, s, t in zip(features[i], features[n - 1 - j], scores[i], scores[n - 1 - j], strict=True):
                if s > np.float32(0.2) and t > np.float32(0.2) and f.any() and g.any():
                    total += s * t * (f @ g) / np.linalg.norm(f) / np.linalg.norm(g)
                    weight += s * t
            expected = max((total / weight - min_cosine) / (1 - min_cosine), 0) if weight else np.nan
            assert similarity[i, j] == pytest.approx(expected, abs=1e-5, nan_ok=True)


@given(seeds, counts)
@repeatable
def test_self_similarity_is_1_unless_unknown(seed: int, n: int) -> None:
    features, scores = random_features(seed, n)
    known = ((scores > np.float32(0.2)) & features.any(axis=2)).any(axis=1)
    own = np.diag(appearance_similarity(features, scores, features, scores))
    np.testing.assert_allclose(own, np.where(known, 1, np.nan), atol=1e-5)


@given(seeds, counts)
@repeatable
def test_the_order_of_people_and_the_scale_of_features_do_not_matter(seed: int, n: int) -> None:
    (features, scores), others = random_features(seed, n), random_features(seed + 1, 3)
    order = np.random.default_rng(seed).permutation(n)
    similarity = appearance_similarity(7 * features[order], scores[order], *others)
    np.testing.assert_allclose(similarity, appearance_similarity(features, scores, *others)[order], atol=1e-5)


@given(seeds)
@repeatable
def test_low_score_joints_do_not_count(seed: int) -> None:
    (features, scores), others = random_features(seed, 4), random_features(seed + 1, 3)
    is_low = scores <= np.float32(0.2)
    changed = np.where(is_low[..., None], 9 * features[::-1] + 1, features)
    expected = appearance_similarity(features, scores, *others)
    np.testing.assert_array_equal(appearance_similarity(changed, scores, *others), expected)


def test_min_cosine_and_min_joint_score() -> None:
    a, b = np.array([[[1.0, 0.0]]], np.float32), np.array([[[0.8, 0.6]]], np.float32)
    score = np.array([[0.5]], np.float32)
    assert appearance_similarity(a, score, b, score, min_cosine=0.6).item() == pytest.approx(0.5)
    assert appearance_similarity(a, score, b, score, min_cosine=0.9).item() == 0
    assert np.isnan(appearance_similarity(a, score, b, score, min_joint_score=0.5))


def test_no_people_and_other_feature_shapes() -> None:
    empty, people = random_features(0, 0, channels=0), random_features(0, 2)
    assert appearance_similarity(*empty, *people).shape == (0, 2)
    assert appearance_similarity(*people, *empty).shape == (2, 0)
    with pytest.raises(ValueError, match=r"\(2, 5, 4\) .* \(1, 5, 3\)"):
        appearance_similarity(*people, *random_features(0, 1, channels=3))


def test_appearance_is_a_moving_average_of_each_joint() -> None:
    first = Appearance.start(poses([[[2, 0], GREEN]], [[0.8, 0.1]]))
    np.testing.assert_allclose(first.features, [[RED, [0, 0]]])  # of length 1; the low-score joint is unknown
    np.testing.assert_allclose(first.scores, [[0.8, 0]])
    second = first.update(poses([[GREEN, GREEN]], [[0.5, 0.6]]), update_rate=0.2)
    np.testing.assert_allclose(
        second.features, [[[0.9, 0.1], GREEN]], rtol=1e-6
    )  # a joint seen for the first time is taken over
    np.testing.assert_allclose(second.scores, [[0.77, 0.6]], rtol=1e-6)


@pytest.mark.parametrize("occluded", [poses([[GREEN, GREEN]], [[0.2, 0.0]]), poses(None, [[0.9, 0.9]])])
def test_an_occluded_person_keeps_their_appearance(occluded: Poses) -> None:
    first = Appearance.start(poses([[RED, GREEN]], [[0.8, 0.9]]))
    after = first
    for _ in range(50):
        after = after.update(occluded)
    np.testing.assert_array_equal(after.features, first.features)
    np.testing.assert_array_equal(after.scores, first.scores)


@given(seeds, st.integers(1, 5))
@repeatable
def test_tracks_are_independent(seed: int, n: int) -> None:
    frames = [random_features(seed + frame, n, joints=2) for frame in range(3)]
    people = [poses(features.tolist(), scores.tolist()) for features, scores in frames]
    concatenate_poses = Appearance.start(people[0]).update(people[1]).update(people[2])
    assert (np.linalg.norm(concatenate_poses.features, axis=2) <= 1 + 1e-5).all()
    assert ((concatenate_poses.scores >= 0) & (concatenate_poses.scores <= 1)).all()
    for i in range(n):
        one = np.array([i])
        alone = Appearance.start(people[0][one]).update(people[1][one]).update(people[2][one])
        np.testing.assert_allclose(alone.features, concatenate_poses.features[one], rtol=1e-6)
        np.testing.assert_array_equal(concatenate_poses[one].scores, alone.scores)


def test_empty_appearance_can_be_concatenated_with_any_other() -> None:
    empty = Appearance.start(Poses.empty(TWO))
    one = Appearance.start(poses([[RED, GREEN]], [[0.8, 0.9]]))
    for both in (empty + one, one + empty):
        np.testing.assert_array_equal(both.features, one.features)
    assert len(empty + empty) == 0
    np.testing.assert_array_equal((one + one).scores, np.repeat(one.scores, 2, axis=0))


def test_poses_without_features_are_unknown() -> None:
    unknown = Appearance.start(poses(None, [[0.8, 0.9]]))
    assert np.isnan(appearance_similarity(unknown.features, unknown.scores, unknown.features, unknown.scores)).all()
