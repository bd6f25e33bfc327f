from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.evaluation.coco_keypoints import (
    COCO_METRICS,
    LabelledPose,
    evaluate_keypoints,
    keypoint_ground_truth,
    keypoint_metrics,
    keypoint_results,
)
from pose_track.evaluation.coco_tool import Dataset, Entry
from pose_track.pose.estimator import person_scores
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton


def synthetic_people(counts: list[int], skeleton: Skeleton = COCO_17, area: float = 10000.0) -> list[LabelledPose]:
    """counts[i] people in image i + 1, side by side, with all joints labelled."""
    rng = np.random.default_rng(0)
    people = []
    for image_id, count in enumerate(counts, 1):
        for left in range(0, 200 * count, 200):
            joints = rng.uniform((left, 50), (left + 100, 150), (skeleton.num_joints, 2))
            box = np.array([left, 50, left + 100, 150])
            people.append(LabelledPose(image_id, joints, np.full(skeleton.num_joints, 2), box, area))
    return people


def ground_truth(counts: list[int], skeleton: Skeleton = COCO_17) -> Dataset:
    return keypoint_ground_truth(range(1, len(counts) + 1), synthetic_people(counts, skeleton))


def as_results(people: list[LabelledPose], shifts: float | np.ndarray = 0.0) -> list[Entry]:
    """The labels as results with random scores and joint noise. shifts: its standard deviation per person, pixels."""
    rng = np.random.default_rng(1)
    joints = np.stack([person.joints for person in people])
    joints += rng.normal(0, 1, joints.shape) * np.broadcast_to(shifts, len(people))[:, None, None]
    keypoints = np.concatenate([joints, np.ones((*joints.shape[:2], 1))], axis=-1)
    return [
        {"image_id": p.image_id, "category_id": 1, "keypoints": row.ravel().tolist(), "score": float(rng.random())}
        for p, row in zip(people, keypoints, strict=True)
    ]


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15], ids=lambda s: s.name)
def test_a_perfect_prediction(skeleton: Skeleton) -> None:
    counts = [2, 1, 0, 3]
    metrics = keypoint_metrics(ground_truth(counts, skeleton), as_results(synthetic_people(counts, skeleton)), skeleton)
    assert tuple(metrics) == COCO_METRICS
    undefined = {"APM": math.nan, "ARM": math.nan}  # all people are large
    assert metrics == pytest.approx(dict.fromkeys(COCO_METRICS, 1.0) | undefined, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], math.nan),  # no images
        ([0, 0], math.nan),  # no labelled people
        ([1, 2], 0.0),  # no results
    ],
)
def test_no_results(counts: list[int], expected: float) -> None:
    metrics = keypoint_metrics(ground_truth(counts), [], COCO_17)
    assert metrics["AP"] == pytest.approx(expected, nan_ok=True)
    assert metrics["AR"] == pytest.approx(expected, nan_ok=True)


def test_a_false_positive() -> None:
    (result,) = as_results(synthetic_people([1]))
    false_positive = {**result, "image_id": 2, "score": result["score"] + 1}
    gt = ground_truth([1, 0])
    assert keypoint_metrics(gt, [result, false_positive], COCO_17)["AP"] == pytest.approx(0.5)
    assert keypoint_metrics(gt, [result, {**false_positive, "score": 0.0}], COCO_17)["AP"] == pytest.approx(1)


@pytest.mark.parametrize("change", [{"is_crowd": True}, {"visibility": np.zeros(17, int)}], ids=lambda c: next(iter(c)))
def test_crowds_and_people_without_labels_are_ignored(change: dict[str, Any]) -> None:
    people = synthetic_people([2])
    results = as_results(people)
    gt = keypoint_ground_truth([1], [people[0], people[1]._replace(**change)])
    results[1]["score"] = results[0]["score"] + 1
    assert keypoint_metrics(gt, results, COCO_17)["AP"] == pytest.approx(1)
    assert keypoint_metrics(gt, results[:1], COCO_17)["AP"] == pytest.approx(1)


def test_unlabelled_joints_do_not_count() -> None:
    (person,) = synthetic_people([1])
    visibility = np.full(17, 2)
    visibility[:8] = 0
    (result,) = as_results([person])
    result["keypoints"][:24] = [900.0] * 24
    assert keypoint_metrics(ground_truth([1]), [result], COCO_17)["AP"] < 0.5
    gt = keypoint_ground_truth([1], [person._replace(visibility=visibility)])
    assert keypoint_metrics(gt, [result], COCO_17)["AP"] == pytest.approx(1)


def test_each_skeleton_uses_its_own_sigmas() -> None:
    ap = []
    for skeleton in (Skeleton("wide", ("left_hip", "right_hip")), Skeleton("narrow", ("left_eye", "right_eye"))):
        results = as_results(synthetic_people([1], skeleton), 5.0)
        ap.append(keypoint_metrics(ground_truth([1], skeleton), results, skeleton)["AP"])
    assert ap[0] > 0.8
    assert ap[1] < 0.5


@given(st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_order_of_images_and_results_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = [2, 0, 3, 1]
    people = synthetic_people(counts)
    results = as_results(people, rng.uniform(0, 20, len(people)))
    metrics = keypoint_metrics(ground_truth(counts), results, COCO_17)
    assert 0 < metrics["AP"] < 1
    new_ids = dict(zip(range(1, 5), rng.permutation(4).tolist(), strict=True))
    renamed = [person._replace(image_id=new_ids[person.image_id]) for person in people]
    gt = keypoint_ground_truth(range(4), [renamed[i] for i in rng.permutation(6)])
    shuffled = [{**results[i], "image_id": new_ids[results[i]["image_id"]]} for i in rng.permutation(6)]
    assert keypoint_metrics(gt, shuffled, COCO_17) == pytest.approx(metrics, nan_ok=True)


def test_results_of_an_unknown_image() -> None:
    unknown = {**as_results(synthetic_people([1]))[0], "image_id": 3}
    with pytest.raises(ValueError, match="image 3"):
        keypoint_metrics(ground_truth([1]), [unknown], COCO_17)


def test_inputs_are_unchanged_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    gt, results = ground_truth([2, 1]), as_results(synthetic_people([2, 1]), 5.0)
    before = copy.deepcopy(results)
    first = keypoint_metrics(gt, results, COCO_17)
    assert keypoint_metrics(gt, results, COCO_17) == pytest.approx(first, nan_ok=True)
    assert results == before
    assert capsys.readouterr().out == ""


def test_duplicates_are_removed_within_an_image_only() -> None:
    joints = np.tile(np.arange(34.0).reshape(1, 17, 2), (3, 1, 1))
    scores = np.array([0.5, 0.8, 0.7])
    entries = keypoint_results(np.array([4, 2, 4]), joints, np.ones((3, 17)), scores, np.full(3, 900.0), COCO_17)
    assert [(entry["image_id"], entry["score"]) for entry in entries] == [(4, 0.7), (2, 0.8)]
    assert entries[0]["keypoints"][:6] == [0, 1, 1, 2, 3, 1]
    json.dumps(entries)  # can be written as a results file


def test_results_without_people() -> None:
    empty = np.zeros((0, 17, 2)), np.zeros((0, 17)), np.zeros(0), np.zeros(0)
    assert keypoint_results(np.zeros(0, int), *empty, COCO_17) == []


def recorded(name: str) -> Any:
    return json.loads(shared(f"data/golden/{name}.json").read_text())


def recorded_ground_truth() -> Dataset:
    data = recorded("coco_eval_gt")
    people = []
    for entry in data["annotations"]:
        keypoints, (x, y, w, h) = np.reshape(entry["keypoints"], (17, 3)), entry["bbox"]
        box = np.array([x, y, x + w, y + h])
        joints, visibility, is_crowd = keypoints[:, :2], keypoints[:, 2], bool(entry["iscrowd"])
        people.append(LabelledPose(entry["image_id"], joints, visibility, box, entry["area"], is_crowd))
    return keypoint_ground_truth([image["id"] for image in data["images"]], people)


def test_recorded_evaluation() -> None:
    gt, results, stats = recorded_ground_truth(), recorded("coco_eval_dt"), recorded("coco_eval_stats")["stats"]
    assert keypoint_metrics(gt, results, COCO_17) == pytest.approx(stats, rel=0, abs=1e-6)
    evaluation, golden = evaluate_keypoints(gt, results, COCO_17), np.load(shared("data/golden/coco_eval.npz"))
    for name in ("precision", "recall"):
        np.testing.assert_allclose(evaluation.eval[name], golden[name], rtol=0, atol=1e-9)


def test_recorded_results_of_the_published_code() -> None:
    golden, official = np.load(shared("data/golden/coco_eval.npz")), recorded("coco_eval_stats")["official_evaluate"]
    joints, joint_scores, boxes = golden["preds"][..., :2], golden["preds"][..., 2], golden["all_boxes"]
    scores = person_scores(boxes[:, 5], joint_scores, official["in_vis_thre"])
    results = keypoint_results(golden["image_ids"], joints, joint_scores, scores, boxes[:, 4], COCO_17)
    kept = official["hard"]["kept"]
    assert [(e["image_id"], e["keypoints"][:3]) for e in results] == [(k["image_id"], k["nose"]) for k in kept]
    np.testing.assert_allclose([e["score"] for e in results], [k["score"] for k in kept], rtol=0, atol=1e-5)
    metrics = keypoint_metrics(recorded_ground_truth(), results, COCO_17)
    assert list(metrics.values()) == pytest.approx(list(official["hard"]["stats"].values()), rel=0, abs=1e-6)
