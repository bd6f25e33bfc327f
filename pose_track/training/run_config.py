"""The config of a run in its folder, by which the run is resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from pose_track.training.config import TrainingConfig
from pose_track.utils.atomic import atomic_path

CONFIG_NAME = "config.yaml"
"""Name of the file in a run's folder."""

_PATH_KEYS = ("annotations", "images", "model")
_HEADER = """\
# All settings of this run, written by pose-track train.
#   pose-track train --resume {folder}
"""


def save_config(config: TrainingConfig, folder: Path) -> None:
    """Write the config to a run's folder, with absolute paths, so that the run is resumed from any working folder."""
    folder.mkdir(parents=True, exist_ok=True)
    values = yaml.safe_dump(
        _with_absolute_paths(config.all_settings()), sort_keys=False, width=120, default_flow_style=None
    )
    with atomic_path(folder / CONFIG_NAME) as part:
        part.write_text(_HEADER.format(folder=folder) + values, encoding="utf-8")


def saved_config(folder: Path) -> Path:
    """The config in a run's folder. Raises FileNotFoundError if there is none."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {CONFIG_NAME} to resume from; give the training config of that run")
    return path


def _with_absolute_paths(value: Any, key: str = "") -> Any:
    """Settings in which data and files of initial weights have absolute paths; names of published weights stay."""
    if isinstance(value, dict):
        return {key: _with_absolute_paths(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_absolute_paths(inner, key) for inner in value]
    is_file = key.startswith("init_") and value is not None and Path(value).is_file()
    return os.path.abspath(value) if is_file or key in _PATH_KEYS else value
