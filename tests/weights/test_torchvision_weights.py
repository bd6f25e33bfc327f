"""Filling torchvision's networks from files, by its own rules."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d

from pose_track.weights.torchvision import load_torchvision


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    modules = {"pyramid": FeaturePyramidNetwork([2], 3), "norm": nn.BatchNorm2d(3), "frozen": FrozenBatchNorm2d(3)}
    return nn.ModuleDict(modules)


STATE: dict[str, Tensor] = network(1).state_dict()


def load(path: Path, content: object) -> dict[str, Tensor]:
    torch.save(content, path)
    built = network()
    load_torchvision(built, path)
    return built.state_dict()


def without(state: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if part not in name}


@pytest.mark.parametrize(
    "content",
    [
        dict(STATE),
        {name.replace(".0.0.", ".0."): value for name, value in STATE.items()},  # before torchvision 0.13
        without(STATE, "num_batches_tracked"),
        {**STATE, "frozen.num_batches_tracked": torch.tensor(7)},
        {"state_dict": dict(STATE), "epoch": 3},
    ],
    ids=["unchanged", "older names", "without counters", "with extra counters", "a checkpoint"],
)
def test_files_of_all_versions(tmp_path: Path, content: object) -> None:
    loaded = load(tmp_path / "a.pth", content)
    assert loaded.keys() == STATE.keys()
    assert all(torch.equal(loaded[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without(STATE, "norm.weight"), r"1 missing \(norm.weight\)"),
        ({**STATE, "other": torch.zeros(1)}, r"1 unexpected \(other\)"),
        ({**without(STATE, "frozen"), "other": torch.zeros(1)}, r"4 missing \(frozen.*, ...\), 1 unexpected"),
        ({**STATE, "norm.weight": torch.zeros(2), "norm.bias": torch.zeros(2)}, r"2 of another shape \(.*norm.weight"),
        ({"epoch": 3}, "wrong.pth"),
    ],
    ids=["missing", "unexpected", "both", "other shapes", "no weights"],
)
def test_other_weights_are_refused_in_one_line(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / "wrong.pth", content)
    assert str(tmp_path / "wrong.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>log in", b"PK\x03\x04 and no more", b"\x80\x02K"])
def test_files_without_weights(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"page\.pth") as caught:
        load_torchvision(network(), tmp_path / "page.pth")
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        load_torchvision(network(), tmp_path / "none.pth")
