"""People marked as missed, false or switched, and their sums against the evaluation's own."""

from __future__ import annotations

import numpy as np
from synthetic_poses import Person, random_video, video

from pose_track.evaluation.person_errors import PersonErrors, person_errors
from pose_track.evaluation.posetrack import evaluate_posetrack


def kinds(errors: list[PersonErrors]) -> list[tuple[int, bool, int, str, int]]:
    return [(each.frame, each.is_gt, each.track_id, each.kind, each.partner) for each in errors]


def test_nobody() -> None:
    assert person_errors(video([[]]), video([[]])) == []


def test_missed_false_and_switched() -> None:
    gt = video([[Person(5, 100)], [Person(5, 100)], [Person(5, 100)]])
    prediction = video([[Person(8, 100)], [Person(9, 100)], [Person(9, 300)]])
    assert kinds(person_errors(gt, prediction)) == [
        (0, True, 5, "matched", 8),
        (1, True, 5, "switched", 9),
        (2, True, 5, "missed", -1),
        (0, False, 8, "matched", 5),
        (1, False, 9, "matched", 5),
        (2, False, 9, "false", -1),
    ]


def test_unlabelled_frames_and_missing_ids() -> None:
    gt = video([[Person(-1, 100)], [Person(1, 100)]], labelled=[True, False])
    prediction = video([[Person(3, 100, joints=range(4))], [Person(3, 100)]])
    assert kinds(person_errors(gt, prediction)) == [(0, True, -1, "missed", 3), (0, False, 3, "matched", -1)]


def test_sums_are_those_of_the_evaluation() -> None:
    num_switches = 0
    for seed in range(20):
        gt, prediction = random_video(np.random.default_rng(seed), "a")
        metrics = evaluate_posetrack([(gt, prediction)]).modes["clean"]
        errors = person_errors(gt, prediction)
        missed, false = ([each for each in errors if each.is_gt is side] for side in (True, False))
        assert sum(each.num_joints - each.num_matched for each in missed) == metrics.misses[-1]
        assert sum(each.num_joints - each.num_matched for each in false) == metrics.false_positives[-1]
        assert sum(each.num_switched for each in missed) == metrics.switches[-1]
        num_switches += sum(each.num_switched for each in missed)
    assert num_switches > 0
