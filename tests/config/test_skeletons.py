"""Skeletons in settings: names, files and their content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pose_track.config.load import load_settings
from pose_track.config.settings import Settings
from pose_track.config.skeletons import find_skeleton, read_skeleton
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton
from pose_track.training.config import TrainingConfig

HORSE = {"name": "horse", "joints": ["nose", "left_ear", "right_ear"], "edges": [["nose", "left_ear"]]}
SKELETON = Skeleton("horse", ("nose", "left_ear", "right_ear"), limbs=(("nose", "left_ear"),))
SOURCE = {"annotations": "people.json", "images": "images"}


def write(path: Path, values: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(values))
    return path


def training(folder: Path, skeleton: object, option: str | None = None) -> TrainingConfig:
    values: dict[str, Any] = {"task": "pose", "train": [SOURCE], "val": SOURCE, "loop": {"epochs": 1}}
    path = write(folder / "run.yaml", {**values, "pose": {"skeleton": skeleton}})
    return load_settings(TrainingConfig, path, {} if option is None else {"pose.skeleton": option})


def test_names_and_files(tmp_path: Path) -> None:
    path = write(tmp_path / "horse.yaml", HORSE)
    assert find_skeleton("coco_17") is COCO_17
    assert find_skeleton(str(path)) == find_skeleton("horse.yaml", tmp_path) == read_skeleton(path) == SKELETON


def test_paths_are_relative_to_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "configs" / "horse.yaml", HORSE)
    write(tmp_path / "cow.yaml", {**HORSE, "name": "cow"})
    monkeypatch.chdir(tmp_path)
    assert training(tmp_path / "configs", "horse.yaml").pose.skeleton == SKELETON
    assert training(tmp_path / "configs", "horse.yaml", "cow.yaml").pose.skeleton.name == "cow"
    assert training(tmp_path / "configs", HORSE).pose.skeleton == SKELETON
    assert training(tmp_path / "configs", "lsp_14").pose.skeleton.name == "lsp_14"


def test_settings_of_a_run_hold_the_whole_skeleton(tmp_path: Path) -> None:
    """A resumed run has the same joints even if the file was changed: that is another setting."""
    write(tmp_path / "horse.yaml", HORSE)
    config = training(tmp_path, "horse.yaml")
    assert config.result_settings()["pose.skeleton.joints"] == HORSE["joints"]
    write(tmp_path / "horse.yaml", {**HORSE, "joints": ["tail", "left_ear", "right_ear"], "edges": []})
    assert training(tmp_path, "horse.yaml").result_settings() != config.result_settings()
    assert training(tmp_path, "coco_17").result_settings()["pose.skeleton"] == "coco_17"


def test_recorded_settings_are_read_again(tmp_path: Path) -> None:
    write(tmp_path / "horse.yaml", HORSE)
    settings = load_settings(Settings, None, {"pose.joints": str(tmp_path / "horse.yaml"), "pose.skeleton": "coco_17"})
    assert (settings.pose.joints, settings.pose.skeleton) == (SKELETON, COCO_17)
    recorded = json.loads(json.dumps(settings.model_dump(mode="json")))
    assert Settings.model_validate(recorded) == settings
    assert Settings().pose.joints is None
    assert training(tmp_path, "posetrack_15").pose.skeleton is POSETRACK_15


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("name: [", r"horse\.yaml is not YAML"),
        ("", r"horse\.yaml.*joints"),
        ("{name: horse, joints: [nose, nose]}", r"horse\.yaml.*'nose'"),
        ("{name: horse, joints: [nose, on]}", r"horse\.yaml.*joints\[1\]"),
        ("{name: horse, joints: [nose], edges: [[nose, tail]]}", r"horse\.yaml.*'tail'"),
    ],
)
def test_faults_name_the_file(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "horse.yaml").write_text(content)
    for load in (lambda: read_skeleton(tmp_path / "horse.yaml"), lambda: training(tmp_path, "horse.yaml")):
        with pytest.raises(ValueError, match=named) as error:
            load()
        assert "\n" not in str(error.value)


def test_neither_a_name_nor_a_file(tmp_path: Path) -> None:
    for value, named in (("coco17", "'coco_17'"), ("cow.yaml", r"cow\.yaml"), (5, "skeleton"), (None, "skeleton")):
        with pytest.raises(ValueError, match=named):
            training(tmp_path, value)
