"""The config in a run's folder: complete, readable, and independent of the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_training_config import COMMON_VALUES, DETECTOR_VALUES, NEEDED, POSE_VALUES, with_values
from tiny_runs import DETECTOR, POSE

from pose_track.config.load import load_settings
from pose_track.training.config import TrainingConfig
from pose_track.training.run_config import save_config, saved_config

TABLES = [(POSE, COMMON_VALUES | POSE_VALUES), (DETECTOR, COMMON_VALUES | DETECTOR_VALUES)]


def reloaded(config: TrainingConfig, folder: Path) -> TrainingConfig:
    save_config(config, folder)
    return load_settings(TrainingConfig, saved_config(folder))


def absolute(config: TrainingConfig) -> TrainingConfig:
    """The config with absolute paths; the initial weights of the tables are no files, but could be names."""

    def convert(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {key: convert(inner, key) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [convert(inner, key) for inner in value]
        return value.absolute() if isinstance(value, Path) and not key.startswith("init_") else value

    other = "detector" if config.task == "pose" else "pose"
    return TrainingConfig.model_validate(convert(config.model_dump(exclude={other})))


@pytest.mark.parametrize(
    ("base", "name", "value"),
    [
        pytest.param(base, name, value, id=f"{base['task']}: {name}")
        for base, table in TABLES
        for name, value in table.items()
    ],
)
def test_every_setting_is_stored(tmp_path: Path, base: dict[str, Any], name: str, value: Any) -> None:
    config = with_values(base, NEEDED.get(name, {}) | {name: value})
    assert reloaded(config, tmp_path) == absolute(config)


@given(st.floats(1e-12, 1e6), st.floats(0, 1), st.integers(0, 2**40))
def test_numbers_are_stored_exactly(
    tmp_path_factory: pytest.TempPathFactory, rate: float, share: float, seed: int
) -> None:
    values = {"optimizer.learning_rate": rate, "optimizer.final_share": share, "loop.seed": seed}
    config = with_values(POSE, values)
    assert reloaded(config, tmp_path_factory.mktemp("run")).result_settings() == config.result_settings()


def test_paths_are_absolute_and_names_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pth").write_bytes(b"")
    save_config(with_values(POSE, {"init_weights": "a.pth"}), Path("run"))
    values = yaml.safe_load(Path("run/config.yaml").read_text())
    assert values["init_weights"] == str(tmp_path / "a.pth")
    assert values["val"]["images"] == str(tmp_path / "images")
    save_config(with_values(POSE, {"init_weights": "bundled"}), Path("run"))
    assert yaml.safe_load(Path("run/config.yaml").read_text())["init_weights"] == "bundled"


def test_a_skeleton_of_ones_own_is_stored_whole(tmp_path: Path) -> None:
    skeleton = {"name": "horse", "joints": ["nose", "left_ear", "right_ear"], "edges": [["nose", "left_ear"]]}
    config = with_values(POSE, {"pose.skeleton": skeleton})
    assert reloaded(config, tmp_path).pose.skeleton == config.pose.skeleton


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        saved_config(tmp_path)
