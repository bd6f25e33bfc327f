from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_poses import assert_same, random_video, shuffled, with_other_ids

from pose_track.evaluation.posetrack import Evaluation, Metrics, evaluate_posetrack
from pose_track.structures.sequence import PoseAnnotations, PoseSequence

seeds = st.integers(0, 2**32 - 1)
few_examples = settings(max_examples=20, deadline=None)

Pairs = list[tuple[PoseSequence, PoseSequence]]


def random_pairs(rng: np.random.Generator, crowded: bool = True) -> Pairs:
    return [random_video(rng, name, crowded) for name in ("a", "b")[: rng.integers(1, 3)]]


def rounded(sequence: PoseSequence) -> PoseSequence:
    """With coarsely rounded positions and scores, which gives many ties."""
    people = sequence.people
    joints, scores = np.round(people.joints / 10) * 10, np.round(people.joint_scores, 0)
    return replace(sequence, people=replace(people, joints=joints, joint_scores=scores))


def assert_same_evaluation(a: Evaluation, b: Evaluation, mode: str, atol: float = 0) -> None:
    assert_same(a.modes[mode], b.modes[mode], atol)
    for name, by_mode in a.sequences.items():
        assert_same(by_mode[mode], b.sequences[name][mode], atol)


@few_examples
@given(seeds, st.booleans())
def test_clean_depends_on_neither_order_nor_ids(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    if ties:
        pairs = [(rounded(gt), rounded(prediction)) for gt, prediction in pairs]
    others = [tuple(with_other_ids(shuffled(side, rng), rng) for side in pair) for pair in pairs]
    assert_same_evaluation(evaluate_posetrack(pairs), evaluate_posetrack(others), "clean")


@few_examples
@given(seeds)
def test_poseval_does_not_depend_on_ids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    others = [tuple(with_other_ids(side, rng) for side in pair) for pair in pairs]
    assert_same_evaluation(evaluate_posetrack(pairs), evaluate_posetrack(others), "poseval", atol=1e-9)


@few_examples
@given(seeds)
def test_poseval_does_not_depend_on_the_order_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng, crowded=False)
    others = [tuple(shuffled(side, rng) for side in pair) for pair in pairs]
    assert_same_evaluation(evaluate_posetrack(pairs), evaluate_posetrack(others), "poseval", atol=1e-9)


@few_examples
@given(seeds)
def test_gt_against_itself_gets_100(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(gt, with_other_ids(gt, rng)) for gt, _ in random_pairs(rng, crowded=False)]
    evaluation = evaluate_posetrack(pairs)
    clean, poseval = evaluation.modes["clean"], evaluation.modes["poseval"]
    for name in ("ap", "precision", "recall", "mota", "motp", "mot_precision", "mot_recall", "idf1", "hota", "loc_a"):
        values = getattr(clean, name)
        assert np.isin(values[~np.isnan(values)], 100).all(), name
    assert np.isin(poseval.recall[~np.isnan(poseval.recall)][:15], (0, 100)).all()


def with_false_positive(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """With one more person, far from all others, in a random frame."""
    frame = int(rng.integers(0, len(sequence)))
    at = int(np.searchsorted(sequence.frame_indices, frame, side="right"))
    person = PoseAnnotations.from_joints(
        rng.uniform(-9e4, -8e4, (1, 15, 2)), rng.random((1, 15)), track_ids=np.array([7777])
    )
    people = PoseAnnotations.concatenate([sequence.people[:at], person, sequence.people[at:]])
    return replace(sequence, people=people, frame_indices=np.insert(sequence.frame_indices, at, frame))


@few_examples
@given(seeds)
def test_a_false_positive_never_raises_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    gt, prediction = pairs[0]
    before = evaluate_posetrack(pairs).modes
    after = evaluate_posetrack([(gt, with_false_positive(prediction, rng)), *pairs[1:]]).modes
    for mode, name in (("clean", "precision"), ("clean", "mot_precision"), ("clean", "ap"), ("poseval", "precision")):
        a, b = getattr(before[mode], name)[:15], getattr(after[mode], name)[:15]
        both = ~np.isnan(a) & ~np.isnan(b)
        assert (b[both] <= a[both] + 1e-9).all(), (mode, name)


@few_examples
@given(seeds)
def test_metrics_are_within_their_ranges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for metrics in evaluate_posetrack(random_pairs(rng)).modes.values():
        assert_in_range(metrics)


def assert_in_range(metrics: Metrics) -> None:
    for name in ("ap", "precision", "recall", "mot_precision", "mot_recall", "idf1", "hota", "det_a", "ass_a", "loc_a"):
        values = getattr(metrics, name)
        values = values[~np.isnan(values)]
        assert ((values >= 0) & (values <= 100 + 1e-9)).all(), name
    mota = 100 * (1 - (metrics.misses + metrics.switches + metrics.false_positives) / np.maximum(metrics.objects, 1))
    has_gt = metrics.objects[:15] > 0
    np.testing.assert_allclose(metrics.mota[:15][has_gt], mota[:15][has_gt], atol=1e-9)
    assert (metrics.misses <= metrics.objects).all()
    assert (metrics.switches + metrics.misses <= metrics.objects).all()
