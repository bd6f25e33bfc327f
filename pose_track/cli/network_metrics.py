"""What commands that measure one network share: its config with the weights, the printed table, the JSON file."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.training.config import TrainingConfig


def add_network_options(parser: Parser, example: str) -> None:
    """CONFIG, --weights, --json and the settings of a training config. example: the name of such a config."""
    add = parser.add_argument
    add("config", type=Path, help=f"a training config, such as configs/train/{example}.yaml")
    add("--weights", required=True, metavar="FILE", help="weights of the network, a file or a published name")
    add("--json", type=Path, metavar="FILE", help="write the metrics")
    parser.add_settings(_settings_class)


def _settings_class() -> type[TrainingConfig]:
    from pose_track.training.config import TrainingConfig

    return TrainingConfig


def load_network_config(
    options: argparse.Namespace, overrides: Mapping[str, str], task: str | None = None
) -> TrainingConfig:
    """The config with the weights of the options, on one device. Raises ValueError for a config of another task, where
    one is given."""
    from pose_track.config.load import load_settings
    from pose_track.training.config import TrainingConfig

    named = {"init_weights": options.weights, "init_trunk": "null", "hardware.devices": "1", "hardware.nodes": "1"}
    config = load_settings(TrainingConfig, options.config, {**named, **overrides})
    if task not in (None, config.task):
        raise ValueError(f"{options.config} is of task {config.task}; give a config of task {task}")
    return config


def report_metrics(metrics: Mapping[str, float], conditions: Mapping[str, object], file: Path | None) -> None:
    """Print the metrics, and write them after their conditions into a JSON file, null where undefined."""
    width = max(15, *map(len, metrics)) + 1
    print("\n".join(f"{name:<{width}}{value:.3f}" for name, value in metrics.items()))
    if file is not None:
        known = {name: None if math.isnan(value) else value for name, value in metrics.items()}
        text = json.dumps({**conditions, "figures": known}, indent=2)
        file.write_text(text + "\n", encoding="utf-8")
