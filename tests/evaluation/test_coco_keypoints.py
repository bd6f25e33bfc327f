from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from shared_data import shared

from pose_track.evaluation.coco_keypoints import (
    FIGURES,
    Entry,
    LabelledPose,
    compare_keypoints,
    keypoint_figures,
    keypoint_results,
    keypoint_truth,
)
from pose_track.pose.estimator import person_scores
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton


def made_people(counts: list[int], skeleton: Skeleton = COCO_17, area: float = 10000.0) -> list[LabelledPose]:
    """So many people in each of pictures 1, 2, ..., side by side, every joint of them labelled."""
    rng = np.random.default_rng(0)
    people = []
    for image_id, count in enumerate(counts, 1):
        for left in range(0, 200 * count, 200):
            joints = rng.uniform((left, 50), (left + 100, 150), (skeleton.num_joints, 2))
            box = np.array([left, 50, left + 100, 150])
            people.append(LabelledPose(image_id, joints, np.full(skeleton.num_joints, 2), box, area))
    return people


def truth_of(counts: list[int], skeleton: Skeleton = COCO_17) -> COCO:
    return keypoint_truth(range(1, len(counts) + 1), made_people(counts, skeleton))


def as_results(people: list[LabelledPose], shifts: float | np.ndarray = 0.0) -> list[Entry]:
    """The labels as results of random scores, joints moved at random by about so many pixels in each person."""
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
    figures = keypoint_figures(truth_of(counts, skeleton), as_results(made_people(counts, skeleton)), skeleton)
    assert tuple(figures) == FIGURES
    nobody = {"APM": math.nan, "ARM": math.nan}  # everyone is large
    assert figures == pytest.approx(dict.fromkeys(FIGURES, 1.0) | nobody, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], math.nan),  # no pictures
        ([0, 0], math.nan),  # nobody to find
        ([1, 2], 0.0),  # nobody found
    ],
)
def test_no_results(counts: list[int], expected: float) -> None:
    figures = keypoint_figures(truth_of(counts), [], COCO_17)
    assert figures["AP"] == pytest.approx(expected, nan_ok=True)
    assert figures["AR"] == pytest.approx(expected, nan_ok=True)


def test_someone_where_nobody_is() -> None:
    (found,) = as_results(made_people([1]))
    false = {**found, "image_id": 2, "score": found["score"] + 1}
    truth = truth_of([1, 0])
    assert keypoint_figures(truth, [found, false], COCO_17)["AP"] == pytest.approx(0.5)
    assert keypoint_figures(truth, [found, {**false, "score": 0.0}], COCO_17)["AP"] == pytest.approx(1)


@pytest.mark.parametrize("change", [{"crowd": True}, {"visibility": np.zeros(17, int)}], ids=lambda c: next(iter(c)))
def test_crowds_and_people_without_labels_count_neither_way(change: dict[str, Any]) -> None:
    people = made_people([2])
    results = as_results(people)
    truth = keypoint_truth([1], [people[0], people[1]._replace(**change)])
    results[1]["score"] = results[0]["score"] + 1
    assert keypoint_figures(truth, results, COCO_17)["AP"] == pytest.approx(1)
    assert keypoint_figures(truth, results[:1], COCO_17)["AP"] == pytest.approx(1)


def test_joints_without_label_do_not_count() -> None:
    (person,) = made_people([1])
    visibility = np.full(17, 2)
    visibility[:8] = 0
    (found,) = as_results([person])
    found["keypoints"][:24] = [900.0] * 24
    assert keypoint_figures(truth_of([1]), [found], COCO_17)["AP"] < 0.5
    truth = keypoint_truth([1], [person._replace(visibility=visibility)])
    assert keypoint_figures(truth, [found], COCO_17)["AP"] == pytest.approx(1)


def test_each_skeleton_is_measured_by_its_own_deviations() -> None:
    figures = []
    for skeleton in (Skeleton("wide", ("left_hip", "right_hip")), Skeleton("narrow", ("left_eye", "right_eye"))):
        results = as_results(made_people([1], skeleton), 5.0)
        figures.append(keypoint_figures(truth_of([1], skeleton), results, skeleton)["AP"])
    assert figures[0] > 0.8
    assert figures[1] < 0.5


@given(st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_order_of_pictures_and_results_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = [2, 0, 3, 1]
    people = made_people(counts)
    results = as_results(people, rng.uniform(0, 20, len(people)))
    figures = keypoint_figures(truth_of(counts), results, COCO_17)
    assert 0 < figures["AP"] < 1
    names = dict(zip(range(1, 5), rng.permutation(4).tolist(), strict=True))
    renamed = [person._replace(image_id=names[person.image_id]) for person in people]
    truth = keypoint_truth(range(4), [renamed[i] for i in rng.permutation(6)])
    shuffled = [{**results[i], "image_id": names[results[i]["image_id"]]} for i in rng.permutation(6)]
    assert keypoint_figures(truth, shuffled, COCO_17) == pytest.approx(figures, nan_ok=True)


def test_results_of_an_unknown_picture() -> None:
    stray = {**as_results(made_people([1]))[0], "image_id": 3}
    with pytest.raises(ValueError, match="results of image 3, which the truth does not list"):
        keypoint_figures(truth_of([1]), [stray], COCO_17)


def test_nothing_is_printed_or_changed(capsys: pytest.CaptureFixture[str]) -> None:
    truth, results = truth_of([2, 1]), as_results(made_people([2, 1]), 5.0)
    before = copy.deepcopy(results)
    first = keypoint_figures(truth, results, COCO_17)
    assert keypoint_figures(truth, results, COCO_17) == pytest.approx(first, nan_ok=True)  # the truth serves again
    assert results == before
    assert capsys.readouterr().out == ""


def test_doubles_go_only_within_a_picture() -> None:
    joints = np.tile(np.arange(34.0).reshape(1, 17, 2), (3, 1, 1))
    scores = np.array([0.5, 0.8, 0.7])
    entries = keypoint_results(np.array([4, 2, 4]), joints, np.ones((3, 17)), scores, np.full(3, 900.0), COCO_17)
    assert [(entry["image_id"], entry["score"]) for entry in entries] == [(4, 0.7), (2, 0.8)]
    assert entries[0]["keypoints"][:6] == [0, 1, 1, 2, 3, 1]
    json.dumps(entries)  # a results file


def test_results_of_nobody() -> None:
    no_one = np.zeros((0, 17, 2)), np.zeros((0, 17)), np.zeros(0), np.zeros(0)
    assert keypoint_results(np.zeros(0, int), *no_one, COCO_17) == []


def recorded(name: str) -> Any:
    return json.loads(shared(f"data/golden/{name}.json").read_text())


def recorded_truth() -> COCO:
    data = recorded("coco_eval_gt")
    people = []
    for note in data["annotations"]:
        raw, (x, y, w, h) = np.reshape(note["keypoints"], (17, 3)), note["bbox"]
        box = np.array([x, y, x + w, y + h])
        people.append(LabelledPose(note["image_id"], raw[:, :2], raw[:, 2], box, note["area"], bool(note["iscrowd"])))
    return keypoint_truth([image["id"] for image in data["images"]], people)


def test_recorded_evaluation() -> None:
    truth, results, stats = recorded_truth(), recorded("coco_eval_dt"), recorded("coco_eval_stats")["stats"]
    assert keypoint_figures(truth, results, COCO_17) == pytest.approx(stats, rel=0, abs=1e-6)
    evaluation, golden = compare_keypoints(truth, results, COCO_17), np.load(shared("data/golden/coco_eval.npz"))
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
    figures = keypoint_figures(recorded_truth(), results, COCO_17)
    assert list(figures.values()) == pytest.approx(list(official["hard"]["stats"].values()), rel=0, abs=1e-6)
