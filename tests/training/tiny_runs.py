"""Configs of tiny training runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from tiny_tasks import SMALL

from pose_track.models.hrnet import HRNet

ROOT = Path(__file__).resolve().parents[2]
SOURCE = {"annotations": "people.json", "images": "images"}
COMMON: dict[str, Any] = {
    "train": [SOURCE],
    "val": SOURCE,
    "loop": {"epochs": 1, "batch_size": 2},
    "hardware": {"device": "cpu", "threads": 1},
}
POSE = {"task": "pose", "pose": {"input_size": [32, 64]}, **COMMON}
DETECTOR = {"task": "detector", "detector": {"canvas": 64, "long_side": 64}, **COMMON}


def write_config(folder: Path, values: dict[str, Any], data: Path | None = None) -> Path:
    """Write `run.yaml` to the folder. data: folder of its data; by default the working folder."""
    text = yaml.safe_dump(json.loads(json.dumps(values)))  # without YAML references
    if data is not None:
        for key, name in SOURCE.items():
            text = text.replace(f" {key}: {name}\n", f" {key}: {data / name}\n")
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def tiny_hrnet(num_joints: int) -> HRNet:
    """A small network in place of `hrnet_compact`, for speed."""
    return HRNet(num_joints, **SMALL, stem_blocks=1, stem_channels=8)
