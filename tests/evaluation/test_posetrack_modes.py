"""The differences of the modes, and edge cases."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from synthetic_poses import Person, assert_same, video

from pose_track.evaluation.posetrack import MODES, Evaluation, Metrics, evaluate_posetrack
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

PERCENT = [f.name for f in fields(Metrics)][:12]
TRACKING = [f.name for f in fields(Metrics)][3:]
A, B = Person(0, 0.0), Person(1, 500.0)
FALSE_POSITIVE = Person(9, 2000.0, score=0.1)


def evaluate(gt: PoseSequence, prediction: PoseSequence) -> tuple[Metrics, Metrics]:
    """The metrics in mode poseval, then in mode clean."""
    modes = evaluate_posetrack([(gt, prediction)]).modes
    return modes["poseval"], modes["clean"]


def totals(metrics: Metrics, *names: str) -> list[float]:
    return [round(float(getattr(metrics, name)[15]), 6) for name in names]


def test_a_perfect_prediction_is_100() -> None:
    gt = video([[A, B]] * 3)
    for metrics in evaluate(gt, gt):
        for name in PERCENT:
            np.testing.assert_array_equal(getattr(metrics, name), 100, name)
        assert totals(metrics, "switches", "fragmentations", "misses", "false_positives") == [0, 0, 0, 0]


@pytest.mark.parametrize("labelled", [True, False])
def test_frames_without_people(labelled: bool) -> None:
    gt = video([[A], [], [A]], labelled=[True, labelled, True])
    poseval, clean = evaluate(gt, video([[A], [FALSE_POSITIVE], [A]]))
    assert totals(poseval, "precision", "false_positives") == [100, 0]  # such frames are not evaluated
    expected = [100 * 2 / 3, 15] if labelled else [100, 0]
    assert totals(clean, "precision", "false_positives") == pytest.approx(expected)


def test_unlabelled_frames_with_people() -> None:
    gt = video([[A], [A], [A], [A]], labelled=[True, False, True, True])
    poseval, clean = evaluate(gt, gt)
    assert totals(poseval, "objects") == totals(clean, "objects") == [3 * 15]  # frames 0 1 2, and 0 2 3
    poseval, clean = evaluate(gt, video([[A], [], [A], [A]]))
    assert totals(poseval, "recall", "misses") == [75, 15]
    assert totals(clean, "recall", "misses") == [100, 0]


def test_the_last_frame_is_evaluated_for_tracking_in_clean_alone() -> None:
    poseval, clean = evaluate(video([[A], [A], []]), video([[A], [FALSE_POSITIVE], []]))
    assert totals(poseval, "precision", "mota") == [50, 100]  # the frame before the empty one is the last evaluated
    assert totals(clean, "precision", "mota") == [50, 0]


def test_one_frame() -> None:
    poseval, clean = evaluate(video([[A]]), video([[A]]))
    assert totals(poseval, "ap", "recall") == [100, 100]
    assert np.isnan(totals(poseval, "mota", "motp", "mot_precision", "idf1", "hota")).all()
    assert totals(clean, "ap", "mota", "motp", "idf1", "hota") == [100] * 5


@pytest.mark.parametrize("empty_side", ["gt", "prediction"])
def test_frames_with_one_side_empty(empty_side: str) -> None:
    # in the first frame all people of one side are in the ignore region, those of the other side are outside
    ignored, others = [Person(i, 500.0 + i) for i in range(3)], [Person(i, 100.0 * i) for i in range(3)]
    region = {0: [[400.0, -9.0], [600.0, -9.0], [600.0, 9.0], [400.0, 9.0]]}
    sides = (ignored, others) if empty_side == "gt" else (others, ignored)
    gt, prediction = (video([people, [A], [A]], regions=region) for people in sides)
    poseval, clean = evaluate(gt, prediction)
    assert totals(poseval, "misses", "false_positives", "objects") == [15, 15, 30]
    assert totals(poseval, "idf1", "hota") == [100, 100]  # over the other frames
    expected = [0, 45] if empty_side == "gt" else [45, 0]
    assert totals(clean, "misses", "false_positives") == expected
    assert totals(clean, "objects") == [30 if empty_side == "gt" else 75]


@pytest.mark.parametrize(
    ("layout", "extra", "misses"),
    [
        ("posetrack18", {}, 45),  # the tool's conversion gives them an empty list of joints
        ("posetrack17", {}, 15),
        ("posetrack17", {"annopoints": [{}]}, 15),
        ("posetrack17", {"annopoints": [{"point": []}]}, 45),  # an empty list of joints
        ("", {}, 15),
    ],
)
def test_predicted_people_without_joints(layout: str, extra: dict[str, object], misses: int) -> None:
    people = [Person(i, 100.0 * i) for i in range(3)]
    prediction = video([[Person(5, 0.0, joints=())], [A], [A]], layout=layout)
    prediction.people.extra[0] = extra
    poseval, clean = evaluate(video([people, [A], [A]]), prediction)
    assert totals(poseval, "misses") == [misses]  # 15 for an empty frame
    assert totals(clean, "misses") == [45]


def test_a_frame_with_gt_people_without_joints_is_evaluated_by_poseval() -> None:
    gt = video([[Person(0, 0.0, joints=())], [A], [A]], labelled=[False, True, True])
    poseval, clean = evaluate(gt, video([[FALSE_POSITIVE], [A], [A]]))
    assert totals(poseval, "precision", "recall") == pytest.approx([100 * 2 / 3, 100])
    assert totals(clean, "precision", "recall") == [100, 100]


def test_joints_without_gt_and_predictions() -> None:
    gt = video([[Person(0, 0.0, joints=range(1, 15))]] * 2)
    poseval, clean = evaluate(gt, gt)
    assert (poseval.ap[0], poseval.precision[0], poseval.recall[0], poseval.motp[0]) == (0, 0, 0, 0)
    assert totals(poseval, "ap", "precision", "recall", "motp") == pytest.approx([100 * 14 / 15] * 4)
    assert totals(poseval, "mota", "mot_precision", "mot_recall", "idf1", "hota") == [100] * 5
    for name in PERCENT:
        assert np.isnan(getattr(clean, name)[0])
        assert totals(clean, name) == [100]


def test_predicted_joints_without_gt() -> None:
    gt, prediction = video([[Person(0, 0.0, joints=range(1, 15))]] * 2), video([[A]] * 2)
    poseval, clean = evaluate(gt, prediction)
    np.testing.assert_equal((poseval.ap[0], poseval.precision[0], poseval.recall[0]), (np.nan, 0, np.nan))
    np.testing.assert_equal((poseval.mota[0], poseval.motp[0], poseval.mot_precision[0]), (np.nan, 0, 0))
    for name in PERCENT:
        assert np.isnan(getattr(clean, name)[0])
    assert clean.false_positives[0] == 2


def test_empty_frames_add_no_gt_to_idf1_and_hota() -> None:
    gt = video([[Person(0, 0.0, joints=range(1, 15))]] * 3)
    poseval, _ = evaluate(gt, video([[A], [], [A]]))
    # one object of the second frame; the first frame's joint is a false positive
    assert (poseval.objects[0], poseval.mota[0]) == (1, -200)
    np.testing.assert_equal((poseval.idf1[0], poseval.hota[0]), (np.nan, np.nan))


def test_equal_scores_are_one_step_in_clean() -> None:
    gt = video([[A], [A]])
    prediction = [[A], [Person(0, 900.0)]]  # a true and a false positive of the same score
    for frames in (prediction, prediction[::-1]):
        assert totals(evaluate(gt, video(frames))[1], "ap") == [25]


def test_joints_without_a_score_use_the_person_score_in_clean() -> None:
    false_positive = Person(1, 900.0, score=0.5)
    gt = video([[A]] * 2)
    for person_score, ap in ((0.9, 50), (0.1, 25), (np.nan, 25)):  # ranked before the false positive, after it
        without_score = Person(0, 0.0, score=np.nan, person_score=person_score)
        poseval, clean = evaluate(gt, video([[without_score], [false_positive]]))
        assert totals(poseval, "ap") == [25]
        assert totals(clean, "ap") == [ap]


def test_of_equally_correct_poses_clean_takes_the_closest() -> None:
    far, close = Person(1, 10.0, score=0.9), Person(2, 1.0, score=0.5)
    poseval, clean = evaluate(video([[A]]), video([[far, close]]))
    assert totals(poseval, "ap") == [100]  # the first is correct and has the higher score
    assert totals(clean, "ap") == [50]


def test_motp_counts_switches_twice_in_poseval() -> None:
    gt = video([[A]] * 3)
    prediction = video([[A], [Person(7, 3.0)], [A]])  # a switch at distance 0.1; the last frame is not evaluated
    poseval, clean = evaluate(gt, prediction)
    assert totals(poseval, "motp", "switches") == pytest.approx([100 * (1 - 0.2 / 2), 15])
    assert totals(clean, "motp", "switches") == pytest.approx([100 * (1 - 0.1 / 3), 30])


def test_ignore_regions_apply_to_both_sides_and_to_their_frame_alone() -> None:
    region = {0: [[400.0, -9.0], [600.0, -9.0], [600.0, 9.0], [400.0, 9.0]]}
    gt = video([[A, B], [A, B]], regions=region)
    for metrics in evaluate(gt, video([[A, Person(3, 590.0)], [A]])):
        assert totals(metrics, "precision", "recall") == pytest.approx([100, 100 * 2 / 3])


def test_the_match_distance_is_inclusive() -> None:
    for x, ap in ((15.0, 100), (15.001, 0)):
        assert totals(evaluate(video([[A]]), video([[Person(0, x)]]))[1], "ap") == [ap]


def test_people_without_head_boxes_match_nobody() -> None:
    gt = video([[A], [A]])
    for box in ([np.nan] * 4, [3.0, 3.0, 3.0, 3.0]):
        without_heads = replace(gt, people=replace(gt.people, head_boxes=np.array([box] * 2)))
        for metrics in evaluate(without_heads, gt):
            assert totals(metrics, "ap", "recall", "mot_recall", "hota") == [0, 0, 0, 0]


def test_no_predictions() -> None:
    poseval, clean = evaluate(video([[A, B]] * 3), video([[], [], []]))
    assert totals(clean, "ap", "precision", "recall", "mota", "mot_recall", "idf1", "hota") == [0] * 7
    assert np.isnan(totals(clean, "motp", "mot_precision")).all()
    assert totals(poseval, "ap", "mota", "mot_recall", "mot_precision") == [0, -100, 0, 0]


@pytest.mark.parametrize("predicted", [[], [FALSE_POSITIVE]])
def test_no_gt(predicted: list[Person]) -> None:
    poseval, clean = evaluate(video([[], []]), video([predicted, predicted]))
    for metrics in (poseval, clean):
        for name in PERCENT:
            assert np.isnan(getattr(metrics, name)).all(), name
    assert totals(clean, "false_positives", "objects") == [30 * len(predicted), 0]


def test_a_sequence_without_frames() -> None:
    pairs = [(video([[A], [A]], "a"),) * 2, (video([], "b"),) * 2]
    evaluation = evaluate_posetrack(pairs)
    for mode in MODES:
        assert totals(evaluation.modes[mode], "ap", "mota") == [100, 100]
        assert np.isnan(evaluation.sequences["b"][mode].ap).all()


def without_ids(sequence: PoseSequence) -> PoseSequence:
    return replace(sequence, people=replace(sequence.people, track_ids=np.full(len(sequence.people), -1)))


@pytest.mark.parametrize("side", [0, 1])
def test_without_ids_tracking_metrics_are_undefined(side: int) -> None:
    pair = [video([[A, B]] * 3), video([[A, FALSE_POSITIVE]] * 3)]
    pair[side] = without_ids(pair[side])
    for metrics in evaluate(*pair):
        assert totals(metrics, "precision", "recall") == [50, 50]
        for name in TRACKING:
            assert np.isnan(getattr(metrics, name)).all(), name


def test_each_person_without_an_id_is_a_track_of_their_own() -> None:
    prediction = video([[Person(5, 0.0)], [Person(-1, 0.0)], [Person(-1, 0.0)], [Person(5, 0.0)]])
    _, clean = evaluate(video([[A]] * 4), prediction)
    assert totals(clean, "switches", "idf1") == [45, 50]


def test_counts_of_sequences_add_up() -> None:
    pairs = [
        (video([[A]] * 3, "a"), video([[A]] * 3, "a")),
        (video([[A, B]] * 2, "b"), video([[Person(1, 0.0)], [Person(2, 0.0)]], "b")),
    ]
    evaluation = evaluate_posetrack(iter(pairs))
    assert list(evaluation.sequences) == ["a", "b"]
    for mode in MODES:
        parts = [evaluation.sequences[name][mode] for name in ("a", "b")]
        for name in ("switches", "fragmentations", "misses", "false_positives", "objects"):
            total = sum(getattr(metrics, name) for metrics in parts)
            np.testing.assert_array_equal(getattr(evaluation.modes[mode], name), total, name)
        for metrics, pair in zip(parts, pairs, strict=True):
            assert_same(metrics, evaluate_posetrack([pair]).modes[mode])
    assert totals(evaluation.modes["clean"], "recall", "mota") == pytest.approx([100 * 5 / 7, 100 * (1 - 3 / 7)])


@pytest.mark.parametrize("skeleton", [POSETRACK18_17, COCO_17])
def test_other_skeletons_are_converted_to_posetrack_15(skeleton: object) -> None:
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 500, (3, 17, 2))
    people = PoseAnnotations.from_joints(
        joints, rng.random((3, 17)), head_boxes=np.tile([0.0, 0.0, 30.0, 40.0], (3, 1)), track_ids=np.zeros(3, np.int64)
    )
    prediction = PoseSequence("a", skeleton, video([[]] * 3).frames, people, np.arange(3), "posetrack18")
    gt = replace(prediction, skeleton=POSETRACK_15, people=convert_annotations(people, skeleton, POSETRACK_15))
    for metrics in evaluate(gt, prediction):
        assert totals(metrics, "ap", "mota") == [100, 100]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "no sequences"),
        ([(video([[A]]), video([[A], [A]]))], "a: .*1 frames, got 2"),
        ([(video([[A]]), video([[A]]))] * 2, "'a'"),
    ],
)
def test_invalid_pairs(pairs: list[tuple[PoseSequence, PoseSequence]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_posetrack(pairs)


def test_results_have_both_modes() -> None:
    evaluation: Evaluation = evaluate_posetrack([(video([[A]]), video([[A]]))])
    assert tuple(evaluation.modes) == tuple(evaluation.sequences["a"]) == MODES
    for field in fields(Metrics):
        assert getattr(evaluation.modes["clean"], field.name).shape == (16,)
