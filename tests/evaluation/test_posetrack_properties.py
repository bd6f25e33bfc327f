from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_poses import assert_same, random_video, renamed, shuffled

from pose_track.evaluation.posetrack import Evaluation, Figures, evaluate_posetrack
from pose_track.structures.sequence import People, PoseSequence

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)

Pairs = list[tuple[PoseSequence, PoseSequence]]


def random_pairs(rng: np.random.Generator, crowded: bool = True) -> Pairs:
    return [random_video(rng, name, crowded) for name in ("a", "b")[: rng.integers(1, 3)]]


def rounded(sequence: PoseSequence) -> PoseSequence:
    """With so few different places and scores that there are ties everywhere."""
    people = sequence.people
    joints, scores = np.round(people.joints / 10) * 10, np.round(people.joint_scores, 0)
    return replace(sequence, people=replace(people, joints=joints, joint_scores=scores))


def assert_all_same(a: Evaluation, b: Evaluation, mode: str, atol: float = 0) -> None:
    assert_same(a.modes[mode], b.modes[mode], atol)
    for name, by_mode in a.sequences.items():
        assert_same(by_mode[mode], b.sequences[name][mode], atol)


@few
@given(seeds, st.booleans())
def test_clean_hangs_on_neither_order_nor_names(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    if ties:
        pairs = [(rounded(truth), rounded(prediction)) for truth, prediction in pairs]
    others = [tuple(renamed(shuffled(side, rng), rng) for side in pair) for pair in pairs]
    assert_all_same(evaluate_posetrack(pairs), evaluate_posetrack(others), "clean")


@few
@given(seeds)
def test_poseval_does_not_hang_on_names(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    others = [tuple(renamed(side, rng) for side in pair) for pair in pairs]
    assert_all_same(evaluate_posetrack(pairs), evaluate_posetrack(others), "poseval", atol=1e-9)


@few
@given(seeds)
def test_poseval_does_not_hang_on_the_order_where_nothing_is_tied(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng, crowded=False)
    others = [tuple(shuffled(side, rng) for side in pair) for pair in pairs]
    assert_all_same(evaluate_posetrack(pairs), evaluate_posetrack(others), "poseval", atol=1e-9)


@few
@given(seeds)
def test_truth_itself_gets_100(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(truth, renamed(truth, rng)) for truth, _ in random_pairs(rng, crowded=False)]
    evaluation = evaluate_posetrack(pairs)
    clean, poseval = evaluation.modes["clean"], evaluation.modes["poseval"]
    for name in ("ap", "precision", "recall", "mota", "motp", "mot_precision", "mot_recall", "idf1", "hota", "loc_a"):
        values = getattr(clean, name)
        assert np.isin(values[~np.isnan(values)], 100).all(), name
    assert np.isin(poseval.recall[~np.isnan(poseval.recall)][:15], (0, 100)).all()


def with_false_person(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """One person more, far from everybody, in one of the frames."""
    frame = int(rng.integers(0, len(sequence)))
    at = int(np.searchsorted(sequence.frame_of, frame, side="right"))
    person = People.of(rng.uniform(-9e4, -8e4, (1, 15, 2)), rng.random((1, 15)), track_ids=np.array([7777]))
    parts = sequence.people[:at], person, sequence.people[at:]
    people = People(*(np.concatenate([getattr(p, name) for p in parts]) for name in vars(person)))
    return replace(sequence, people=people, frame_of=np.insert(sequence.frame_of, at, frame))


@few
@given(seeds)
def test_a_false_person_never_raises_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng)
    truth, prediction = pairs[0]
    before = evaluate_posetrack(pairs).modes
    after = evaluate_posetrack([(truth, with_false_person(prediction, rng)), *pairs[1:]]).modes
    for mode, name in (("clean", "precision"), ("clean", "mot_precision"), ("clean", "ap"), ("poseval", "precision")):
        a, b = getattr(before[mode], name)[:15], getattr(after[mode], name)[:15]
        both = ~np.isnan(a) & ~np.isnan(b)
        assert (b[both] <= a[both] + 1e-9).all(), (mode, name)


@few
@given(seeds)
def test_figures_are_what_they_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for figures in evaluate_posetrack(random_pairs(rng)).modes.values():
        assert_plausible(figures)


def assert_plausible(figures: Figures) -> None:
    for name in ("ap", "precision", "recall", "mot_precision", "mot_recall", "idf1", "hota", "det_a", "ass_a", "loc_a"):
        values = getattr(figures, name)
        values = values[~np.isnan(values)]
        assert ((values >= 0) & (values <= 100 + 1e-9)).all(), name
    mota = 100 * (1 - (figures.misses + figures.switches + figures.false_positives) / np.maximum(figures.objects, 1))
    counted = figures.objects[:15] > 0
    np.testing.assert_allclose(figures.mota[:15][counted], mota[:15][counted], atol=1e-9)
    assert (figures.misses <= figures.objects).all()
    assert (figures.switches + figures.misses <= figures.objects).all()
