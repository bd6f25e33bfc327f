from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.models.codec import READINGS, Codec
from pose_track.models.heatmaps import Decoding, Kind
from pose_track.models.torch_decoder import Decoder

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
    ),
]
WAYS = [(kind, decoding) for kind, ways in READINGS.items() for decoding in ways]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize(("kind", "decoding"), WAYS)
@settings(derandomize=True, max_examples=15, deadline=None)
@given(batch=st.integers(0, 3), noise=st.floats(0, 0.05), height=st.floats(0.05, 1.2), seed=st.integers(0, 99))
def test_joints_are_those_that_numpy_reads(
    device: str, kind: Kind, decoding: Decoding, logits: bool, batch: int, noise: float, height: float, seed: int
) -> None:
    """Of Gaussians up to the border, with noise."""
    codec, random = Codec(kind, (96, 128), 1.5, logits, decoding), np.random.default_rng(seed)
    maps = codec.encode(random.uniform(0, (96, 128), (batch * 5, 2)), np.ones(batch * 5))[0].reshape(batch, 5, 32, 24)
    maps = (height * maps + noise * random.normal(size=maps.shape)).astype(np.float32)
    maps = np.log(maps.clip(1e-9)) if logits else maps
    joints, scores = Decoder(codec).to(device)(torch.from_numpy(maps).to(device))
    expected = codec.decode(maps)
    assert joints.device.type == scores.device.type == device
    assert joints.dtype == scores.dtype == torch.float32
    np.testing.assert_allclose(joints.cpu(), expected[0], atol=1e-3)
    np.testing.assert_allclose(scores.cpu(), expected[1], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("kind", "decoding"), WAYS)
@pytest.mark.parametrize(("size", "sigma", "name"), [((192, 256), 2, "48x64"), ((288, 384), 3, "72x96")])
def test_recorded_maps_are_read_as_with_numpy(
    device: str, kind: Kind, decoding: Decoding, size: tuple[int, int], sigma: float, name: str
) -> None:
    codec = Codec(kind, size, sigma, decoding=decoding)
    theirs = np.load(shared("data/golden/mmpose_codecs.npz"))[f"heatmaps_{size[0]}x{size[1]}"]
    for maps in (np.load(shared("data/golden/decode.npz"))[f"heatmaps_{name}"], theirs):
        joints, scores = Decoder(codec).to(device)(torch.from_numpy(maps).to(device))
        np.testing.assert_allclose(joints.cpu(), codec.decode(maps)[0], atol=1e-3)
        np.testing.assert_array_equal(scores.cpu(), codec.decode(maps)[1])


@pytest.mark.parametrize(("kind", "decoding"), [WAYS[1], WAYS[0], WAYS[-2], WAYS[-1]])
def test_an_exported_decoder_takes_batches_of_any_size(kind: Kind, decoding: Decoding) -> None:
    """What is exported holds all that it takes, and depends neither on the batch nor on the values."""
    codec = Codec(kind, (64, 96), decoding=decoding)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(Decoder(codec), (torch.zeros(2, 3, 24, 16),), dynamic_shapes=({0: batch},)).module()
    for people in (1, 5):
        maps = torch.from_numpy(np.random.default_rng(0).normal(size=(people, 3, 24, 16)).astype(np.float32))
        for ours, expected in zip(exported(maps), Decoder(codec)(maps), strict=True):
            torch.testing.assert_close(ours, expected)


def test_heatmaps_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of \(w, h\) \(48, 64\) cells, got \(64, 48\)"):
        Decoder(Codec("udp"))(torch.zeros(1, 17, 48, 64))
