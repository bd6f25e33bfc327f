"""Published networks, as their authors' files, on the first labelled images of the validation packs. Whole packs give
the figures in docs/models.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import shared

from pose_track.build.stages import build_detector, build_estimator
from pose_track.config.settings import Settings
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.images import ImageStore
from pose_track.datasets.load import load_people
from pose_track.evaluation.box_ap import detection_metrics
from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import COCO_17

NUM_PEOPLE, NUM_IMAGES = 40, 40
PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
LIMBS = [COCO_17.index(f"{side}_{part}") for part in PARTS for side in ("left", "right")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TRACK_CACHE", str(tmp_path / "cache"))


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"device": "cpu", "runtime": {"precision": "float32"}, **sections})


def limb_pck(people: int, **pose: Any) -> float:
    """PCK@0.2 of the 12 limb joints in true boxes."""
    estimate, _ = build_estimator(settings(pose=pose), "cpu")
    labelled = load_people("auto", shared("data/pose_train/val.json"), COCO_17)[:people]
    images = ImageStore(shared("data/pose_train/val.tar"))
    found = []
    for person in labelled:
        box = Detections(person.box[None].astype(np.float32), np.ones(1, np.float32))
        found.append(estimate.run_batch([images.read(person.file_name, person.image_size)], [box])[0].joints[0])
    joints, visibility = np.stack([p.joints for p in labelled]), np.stack([p.visibility for p in labelled])
    sizes = torso_sizes(joints, visibility, COCO_17)
    return pck(np.stack(found)[:, LIMBS], joints[:, LIMBS], visibility[:, LIMBS], sizes)[0]


def box_ap50(images: int, **detector: Any) -> float:
    """AP50 of people taller than 15 % of the image, mean of the sources, from the score 0.02 on."""
    detect, _ = build_detector(settings(detector={"min_score": 0.02, "max_iou": 0.6, **detector}), "cpu")
    labels = [label for label in load_boxes(shared("data/person_boxes/val.json")) if label.exhaustive]
    labels = labels[:: max(len(labels) // images, 1)]
    store = ImageStore(shared("data/person_boxes/val.tar"))
    frames = [Frame(n, 0.0, store.read(label.file_name, label.image_size)) for n, label in enumerate(labels)]
    return detection_metrics(labels, [detect(frame) for frame in frames])["ap50"]  # type: ignore[operator]


def teacher(relative: str) -> str:
    return str(shared(f"data/teachers/{relative}"))


def test_tinypose() -> None:
    weights = teacher("tinypose_256x192/model.xml")
    assert limb_pck(NUM_PEOPLE, weights=weights, skeleton="coco_17", heatmap_type="udp") == pytest.approx(
        0.623, abs=0.005
    )


def test_movenet() -> None:
    assert limb_pck(NUM_PEOPLE, weights=teacher("movenet_thunder/model.xml")) == pytest.approx(0.614, abs=0.005)


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        ("picodet_s_320_pedestrian/picodet_s_320_lcnet_pedestrian.xml", {}, 0.925),
        ("rtmdet_nano_person/rtmdetnp.onnx", {"input_size": (416, 416)}, 0.920),
        ("yolox_nano/yolox_nano.onnx", {}, 0.890),
    ],
)
def test_detectors(file: str, options: dict[str, Any], expected: float) -> None:
    assert box_ap50(NUM_IMAGES, weights=teacher(file), **options) == pytest.approx(expected, abs=0.005)
