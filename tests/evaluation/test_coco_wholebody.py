"""COCO-WholeBody's metrics, as xtcocotools computes them on random people, and its annotation files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose_track.datasets.annotations import read_json
from pose_track.datasets.coco import CocoFile, load_coco_people
from pose_track.evaluation.coco_keypoints import COCO_METRICS
from pose_track.evaluation.coco_tool import Entry
from pose_track.evaluation.coco_wholebody import coco_metrics, wholebody_metrics
from pose_track.formats.coco_wholebody import COLUMNS, joined_keypoints, split_keypoints
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, HALPE_26
from pose_track.training.validation import coco_ground_truth

# of xtcocotools 1.14.3, its ten numbers for "keypoints_wholebody", and AP and AR for each part
RECORDED = [0.23024, 0.442498, 0.216355, 0.230103, 0.236073, 0.558824, 0.823529, 0.588235, 0.46, 0.433333]
RECORDED_PARTS = {
    "AP_body": 0.284562, "AR_body": 0.605882, "AP_foot": 0.288496, "AR_foot": 0.68, "AP_face": 0.188207,
    "AR_face": 0.55, "AP_lefthand": 0.166576, "AR_lefthand": 0.536364, "AP_righthand": 0.249461,
    "AR_righthand": 0.711111,
}  # fmt: skip


def random_people() -> tuple[dict[str, Any], list[Entry]]:
    """Annotations, in which parts of people and single joints are not labelled, and results, some without a hand."""
    rng = np.random.default_rng(7)
    annotations: list[Entry] = []
    results: list[Entry] = []
    for image_id in range(1, 13):
        for number in range(rng.integers(0, 4)):
            area = float(rng.choice([600.0, 3000.0, 20000.0])) * rng.uniform(0.8, 1.2)
            size = np.sqrt(area)
            joints = rng.uniform(0, 1, (133, 2)) * size * 1.3 + [200 * number, 20]
            visibility = rng.choice([0, 1, 2], size=133, p=[0.2, 0.3, 0.5])
            for columns in list(COLUMNS.values())[1:]:
                if rng.random() < 0.4:
                    visibility[columns] = 0
            joints = np.where(visibility[:, None] > 0, joints.round(1), 0)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": 1, "area": area,
                "iscrowd": int(rng.random() < 0.08), "bbox": [200 * number, 20, size * 1.3, size * 1.3],
                **split_keypoints(np.column_stack([joints, visibility]).ravel().tolist()),
            })  # fmt: skip
            for _ in range(rng.integers(1, 3)):
                noise = rng.normal(size=(133, 2)) * COCO_WHOLEBODY_133.sigmas[:, None] * size * rng.uniform(0.3, 2.5)
                scores = np.ones(133)
                if rng.random() < 0.15:
                    scores[COLUMNS["lefthand"]] = 0
                keypoints = np.column_stack([(joints + noise).round(2), scores]).ravel().tolist()
                entry = {"image_id": image_id, "category_id": 1, "score": round(float(rng.random()), 4)}
                results.append({**entry, "keypoints": keypoints})
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 900, "height": 400} for n in range(1, 13)]
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.joint_names), "skeleton": []}
    return {"images": images, "annotations": annotations, "categories": [category]}, results


def write(tmp_path: Path, data: dict[str, Any]) -> Path:
    path = tmp_path / "coco_wholebody_val_v1.0.json"
    path.write_text(json.dumps(data))
    return path


def test_metrics_of_xtcocotools(tmp_path: Path) -> None:
    data, results = random_people()
    path = write(tmp_path, data)
    gt = coco_ground_truth(path, CocoFile(path, read_json(path)), COCO_WHOLEBODY_133)
    metrics = coco_metrics(gt, results, COCO_WHOLEBODY_133)
    assert tuple(metrics) == (*COCO_METRICS, *RECORDED_PARTS)
    assert list(metrics.values()) == pytest.approx([*RECORDED, *RECORDED_PARTS.values()], abs=1e-6)
    assert wholebody_metrics(gt, results) == metrics
    assert wholebody_metrics(gt, [])["AP_face"] == 0


def test_labels_of_all_parts(tmp_path: Path) -> None:
    """The joints of an annotation, by name, for skeletons with more or fewer of them."""
    data, _ = random_people()
    annotation = next(a for a in data["annotations"] if not a["iscrowd"])
    data["annotations"] = [annotation]
    path = write(tmp_path, data)
    (person,) = load_coco_people(path, COCO_WHOLEBODY_133)
    expected = np.reshape(joined_keypoints(annotation), (-1, 3))
    np.testing.assert_array_equal(person.joints, expected[:, :2])
    np.testing.assert_array_equal(person.visibility, expected[:, 2])
    (feet,) = load_coco_people(path, HALPE_26)
    toe, of_all = HALPE_26.index("right_big_toe"), COCO_WHOLEBODY_133.index("right_big_toe")
    assert feet.visibility[toe] == expected[of_all, 2]
    assert feet.joints[toe].tolist() == expected[of_all, :2].tolist()


def test_confidences_of_hands_and_missing_parts(tmp_path: Path) -> None:
    data, _ = random_people()
    annotation = next(a for a in data["annotations"] if not a["iscrowd"])
    del annotation["foot_kpts"]
    annotation["lefthand_kpts"] = [10.0, 30.0, 0.4] * 21
    data["annotations"] = [annotation]
    (person,) = load_coco_people(write(tmp_path, data), COCO_WHOLEBODY_133)
    assert person.visibility[91:112].tolist() == [1] * 21
    assert not person.visibility[17:23].any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 2], r"annotation 1 needs 18 numbers as foot_kpts, got"),
        ([1.0, 2, 3] * 6, "of visibility 3.0, which must be"),
    ],
)
def test_invalid_parts_are_named(tmp_path: Path, values: list[float], message: str) -> None:
    data, _ = random_people()
    data["annotations"] = [{**data["annotations"][0], "foot_kpts": values, "iscrowd": 0}]
    with pytest.raises(ValueError, match=message):
        load_coco_people(write(tmp_path, data), COCO_WHOLEBODY_133)
