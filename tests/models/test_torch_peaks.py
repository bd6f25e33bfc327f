from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.models import heatmaps, torch_peaks

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
    reach=st.integers(2, 9),
    steps=st.sampled_from([0.01, 0.5, 5]),
    seed=st.integers(0, 99),
)
def test_peaks_are_those_that_numpy_finds(
    device: str, shape: tuple[int, int, int, int], kernel: int, reach: int, steps: float, seed: int
) -> None:
    """Also of maps with many equal cells, where it is the first, and of none."""
    maps = np.random.default_rng(seed).normal(size=shape)
    maps = ((maps / steps).round() * steps).astype(np.float32)
    find = torch_peaks.PeakFinder((shape[3], shape[2]), kernel, reach).to(device)
    found, expected = find(torch.from_numpy(maps).to(device)), heatmaps.find_peaks(maps, kernel, reach)
    assert found.size == expected.size
    for name in ("x", "y", "scores", "offsets"):
        ours = getattr(found, name)
        assert ours.device.type == device
        np.testing.assert_array_equal(ours.cpu(), getattr(expected, name))
        assert ours.cpu().numpy().dtype == getattr(expected, name).dtype == np.float32
    smooth = np.abs(expected.around).max(initial=1)  # where smoothing left next to nothing, it is scaled up a lot
    np.testing.assert_allclose(found.around.cpu() / smooth, expected.around / smooth, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_softmax_maps_are_those_of_numpy(device: str) -> None:
    logits = np.random.default_rng(0).normal(scale=9, size=(2, 3, 16, 12)).astype(np.float32)
    ours = torch_peaks.softmax_maps(torch.from_numpy(logits).to(device), sigma=1.5)
    np.testing.assert_allclose(ours.cpu(), heatmaps.softmax_maps(logits, sigma=1.5), rtol=1e-5, atol=1e-6)
