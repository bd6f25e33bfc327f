"""`pose-track evaluate-boxes` on images with one bright rectangle for each person, and PCK by source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run_command
from tiny_coco import write_images
from tiny_runs import DETECTOR, POSE, write_config

from pose_track.datasets.coco import load_coco_people
from pose_track.models.centre import centre_compact
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training.prediction import PosePredictions
from pose_track.training.validation import pose_evaluator
from pose_track.weights.load import save_weights


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of two sources, of which one is not exhaustively labelled, a config and random weights."""
    root = tmp_path_factory.mktemp("data")
    data = write_images(root / "images", 4)
    for number, image in enumerate(data["images"]):
        image.update(source="shop" if number < 2 else "street", exhaustive=number != 3)
    (root / "people.json").write_text(json.dumps(data))
    for image in data["images"]:
        image["exhaustive"] = False
    (root / "partial.json").write_text(json.dumps(data))
    write_config(root, DETECTOR, root)
    torch.manual_seed(0)
    save_weights(centre_compact(), root / "weights.safetensors")
    return root


def evaluate(root: Path, *words: object) -> int:
    return run_command("evaluate-boxes", root / "run.yaml", "--weights", root / "weights.safetensors", *words)


def test_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(root, "--json", tmp_path / "out.json", "--detector.long_side", 128) == 0
    table = dict(line.split() for line in capsys.readouterr().out.splitlines())
    names = ["ap50", "ap75", "ar75"]
    assert list(table) == [*names, *(f"{name}_{source}" for name in names for source in ("shop", "street"))]
    written = json.loads((tmp_path / "out.json").read_text())
    figures = written.pop("figures")
    assert written == {"long_side": 128, "weights": "weights.safetensors", "images": 3}
    assert {name: f"{value:.3f}" for name, value in figures.items()} == table


def test_bundled_weights_and_other_data(root: Path, tmp_path: Path) -> None:
    """A published name, and the labels of another file: these images show no people."""
    data = write_images(tmp_path / "images", 2)
    (tmp_path / "people.json").write_text(json.dumps(data))
    other = ["--val.annotations", tmp_path / "people.json", "--val.images", tmp_path / "images"]
    words = ["--weights", "bundled", "--json", tmp_path / "out.json", *other]
    assert run_command("evaluate-boxes", root / "run.yaml", *words) == 0
    figures = json.loads((tmp_path / "out.json").read_text())["figures"]
    assert list(figures) == ["ap50", "ap75", "ar75", "ap50_all", "ap75_all", "ar75_all"]
    assert all(0 <= value <= 1 for value in figures.values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "none.safetensors"], "'none.safetensors'"),
        (["--val.annotations", "none.json"], "none.json"),
        (["--val.images", "none"], "none"),
        (["--detector.long_sid", 64], "'detector.long_side'"),
    ],
)
def test_errors(root: Path, words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(root, *words) == 2
    assert message in capsys.readouterr().err


def test_data_and_config_must_fit(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(root, "--val.annotations", root / "partial.json") == 2
    assert "partial.json" in capsys.readouterr().err
    assert run_command("evaluate-boxes", write_config(tmp_path, POSE), "--weights", "bundled") == 2
    assert "task pose" in capsys.readouterr().err


def test_pck_by_source(tmp_path: Path) -> None:
    """Each source for itself; people without a source count in the total only."""
    data: dict[str, Any] = write_images(tmp_path / "images", 4)
    for image, source in zip(data["images"], ("gym", "shop", "gym", ""), strict=True):
        image["source"] = source
    path = tmp_path / "people.json"
    path.write_text(json.dumps(data))
    people = load_coco_people(path, POSETRACK_15)
    assert [person.source for person in people] == ["gym", "shop", "gym", ""]
    joints = np.stack([person.joints for person in people])
    joints[0] += 1000  # wrong
    evaluator = pose_evaluator(people, POSETRACK_15, path)
    metrics = evaluator.compute(PosePredictions(joints.astype(np.float32), np.ones((4, 15), np.float32), np.ones(4)))
    assert list(metrics)[:3] == ["pck", "pck_gym", "pck_shop"]
    assert [metrics[name] for name in ("pck", "pck_gym", "pck_shop")] == pytest.approx([0.75, 0.5, 1])
    for image in data["images"]:
        del image["source"]
    path.write_text(json.dumps(data))
    unnamed = pose_evaluator(load_coco_people(path, POSETRACK_15), POSETRACK_15, path)
    names = set(unnamed.compute(PosePredictions(joints, np.ones((4, 15)), np.ones(4))))  # type: ignore[arg-type]
    assert names == {"pck", *(f"pck_{joint_type}" for joint_type in POSETRACK_15.joint_types)}
