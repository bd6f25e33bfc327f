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


def crowd(seed: int, count: int, joints: int = 5, channels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Features, none negative and some all 0, and scores on both sides of the threshold."""
    rng = np.random.default_rng(seed)
    features = rng.random((count, joints, channels)) * (rng.random((count, joints, 1)) > 0.1)
    return features.astype(np.float32), rng.choice([0, 0.1, 0.2, 0.3, 0.6, 1], (count, joints)).astype(np.float32)


def poses(appearance: list[list[list[float]]] | None, scores: list[list[float]]) -> Poses:
    """People with the joints TWO, whose looks have two channels."""
    n = len(scores)
    features = None if appearance is None else np.array(appearance, np.float32).reshape(n, 2, -1)
    zeros = np.zeros((n, 2, 2)), np.array(scores, np.float32).reshape(n, 2), np.zeros((n, 4)), np.ones(n)
    return Poses(*zeros, TWO, features=features)  # type: ignore[arg-type]


RED, GREEN = [1.0, 0.0], [0.0, 1.0]


@given(seeds, counts, counts)
@repeatable
def test_between_0_and_1_and_symmetric(seed: int, n: int, m: int) -> None:
    a, b = crowd(seed, n), crowd(seed + 1, m)
    found = appearance_similarity(*a, *b)
    assert found.shape == (n, m)
    assert found.dtype == np.float32
    assert (np.isnan(found) | ((found >= 0) & (found <= 1))).all()
    np.testing.assert_allclose(appearance_similarity(*b, *a).T, found, atol=1e-5)


@given(seeds, counts)
@repeatable
def test_the_mean_cosine_pair_by_pair(seed: int, n: int) -> None:
    (features, scores), unlike = crowd(seed, n), 0.25
    found = appearance_similarity(features, scores, features[::-1], scores[::-1], unlike=unlike)
    for i in range(n):
        for j in range(n):
            total, weight = 0.0, 0.0
            for f, g, s, t in zip(features[i], features[n - 1 - j], scores[i], scores[n - 1 - j], strict=True):
                if s > np.float32(0.2) and t > np.float32(0.2) and f.any() and g.any():
                    total += s * t * (f @ g) / np.linalg.norm(f) / np.linalg.norm(g)
                    weight += s * t
            expected = max((total / weight - unlike) / (1 - unlike), 0) if weight else np.nan
            assert found[i, j] == pytest.approx(expected, abs=1e-5, nan_ok=True)


@given(seeds, counts)
@repeatable
def test_everybody_looks_like_themselves_unless_unknown(seed: int, n: int) -> None:
    features, scores = crowd(seed, n)
    known = ((scores > np.float32(0.2)) & features.any(axis=2)).any(axis=1)
    own = np.diag(appearance_similarity(features, scores, features, scores))
    np.testing.assert_allclose(own, np.where(known, 1, np.nan), atol=1e-5)


@given(seeds, counts)
@repeatable
def test_the_order_of_people_and_the_strength_of_features_do_not_matter(seed: int, n: int) -> None:
    (features, scores), others = crowd(seed, n), crowd(seed + 1, 3)
    order = np.random.default_rng(seed).permutation(n)
    found = appearance_similarity(7 * features[order], scores[order], *others)
    np.testing.assert_allclose(found, appearance_similarity(features, scores, *others)[order], atol=1e-5)


@given(seeds)
@repeatable
def test_unsure_joints_do_not_count(seed: int) -> None:
    (features, scores), others = crowd(seed, 4), crowd(seed + 1, 3)
    unsure = scores <= np.float32(0.2)
    changed = np.where(unsure[..., None], 9 * features[::-1] + 1, features)
    expected = appearance_similarity(features, scores, *others)
    np.testing.assert_array_equal(appearance_similarity(changed, scores, *others), expected)


def test_unlike_and_the_least_score_are_obeyed() -> None:
    a, b = np.array([[[1.0, 0.0]]], np.float32), np.array([[[0.8, 0.6]]], np.float32)
    sure = np.array([[0.5]], np.float32)
    assert appearance_similarity(a, sure, b, sure, unlike=0.6).item() == pytest.approx(0.5)
    assert appearance_similarity(a, sure, b, sure, unlike=0.9).item() == 0
    assert np.isnan(appearance_similarity(a, sure, b, sure, min_joint_score=0.5))


def test_nobody_and_other_features() -> None:
    nobody, somebody = crowd(0, 0, channels=0), crowd(0, 2)
    assert appearance_similarity(*nobody, *somebody).shape == (0, 2)
    assert appearance_similarity(*somebody, *nobody).shape == (2, 0)
    with pytest.raises(ValueError, match=r"same K and C, got \(2, 5, 4\) and \(1, 5, 3\)"):
        appearance_similarity(*somebody, *crowd(0, 1, channels=3))


def test_memory_is_a_moving_average_of_each_joint() -> None:
    first = Appearance.start(poses([[[2, 0], GREEN]], [[0.8, 0.1]]))
    np.testing.assert_allclose(first.features, [[RED, [0, 0]]])  # of length 1; the unsure joint is not known
    np.testing.assert_allclose(first.scores, [[0.8, 0]])
    second = first.seen(poses([[GREEN, GREEN]], [[0.5, 0.6]]), rate=0.2)
    np.testing.assert_allclose(second.features, [[[0.9, 0.1], GREEN]], rtol=1e-6)  # the new joint is known at once
    np.testing.assert_allclose(second.scores, [[0.77, 0.6]], rtol=1e-6)


@pytest.mark.parametrize("hidden", [poses([[GREEN, GREEN]], [[0.2, 0.0]]), poses(None, [[0.9, 0.9]])])
def test_who_is_hidden_is_not_forgotten(hidden: Poses) -> None:
    first = Appearance.start(poses([[RED, GREEN]], [[0.8, 0.9]]))
    after = first
    for _ in range(50):
        after = after.seen(hidden)
    np.testing.assert_array_equal(after.features, first.features)
    np.testing.assert_array_equal(after.scores, first.scores)


@given(seeds, st.integers(1, 5))
@repeatable
def test_people_are_remembered_independently(seed: int, n: int) -> None:
    days = [crowd(seed + day, n, joints=2) for day in range(3)]
    people = [poses(features.tolist(), scores.tolist()) for features, scores in days]
    together = Appearance.start(people[0]).seen(people[1]).seen(people[2])
    assert (np.linalg.norm(together.features, axis=2) <= 1 + 1e-5).all()
    assert ((together.scores >= 0) & (together.scores <= 1)).all()
    for i in range(n):
        one = np.array([i])
        alone = Appearance.start(people[0][one]).seen(people[1][one]).seen(people[2][one])
        np.testing.assert_allclose(alone.features, together.features[one], rtol=1e-6)
        np.testing.assert_array_equal(together[one].scores, alone.scores)


def test_rows_of_nobody_join_any_others() -> None:
    nobody = Appearance.start(Poses.empty(TWO))
    somebody = Appearance.start(poses([[RED, GREEN]], [[0.8, 0.9]]))
    for joined in (nobody + somebody, somebody + nobody):
        np.testing.assert_array_equal(joined.features, somebody.features)
    assert len(nobody + nobody) == 0
    np.testing.assert_array_equal((somebody + somebody).scores, np.repeat(somebody.scores, 2, axis=0))


def test_poses_without_features_are_unknown() -> None:
    memory = Appearance.start(poses(None, [[0.8, 0.9]]))
    assert np.isnan(appearance_similarity(memory.features, memory.scores, memory.features, memory.scores)).all()
