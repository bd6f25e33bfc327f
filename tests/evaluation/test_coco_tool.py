"""COCO's metrics by hotcoco equal those by pycocotools: equal scores, crowds, unlabelled people, empty images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pose_track.evaluation import coco_tool
from pose_track.evaluation.coco_tool import PERSON, Dataset, Entry, coco_eval
from pose_track.structures.skeleton import COCO_17


def both(monkeypatch: pytest.MonkeyPatch, *arguments: Any, **params: Any) -> list[Any]:
    """The evaluation by pycocotools, then by hotcoco."""
    pytest.importorskip("hotcoco")
    evaluations = []
    for missing in (["hotcoco"], []):
        monkeypatch.setattr(coco_tool, "missing_modules", lambda *modules, missing=missing: missing)
        evaluations.append(coco_eval(*arguments, **params))
    assert [type(evaluation).__module__.split(".")[0] == "pycocotools" for evaluation in evaluations] == [True, False]
    return evaluations


def random_data(seed: int, image_id: Callable[[int], Any]) -> tuple[Dataset, list[Entry]]:
    """Labelled people with boxes and joints in 40 images, up to 24 results for each image, scores of two decimals."""
    rng = np.random.default_rng(seed)
    annotations: list[Entry] = []
    results: list[Entry] = []
    for number in range(40):
        for _ in range(rng.integers(0, 8)):
            corner, size = rng.uniform(0, 500, 2), rng.uniform(15, 250, 2)
            joints, area = corner + rng.random((17, 2)) * size, float(size.prod())
            visibility = rng.integers(0, 3, 17) * (rng.random() < 0.9)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id(number), "category_id": 1, "area": area,
                "iscrowd": int(rng.random() < 0.1), "bbox": [*corner.tolist(), *size.tolist()],
                "keypoints": np.column_stack([joints, visibility]).ravel().tolist(),
                "num_keypoints": int((visibility > 0).sum()),
            })  # fmt: skip
            for _ in range(rng.integers(0, 4)):
                shift = rng.choice([0.01, 0.04, 0.2])
                found = joints + rng.normal(0, shift, (17, 2)) * np.sqrt(area)
                results.append({
                    "id": len(results) + 1, "image_id": image_id(number), "category_id": 1, "area": 0.9 * area,
                    "score": round(float(rng.random()), 2),
                    "bbox": [*(corner + rng.normal(0, shift, 2) * size).tolist(), *size.tolist()],
                    "keypoints": np.column_stack([found, np.ones(17)]).ravel().tolist(),
                })  # fmt: skip
    images = [{"id": image_id(number)} for number in rng.permutation(40).tolist()]
    return {"images": images, "categories": [PERSON], "annotations": annotations}, results


@pytest.mark.parametrize("image_id", [lambda n: 3 * n, lambda n: f"{n}.jpg"], ids=["numbers", "text"])
@pytest.mark.parametrize("seed", range(3))
def test_keypoints(monkeypatch: pytest.MonkeyPatch, seed: int, image_id: Callable[[int], Any]) -> None:
    gt, results = random_data(seed, image_id)
    expected, found = both(monkeypatch, gt, results, "keypoints", kpt_oks_sigmas=1.5 * COCO_17.sigmas)
    assert 0.1 < expected.eval["precision"][expected.eval["precision"] >= 0].mean() < 0.9
    for name in ("precision", "recall"):
        np.testing.assert_allclose(found.eval[name], expected.eval[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_of_a_range_of_areas(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    gt, results = random_data(seed, int)
    params = {"iouThrs": np.array([0.5, 0.75]), "areaRng": [[5000, 1e9]], "areaRngLbl": ["large"]}
    expected, found = both(monkeypatch, gt, results, "bbox", **params)
    assert 0.1 < expected.eval["precision"][expected.eval["precision"] >= 0].mean() < 0.9
    for name in ("precision", "recall"):
        np.testing.assert_allclose(found.eval[name], expected.eval[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("labelled", [True, False])
def test_no_results(monkeypatch: pytest.MonkeyPatch, labelled: bool) -> None:
    gt = random_data(0, int)[0]
    gt = gt if labelled else {**gt, "annotations": []}
    expected, found = both(monkeypatch, gt, [], "keypoints", kpt_oks_sigmas=COCO_17.sigmas)
    np.testing.assert_array_equal(found.eval["recall"], expected.eval["recall"])
