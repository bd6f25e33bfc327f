"""Configs of tiny training runs, and the tools that take them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from made_tasks import SMALL

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
    """`run.yaml` in the folder; its data lie in `data`, in the working folder where that is not given."""
    text = yaml.safe_dump(json.loads(json.dumps(values)))  # without YAML's references to what was there before
    if data is not None:
        for key, name in SOURCE.items():
            text = text.replace(f" {key}: {name}\n", f" {key}: {data / name}\n")
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def tiny_hrnet(num_joints: int) -> HRNet:
    """In place of `hrnet_compact`, for speed."""
    return HRNet(num_joints, **SMALL, stem_blocks=1, stem_channels=8)


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_tool", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
