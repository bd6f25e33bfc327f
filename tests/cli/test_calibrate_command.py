"""`pose-track calibrate` on tiny data, with the bundled networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import run_command
from tiny_coco import write_coco_dataset

from pose_track.datasets.coco import load_coco_people
from pose_track.evaluation import calibration
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training.calibration import COUNTED_JOINT_SCORE, FoundPeople, person_cases, second_half, shake_boxes
from pose_track.weights.metadata import read_score_map
from pose_track.weights.resolve import bundled_weights

PEOPLE = 24


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with people.json, images, pose.yaml, detector.yaml and copies of the bundled weights."""
    monkeypatch.setattr(calibration, "MIN_CASES", 10)
    write_coco_dataset(tmp_path, PEOPLE)
    source = {"annotations": str(tmp_path / "people.json"), "images": str(tmp_path / "images")}
    common = {"train": [source], "val": source, "loop": {"epochs": 1}, "hardware": {"device": "cpu", "threads": 1}}
    sections = {"pose": {"pose": {"input_size": [128, 192]}}, "detector": {"detector": {"long_side": 128}}}
    for task, section in sections.items():
        (tmp_path / f"{task}.yaml").write_text(
            yaml.safe_dump(json.loads(json.dumps({"task": task, **common, **section})))
        )
        shutil.copy(bundled_weights(task), tmp_path)  # type: ignore[arg-type]
    return tmp_path


def test_a_keypoint_network(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out = data / "pose.safetensors", data / "calibrated.safetensors"
    before = weights.read_bytes()
    val = ["--val", data / "people.json", data / "images"]
    files = ["--out", out, "--json", data / "figures.json", "--plot", data / "plot.png"]
    options = ["--weights", weights, "--decoding", "dark", *val, *val, *files]
    assert run_command("calibrate", data / "pose.yaml", *options) == 0
    assert weights.read_bytes() == before
    score_map = read_score_map(out)
    assert score_map is not None
    assert (data / "plot.png").read_bytes().startswith(b"\x89PNG")
    figures = json.loads((data / "figures.json").read_text())
    joints = sum(int((person.visibility > 0).sum()) for person in load_coco_people(data / "people.json", POSETRACK_15))
    assert 0.8 * 2 * joints < sum(tenth["count"] for tenth in figures["tables"]["joints"]) <= 2 * joints
    assert set(figures["tables"]) == {"joints", "people"}
    assert set(figures["cut_off"]) == {"under the knees", "under the hips"}
    assert out.name in capsys.readouterr().out


def test_the_detector_replaces_its_file(data: Path) -> None:
    """The tensors stay; calibrating again fits the raw scores, and gives the same map."""
    weights = data / "detector.safetensors"
    maps = []
    for _ in range(2):
        assert run_command("calibrate", data / "detector.yaml", "--weights", weights) == 0
        maps.append(read_score_map(weights))
    assert maps[0] == maps[1] is not None


@pytest.mark.parametrize(
    ("task", "options", "named"),
    [
        ("detector", ["--decoding", "dark"], "--decoding"),
        ("pose", ["--decoding", "sharp"], "sharp"),
        ("pose", ["--out", "missing/pose.safetensors"], "missing"),
        ("pose", ["--val", "none.json", "images"], "none.json"),
    ],
)
def test_errors(
    task: str,
    options: list[str],
    named: str,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(data)
    assert run_command("calibrate", f"{task}.yaml", "--weights", f"{task}.safetensors", *options) == 2
    assert named in capsys.readouterr().err
    assert not list(data.glob(".*.part"))


def test_a_group_is_in_one_half() -> None:
    groups = [f"clip{i // 5}" for i in range(1000)]
    half = second_half(groups)
    assert 0.35 < half.mean() < 0.65
    assert (half.reshape(200, 5) == half.reshape(200, 5)[:, :1]).all()


def test_shaken_boxes_are_as_far_off_as_stated() -> None:
    boxes = np.tile([[100.0, 50, 140, 150]], (4000, 1))
    shaken = shake_boxes(boxes, np.random.default_rng(0))
    sizes, centres = shaken[:, 2:] - shaken[:, :2], (shaken[:, 2:] + shaken[:, :2]) / 2
    np.testing.assert_allclose(np.std(np.log(sizes / (40, 100)), axis=0), [0.18, 0.11], rtol=0.1)
    np.testing.assert_allclose(np.std((centres - (120, 100)) / (40, 100), axis=0), [0.08, 0.06], rtol=0.1)


def test_a_person_is_scored_by_the_joints_that_count() -> None:
    scores = np.array([[0.9, 0.7, COUNTED_JOINT_SCORE, 0.8], [0.1, 0.1, 0.1, 0.1]], np.float32)
    is_right = np.array([[True, False, True, True], [True] * 4])
    labelled = np.array([[True, True, True, False], [True] * 4])
    found = FoundPeople(scores, is_right, labelled, np.zeros(2, bool))
    person, share = person_cases(found, scores)
    np.testing.assert_allclose(person, [0.8], atol=1e-6)
    assert share.tolist() == [0.5]
