"""Joints by what is wrong with them, on small cases and against the evaluation's own counts."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_poses import Person, random_video, video

from pose_track.evaluation.joint_errors import joint_errors
from pose_track.evaluation.posetrack import evaluate_posetrack


def totals(gt, prediction):
    counts = joint_errors([(gt, prediction)]).counts
    return {kind: int(count.sum()) for kind, count in counts.items() if count.sum()}


@pytest.mark.parametrize(
    ("gt", "prediction", "expected"),
    [
        ([[]], [[]], {}),
        ([[Person(5, 100)]], [[]], {"missed": 15}),
        ([[]], [[Person(5, 100)]], {"false": 15}),
        ([[Person(5, 100)]], [[Person(8, 100)]], {"correct": 15}),
        ([[Person(5, 100)]], [[Person(8, 100, joints=range(4))]], {"correct": 4, "absent": 11}),
        ([[Person(5, 100)]], [[Person(8, 900)]], {"missed": 15, "false": 15}),
        ([[Person(5, 100)]] * 2, [[Person(8, 100)], [Person(9, 100)]], {"correct": 15, "switched": 15}),
        ([[Person(-1, 100)]] * 2, [[Person(-1, 100)], [Person(-1, 100)]], {"correct": 30}),
    ],
)  # fmt: skip
def test_kinds(gt, prediction, expected) -> None:
    assert totals(video(gt), video(prediction)) == expected


def test_joints_that_are_off() -> None:
    gt, prediction = video([[Person(5, 100)]]), video([[Person(8, 100)]])
    prediction.people.joints[0, 3] += 1000
    errors = joint_errors([(gt, prediction)])
    assert {kind: count.tolist() for kind, count in errors.counts.items() if kind == "off"} == {
        "off": [0, 0, 0, 1, *[0] * 11]
    }
    assert [len(distances) for distances in errors.distances] == [1] * 15
    assert errors.distances[3][0] > 1
    assert max(distances.max() for k, distances in enumerate(errors.distances) if k != 3) == 0


def test_sums_are_those_of_the_evaluation() -> None:
    kinds = set()
    for seed in range(20):
        gt, prediction = random_video(np.random.default_rng(seed), "a")
        errors = joint_errors([(gt, prediction)])
        metrics = evaluate_posetrack([(gt, prediction)]).modes["clean"]
        np.testing.assert_array_equal(errors.num_gt, metrics.objects[:15])
        matched = sum(errors.counts[kind] for kind in ("correct", "switched"))
        others = sum(errors.counts[kind] for kind in ("off", "absent", "missed"))
        np.testing.assert_array_equal(matched + others, errors.num_gt)
        assert [len(d) for d in errors.distances] == (matched + errors.counts["off"]).tolist()
        kinds |= {kind for kind, count in errors.counts.items() if count.sum()}
    assert kinds >= {"correct", "switched", "absent", "missed", "false"}


def test_several_sequences_are_summed() -> None:
    pairs = [random_video(np.random.default_rng(seed), str(seed)) for seed in range(4)]
    alone = [joint_errors([pair]) for pair in pairs]
    together = joint_errors(pairs)
    for kind, count in together.counts.items():
        np.testing.assert_array_equal(count, sum(one.counts[kind] for one in alone))
