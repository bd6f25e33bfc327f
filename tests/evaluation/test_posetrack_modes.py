"""Where the modes differ, and the cases with little in them."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from made_poses import Person, assert_same, video

from pose_track.evaluation.posetrack import MODES, Evaluation, Figures, evaluate_posetrack
from pose_track.structures.conversion import convert_people
from pose_track.structures.sequence import People, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

PERCENT = [f.name for f in fields(Figures)][:12]
TRACKING = [f.name for f in fields(Figures)][3:]
A, B = Person(0, 0.0), Person(1, 500.0)
FALSE = Person(9, 2000.0, score=0.1)


def evaluate(truth: PoseSequence, prediction: PoseSequence) -> tuple[Figures, Figures]:
    """In mode poseval, and in mode clean."""
    modes = evaluate_posetrack([(truth, prediction)]).modes
    return modes["poseval"], modes["clean"]


def totals(figures: Figures, *names: str) -> list[float]:
    return [round(float(getattr(figures, name)[15]), 6) for name in names]


def test_all_right_is_100() -> None:
    truth = video([[A, B]] * 3)
    for figures in evaluate(truth, truth):
        for name in PERCENT:
            np.testing.assert_array_equal(getattr(figures, name), 100, name)
        assert totals(figures, "switches", "fragmentations", "misses", "false_positives") == [0, 0, 0, 0]


@pytest.mark.parametrize("labelled", [True, False])
def test_frames_without_people(labelled: bool) -> None:
    truth = video([[A], [], [A]], labelled=[True, labelled, True])
    poseval, clean = evaluate(truth, video([[A], [FALSE], [A]]))
    assert totals(poseval, "precision", "false_positives") == [100, 0]  # such frames do not count
    expected = [100 * 2 / 3, 15] if labelled else [100, 0]
    assert totals(clean, "precision", "false_positives") == pytest.approx(expected)


def test_frames_that_are_not_labelled_though_they_have_people() -> None:
    truth = video([[A], [A], [A], [A]], labelled=[True, False, True, True])
    poseval, clean = evaluate(truth, truth)
    assert totals(poseval, "objects") == totals(clean, "objects") == [3 * 15]  # 0 1 2, and 0 2 3
    poseval, clean = evaluate(truth, video([[A], [], [A], [A]]))
    assert totals(poseval, "recall", "misses") == [75, 15]
    assert totals(clean, "recall", "misses") == [100, 0]


def test_the_last_frame_counts_for_tracking_in_clean_alone() -> None:
    poseval, clean = evaluate(video([[A], [A], []]), video([[A], [FALSE], []]))
    assert totals(poseval, "precision", "mota") == [50, 100]  # the frame before the empty one is the last
    assert totals(clean, "precision", "mota") == [50, 0]


def test_one_frame() -> None:
    poseval, clean = evaluate(video([[A]]), video([[A]]))
    assert totals(poseval, "ap", "recall") == [100, 100]
    assert np.isnan(totals(poseval, "mota", "motp", "mot_precision", "idf1", "hota")).all()
    assert totals(clean, "ap", "mota", "motp", "idf1", "hota") == [100] * 5


@pytest.mark.parametrize("without", ["truth", "prediction"])
def test_frames_with_nobody_left_on_one_side(without: str) -> None:
    # in the first frame one side has its three people in the ignore region, the other side has them beside it
    people, others = [Person(i, 500.0 + i) for i in range(3)], [Person(i, 100.0 * i) for i in range(3)]
    region = {0: [[400.0, -9.0], [600.0, -9.0], [600.0, 9.0], [400.0, 9.0]]}
    sides = (people, others) if without == "truth" else (others, people)
    truth, found = (video([side, [A], [A]], regions=region) for side in sides)
    poseval, clean = evaluate(truth, found)
    assert totals(poseval, "misses", "false_positives", "objects") == [15, 15, 30]
    assert totals(poseval, "idf1", "hota") == [100, 100]  # taken over the other frames
    wrong = [0, 45] if without == "truth" else [45, 0]
    assert totals(clean, "misses", "false_positives") == wrong
    assert totals(clean, "objects") == [30 if without == "truth" else 75]


@pytest.mark.parametrize(
    ("layout", "more", "misses"),
    [
        ("posetrack18", {}, 45),  # its conversion gives them an empty list
        ("posetrack17", {}, 15),
        ("posetrack17", {"annopoints": [{}]}, 15),
        ("posetrack17", {"annopoints": [{"point": []}]}, 45),  # a list, though empty
        ("", {}, 15),
    ],
)
def test_predicted_people_without_joints(layout: str, more: dict[str, object], misses: int) -> None:
    three = [Person(i, 100.0 * i) for i in range(3)]
    found = video([[Person(5, 0.0, joints=())], [A], [A]], layout=layout)
    found.people.more[0] = more
    poseval, clean = evaluate(video([three, [A], [A]]), found)
    assert totals(poseval, "misses") == [misses]  # 15 for a frame that has nobody predicted
    assert totals(clean, "misses") == [45]


def test_truth_without_joints_is_nobody_but_makes_a_frame_count() -> None:
    truth = video([[Person(0, 0.0, joints=())], [A], [A]], labelled=[False, True, True])
    poseval, clean = evaluate(truth, video([[FALSE], [A], [A]]))
    assert totals(poseval, "precision", "recall") == pytest.approx([100 * 2 / 3, 100])
    assert totals(clean, "precision", "recall") == [100, 100]


def test_joints_that_are_nowhere() -> None:
    truth = video([[Person(0, 0.0, joints=range(1, 15))]] * 2)
    poseval, clean = evaluate(truth, truth)
    assert (poseval.ap[0], poseval.precision[0], poseval.recall[0], poseval.motp[0]) == (0, 0, 0, 0)
    assert totals(poseval, "ap", "precision", "recall", "motp") == pytest.approx([100 * 14 / 15] * 4)
    assert totals(poseval, "mota", "mot_precision", "mot_recall", "idf1", "hota") == [100] * 5
    for name in PERCENT:
        assert np.isnan(getattr(clean, name)[0])
        assert totals(clean, name) == [100]


def test_joints_without_truth_that_are_predicted() -> None:
    truth, found = video([[Person(0, 0.0, joints=range(1, 15))]] * 2), video([[A]] * 2)
    poseval, clean = evaluate(truth, found)
    np.testing.assert_equal((poseval.ap[0], poseval.precision[0], poseval.recall[0]), (np.nan, 0, np.nan))
    np.testing.assert_equal((poseval.mota[0], poseval.motp[0], poseval.mot_precision[0]), (np.nan, 0, 0))
    for name in PERCENT:
        assert np.isnan(getattr(clean, name)[0])
    assert clean.false_positives[0] == 2


def test_frames_with_nobody_left_are_no_truth_for_identities() -> None:
    truth = video([[Person(0, 0.0, joints=range(1, 15))]] * 3)
    poseval, _ = evaluate(truth, video([[A], [], [A]]))
    assert (poseval.objects[0], poseval.mota[0]) == (1, -200)  # of the second frame, and the first one's joint is wrong
    np.testing.assert_equal((poseval.idf1[0], poseval.hota[0]), (np.nan, np.nan))


def test_equal_scores_are_one_step_in_clean() -> None:
    truth = video([[A], [A]])
    found = [[A], [Person(0, 900.0)]]  # one right and one wrong of the same score
    for frames in (found, found[::-1]):
        assert totals(evaluate(truth, video(frames))[1], "ap") == [25]


def test_joints_without_score_take_that_of_their_person_in_clean() -> None:
    wrong = Person(1, 900.0, score=0.5)
    truth = video([[A]] * 2)
    for person_score, ap in ((0.9, 50), (0.1, 25), (np.nan, 25)):  # before the wrong one, after it
        nameless = Person(0, 0.0, score=np.nan, person_score=person_score)
        poseval, clean = evaluate(truth, video([[nameless], [wrong]]))
        assert totals(poseval, "ap") == [25]
        assert totals(clean, "ap") == [ap]


def test_of_equally_right_poses_clean_takes_the_nearer() -> None:
    far, near = Person(1, 10.0, score=0.9), Person(2, 1.0, score=0.5)
    poseval, clean = evaluate(video([[A]]), video([[far, near]]))
    assert totals(poseval, "ap") == [100]  # the first one is right, and scores more
    assert totals(clean, "ap") == [50]


def test_motp_counts_switches_again_in_poseval() -> None:
    truth = video([[A]] * 3)
    found = video([[A], [Person(7, 3.0)], [A]])  # a switch at a distance of 0.1; the last frame does not count
    poseval, clean = evaluate(truth, found)
    assert totals(poseval, "motp", "switches") == pytest.approx([100 * (1 - 0.2 / 2), 15])
    assert totals(clean, "motp", "switches") == pytest.approx([100 * (1 - 0.1 / 3), 30])


def test_ignore_regions_hold_for_both_sides_and_only_in_their_frame() -> None:
    region = {0: [[400.0, -9.0], [600.0, -9.0], [600.0, 9.0], [400.0, 9.0]]}
    truth = video([[A, B], [A, B]], regions=region)
    for figures in evaluate(truth, video([[A, Person(3, 590.0)], [A]])):
        assert totals(figures, "precision", "recall") == pytest.approx([100, 100 * 2 / 3])


def test_the_threshold_is_included() -> None:
    for x, ap in ((15.0, 100), (15.001, 0)):
        assert totals(evaluate(video([[A]]), video([[Person(0, x)]]))[1], "ap") == [ap]


def test_without_head_nobody_matches() -> None:
    truth = video([[A], [A]])
    for box in ([np.nan] * 4, [3.0, 3.0, 3.0, 3.0]):
        headless = replace(truth, people=replace(truth.people, head_boxes=np.array([box] * 2)))
        for figures in evaluate(headless, truth):
            assert totals(figures, "ap", "recall", "mot_recall", "hota") == [0, 0, 0, 0]


def test_nobody_predicted() -> None:
    poseval, clean = evaluate(video([[A, B]] * 3), video([[], [], []]))
    assert totals(clean, "ap", "precision", "recall", "mota", "mot_recall", "idf1", "hota") == [0] * 7
    assert np.isnan(totals(clean, "motp", "mot_precision")).all()
    assert totals(poseval, "ap", "mota", "mot_recall", "mot_precision") == [0, -100, 0, 0]


@pytest.mark.parametrize("found", [[], [FALSE]])
def test_no_truth_at_all(found: list[Person]) -> None:
    poseval, clean = evaluate(video([[], []]), video([found, found]))
    for figures in (poseval, clean):
        for name in PERCENT:
            assert np.isnan(getattr(figures, name)).all(), name
    assert totals(clean, "false_positives", "objects") == [30 * len(found), 0]


def test_no_frames_in_one_of_the_sequences() -> None:
    pairs = [(video([[A], [A]], "a"),) * 2, (video([], "b"),) * 2]
    evaluation = evaluate_posetrack(pairs)
    for mode in MODES:
        assert totals(evaluation.modes[mode], "ap", "mota") == [100, 100]
        assert np.isnan(evaluation.sequences["b"][mode].ap).all()


def without_ids(sequence: PoseSequence) -> PoseSequence:
    return replace(sequence, people=replace(sequence.people, track_ids=np.full(len(sequence.people), -1)))


@pytest.mark.parametrize("side", [0, 1])
def test_without_ids_there_is_no_tracking(side: int) -> None:
    pair = [video([[A, B]] * 3), video([[A, FALSE]] * 3)]
    pair[side] = without_ids(pair[side])
    for figures in evaluate(*pair):
        assert totals(figures, "precision", "recall") == [50, 50]
        for name in TRACKING:
            assert np.isnan(getattr(figures, name)).all(), name


def test_whoever_has_no_id_is_somebody_else_each_time() -> None:
    found = video([[Person(5, 0.0)], [Person(-1, 0.0)], [Person(-1, 0.0)], [Person(5, 0.0)]])
    _, clean = evaluate(video([[A]] * 4), found)
    assert totals(clean, "switches", "idf1") == [45, 50]


def test_sequences_add_up() -> None:
    pairs = [
        (video([[A]] * 3, "a"), video([[A]] * 3, "a")),
        (video([[A, B]] * 2, "b"), video([[Person(1, 0.0)], [Person(2, 0.0)]], "b")),
    ]
    evaluation = evaluate_posetrack(iter(pairs))
    assert list(evaluation.sequences) == ["a", "b"]
    for mode in MODES:
        parts = [evaluation.sequences[name][mode] for name in ("a", "b")]
        for name in ("switches", "fragmentations", "misses", "false_positives", "objects"):
            together = sum(getattr(figures, name) for figures in parts)
            np.testing.assert_array_equal(getattr(evaluation.modes[mode], name), together, name)
        for figures, pair in zip(parts, pairs, strict=True):
            assert_same(figures, evaluate_posetrack([pair]).modes[mode])
    assert totals(evaluation.modes["clean"], "recall", "mota") == pytest.approx([100 * 5 / 7, 100 * (1 - 3 / 7)])


@pytest.mark.parametrize("skeleton", [POSETRACK18_17, COCO_17])
def test_skeletons_are_brought_to_the_fifteen_joints(skeleton: object) -> None:
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 500, (3, 17, 2))
    people = People.of(
        joints, rng.random((3, 17)), head_boxes=np.tile([0.0, 0.0, 30.0, 40.0], (3, 1)), track_ids=np.zeros(3, np.int64)
    )
    found = PoseSequence("a", skeleton, video([[]] * 3).frames, people, np.arange(3), "posetrack18")
    truth = replace(found, skeleton=POSETRACK_15, people=convert_people(people, skeleton, POSETRACK_15))
    for figures in evaluate(truth, found):
        assert totals(figures, "ap", "mota") == [100, 100]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "no sequences"),
        ([(video([[A]]), video([[A], [A]]))], "a: expected a prediction of 1 frames, got 2"),
        ([(video([[A]]), video([[A]]))] * 2, "two sequences are named 'a'"),
    ],
)
def test_what_cannot_be_compared(pairs: list[tuple[PoseSequence, PoseSequence]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_posetrack(pairs)


def test_evaluation_names_modes() -> None:
    evaluation: Evaluation = evaluate_posetrack([(video([[A]]), video([[A]]))])
    assert tuple(evaluation.modes) == tuple(evaluation.sequences["a"]) == MODES
    for field in fields(Figures):
        assert getattr(evaluation.modes["clean"], field.name).shape == (16,)
