from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.models import heatmaps, torch_peaks
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Kind

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 20), st.integers(1, 20)),
    kernel=st.sampled_from([0, 1, 5, 11, 17]),
    steps=st.sampled_from([0.01, 0.5, 5]),
    seed=st.integers(0, 99),
)
def test_peaks_are_those_that_numpy_finds(
    device: str, shape: tuple[int, int, int, int], kernel: int, steps: float, seed: int
) -> None:
    """Also of maps with many equal cells, where it is the first, and of none."""
    maps = np.random.default_rng(seed).normal(size=shape)
    maps = ((maps / steps).round() * steps).astype(np.float32)
    found = torch_peaks.find_peaks(torch.from_numpy(maps).to(device), kernel)
    expected = heatmaps.find_peaks(maps, kernel)
    assert found.size == expected.size
    for name in ("x", "y", "scores"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    smooth = np.abs(expected.around).max(initial=1)  # where smoothing left next to nothing, it is scaled up a lot
    np.testing.assert_allclose(found.around / smooth, expected.around / smooth, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("kind", ["plain", "dark", "udp"])
def test_joints_are_those_that_numpy_reads(device: str, kind: Kind, logits: bool) -> None:
    codec = Codec(kind, (96, 128), sigma=1.5, logits=logits)
    places = np.random.default_rng(0).uniform(0, (96, 128), (50, 2))
    maps = codec.encode(places, np.ones(50))[0][None]
    maps = np.log(maps + 1e-12) if logits else maps
    given_to_torch = torch.from_numpy(maps).to(device)
    if logits:
        given_to_torch = torch_peaks.softmax_maps(given_to_torch, codec.sigma)
        np.testing.assert_allclose(given_to_torch.cpu(), heatmaps.softmax_maps(maps, codec.sigma), atol=1e-5)
    joints, scores = codec.decode_peaks(torch_peaks.find_peaks(given_to_torch, codec.kernel))
    expected = codec.decode(maps)
    np.testing.assert_allclose(joints, expected[0], atol=1e-3)
    np.testing.assert_allclose(scores, expected[1], atol=1e-6)
