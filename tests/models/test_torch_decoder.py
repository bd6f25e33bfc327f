from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.models.codec import DECODINGS, Codec
from pose_track.models.heatmaps import Decoding, HeatmapType
from pose_track.models.torch_decoder import Decoder

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
    ),
]
COMBINATIONS = [(heatmap_type, decoding) for heatmap_type, decodings in DECODINGS.items() for decoding in decodings]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("heatmap_type", "decoding"), COMBINATIONS)
@settings(derandomize=True, max_examples=15, deadline=None)
@given(batch=st.integers(0, 3), noise=st.floats(0, 0.05), height=st.floats(0.05, 1.2), seed=st.integers(0, 99))
def test_joints_agree_with_numpy(
    device: str, heatmap_type: HeatmapType, decoding: Decoding, batch: int, noise: float, height: float, seed: int
) -> None:
    """For Gaussians up to the border, with noise."""
    codec, random = Codec(heatmap_type, (96, 128), 1.5, decoding), np.random.default_rng(seed)
    maps = codec.encode(random.uniform(0, (96, 128), (batch * 5, 2)), np.ones(batch * 5))[0].reshape(batch, 5, 32, 24)
    maps = (height * maps + noise * random.normal(size=maps.shape)).astype(np.float32)
    joints, scores = Decoder(codec).to(device)(torch.from_numpy(maps).to(device))
    expected = codec.decode(maps)
    assert joints.device.type == scores.device.type == device
    assert joints.dtype == scores.dtype == torch.float32
    np.testing.assert_allclose(joints.cpu(), expected[0], atol=1e-3)
    np.testing.assert_allclose(scores.cpu(), expected[1], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("heatmap_type", "decoding"), COMBINATIONS)
@pytest.mark.parametrize(("size", "sigma", "name"), [((192, 256), 2, "48x64"), ((288, 384), 3, "72x96")])
def test_recorded_maps_are_decoded_as_with_numpy(
    device: str, heatmap_type: HeatmapType, decoding: Decoding, size: tuple[int, int], sigma: float, name: str
) -> None:
    codec = Codec(heatmap_type, size, sigma, decoding=decoding)
    recorded = np.load(shared("data/golden/mmpose_codecs.npz"))[f"heatmaps_{size[0]}x{size[1]}"]
    for maps in (np.load(shared("data/golden/decode.npz"))[f"heatmaps_{name}"], recorded):
        joints, scores = Decoder(codec).to(device)(torch.from_numpy(maps).to(device))
        np.testing.assert_allclose(joints.cpu(), codec.decode(maps)[0], atol=1e-3)
        np.testing.assert_array_equal(scores.cpu(), codec.decode(maps)[1])


@pytest.mark.parametrize(
    ("heatmap_type", "decoding"), [COMBINATIONS[1], COMBINATIONS[0], COMBINATIONS[-2], COMBINATIONS[-1]]
)
def test_an_exported_decoder_takes_batches_of_any_size(heatmap_type: HeatmapType, decoding: Decoding) -> None:
    """The exported graph depends neither on the batch size nor on the values."""
    codec = Codec(heatmap_type, (64, 96), decoding=decoding)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(Decoder(codec), (torch.zeros(2, 3, 24, 16),), dynamic_shapes=({0: batch},)).module()
    for people in (1, 5):
        maps = torch.from_numpy(np.random.default_rng(0).normal(size=(people, 3, 24, 16)).astype(np.float32))
        for actual, expected in zip(exported(maps), Decoder(codec)(maps), strict=True):
            torch.testing.assert_close(actual, expected)


def test_heatmaps_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of \(w, h\) \(48, 64\) cells, got \(64, 48\)"):
        Decoder(Codec("udp"))(torch.zeros(1, 17, 48, 64))
