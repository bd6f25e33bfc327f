"""SimCC decoding against MMPose 1.3.2's codec, whose answers to seeded logits are recorded in data/simcc_mmpose.npz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pose_track.models.simcc import SimccCodec

_RECORDED = np.load(Path(__file__).parent / "data" / "simcc_mmpose.npz")
_LIBRARIES = {"numpy": (np, np.asarray), "torch": (torch, torch.from_numpy)}


def _decode(name: str, library_name: str, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    library, convert = _LIBRARIES[library_name]
    height, width = map(int, name.split("x"))
    x, y = (convert(_RECORDED[f"{name}_{axis}"].astype(np.float32)) for axis in "xy")
    joints, scores = SimccCodec((width, height), **options).decode(x, y, library)
    return np.asarray(joints), np.asarray(scores)


@pytest.mark.parametrize("name", ["256x192", "384x288"])
@pytest.mark.parametrize("library", _LIBRARIES)
def test_joints_and_scores_are_those_of_mmpose(name: str, library: str) -> None:
    joints, scores = _decode(name, library)
    expected = _RECORDED[f"{name}_scores"]
    is_there = expected > 0
    assert is_there.sum() == 8  # of ten; two have a distribution without a positive logit
    assert np.array_equal(joints[is_there], _RECORDED[f"{name}_joints"][is_there])
    assert np.array_equal(scores, np.where(is_there, expected, 0))
    assert not joints[~is_there].any()


@pytest.mark.parametrize("library", _LIBRARIES)
def test_dark_moves_the_joints_as_in_mmpose(library: str) -> None:
    """Its steps at the border are not limited: a recorded joint there goes 41 pixels astray."""
    for name in ("256x192", "384x288"):
        joints, scores = _decode(name, library, dark=True)
        is_there = scores > 0
        expected, plain = (_RECORDED[f"{name}_{key}"][is_there] for key in ("dark", "joints"))
        is_short = np.abs(expected - plain) < 7
        assert is_short.sum() >= 12  # of 16 coordinates, half of them at the border
        assert np.abs(joints[is_there] - expected)[is_short].max() < 1e-3
        assert np.array_equal(joints[is_there][~is_short], plain[~is_short])
        assert np.abs(expected - plain)[is_short].max() > 0.1


@pytest.mark.parametrize("library", _LIBRARIES)
@pytest.mark.parametrize(("beta", "key"), [(150.0, "visibility"), (5.0, "visibility_beta5")])
def test_probabilities_are_the_visibility_of_mmpose(library: str, beta: float, key: str) -> None:
    _, raw = _decode("256x192", library)
    _, scores = _decode("256x192", library, beta=beta)
    assert np.abs(scores - np.where(raw > 0, _RECORDED[f"256x192_{key}"], 0)).max() < 1e-5


def test_sigma_replaces_the_one_of_the_input_size() -> None:
    assert SimccCodec((192, 256), sigma=6.0).sigmas == (6.0, 6.0)
    x = np.zeros((1, 1, 384), np.float32)
    y = np.zeros((1, 1, 512), np.float32)
    x[..., 100], x[..., 101], y[..., 7] = 1, 0.5, 1
    places = [SimccCodec((192, 256), sigma=sigma, dark=True).decode(x, y)[0][0, 0, 0] for sigma in (2.0, 6.0)]
    assert places[0] != places[1]
