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
    kernel_size=st.sampled_from([0, 1, 5, 11, 17]),
    radius=st.integers(2, 9),
    steps=st.sampled_from([0.01, 0.5, 5]),
    seed=st.integers(0, 99),
)
def test_peaks_agree_with_numpy(
    device: str, shape: tuple[int, int, int, int], kernel_size: int, radius: int, steps: float, seed: int
) -> None:
    """Also for maps with many equal cells, where the peak is the first, and for an empty batch."""
    maps = np.random.default_rng(seed).normal(size=shape)
    maps = ((maps / steps).round() * steps).astype(np.float32)
    find_peaks = torch_peaks.PeakFinder((shape[3], shape[2]), kernel_size, radius).to(device)
    actual, expected = find_peaks(torch.from_numpy(maps).to(device)), heatmaps.find_peaks(maps, kernel_size, radius)
    assert actual.size == expected.size
    for name in ("x", "y", "scores", "offsets"):
        value = getattr(actual, name)
        assert value.device.type == device
        np.testing.assert_array_equal(value.cpu(), getattr(expected, name))
        assert value.cpu().numpy().dtype == getattr(expected, name).dtype == np.float32
    scale = np.abs(expected.patches).max(initial=1)  # large where smoothing left almost nothing
    np.testing.assert_allclose(actual.patches.cpu() / scale, expected.patches / scale, atol=1e-5)
