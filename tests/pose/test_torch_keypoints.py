from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared
from torch import Tensor, nn

import pose_track
from pose_track.geometry.affine import crop_matrix
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Decoding, Kind
from pose_track.models.hrnet import HRNet, HRNetWithEmbedding, hrnet_compact
from pose_track.models.inference_model import InferenceModel
from pose_track.pose.estimator import place_crops
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.pose.torch_keypoints import TorchKeypoints
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.video.reader import open_video
from pose_track.weights.load import load_weights

SIZE = (64, 96)
GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
ROOM = {"crops": 1000}  # as many fit into memory, in `limited`


def limited(x: Tensor) -> Tensor:
    """Stands for a network too large for its GPU."""
    if len(x) > ROOM["crops"]:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return x


torch.fx.wrap("limited")  # what folds batch-norms does not look into it


class Limited(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.network(limited(x))  # type: ignore[no-any-return]


def small_network(flip: bool = False) -> InferenceModel:
    """Random, of four joints, with looks; its heatmaps reach above 0."""
    torch.manual_seed(0)
    network = HRNet(4, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1, stem_channels=8)
    nn.init.normal_(network.final_layer.weight, std=0.1)
    return InferenceModel(Limited(HRNetWithEmbedding(network)), [0, 1, 3, 2] if flip else None)


def pictures(*sizes: tuple[int, int]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for w, h in sizes]


def places(count: int, seed: int = 0) -> np.ndarray:
    """Matrices (count, 2, 3) of crops of all sizes, turned, some partly or wholly outside the picture."""
    random = np.random.default_rng(seed)
    made = [
        crop_matrix(random.uniform(-60, 200, 2), random.uniform(10, 200), SIZE, d) for d in 90 * random.random(count)
    ]
    return np.stack(made) if made else np.zeros((0, 2, 3))


def agree(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> None:
    """But for one joint, or one in a hundred, whose peak is no higher than another."""
    assert len(ours) == len(theirs) == 3
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype == np.float32
    same = np.abs(ours[0] - theirs[0]).max(axis=2, initial=0) <= 0.5
    assert (~same).sum() <= max(1, 0.01 * same.size)
    np.testing.assert_allclose(ours[1], theirs[1], atol=2e-3)
    assert np.abs(ours[2] - theirs[2])[same].mean() < 0.01


@pytest.mark.parametrize("kind", ["plain", "dark", "udp"])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_joints_and_features_are_those_of_the_cpu(device: str, kind: Kind, flip: bool) -> None:
    codec, network = Codec(kind, SIZE), small_network(flip)
    images, matrices = pictures((160, 120), (90, 200)), [places(9), places(3, seed=1)]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        ours = TorchKeypoints(network, codec, device, "float32", max_batch=5)(images, matrices)
    agree(ours, CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec)(images, matrices))


@pytest.mark.parametrize(("max_batch", "logits", "decoding"), [(2, False, "udp"), (7, True, "soft_argmax")])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_the_mean_of_scales_is_that_of_the_cpu(device: str, max_batch: int, logits: bool, decoding: Decoding) -> None:
    """Also where the crops of a person lie in several batches."""
    codec, network = Codec("udp", SIZE, 1.5, logits, decoding), small_network()
    images, matrices = pictures((160, 120), (90, 200)), [places(3), places(2, seed=1)]
    scales = (1.25, 0.8, 1.0)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        ours = TorchKeypoints(network, codec, device, "float32", max_batch, scales)
        theirs = CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec, max_batch, scales)
        agree(ours(images, matrices), theirs(images, matrices))
        assert [part.shape for part in ours(images[:1], [places(0)])] == [(0, 4, 2), (0, 4), (0, 4, 8)]
    single = TorchKeypoints(network, codec, device, "float32", max_batch)
    assert np.abs(single(images, matrices)[0] - ours(images, matrices)[0]).max() > 0.1


@pytest.fixture(scope="module")
def both() -> tuple[TorchKeypoints, CroppedKeypoints]:
    codec, network = Codec("dark", SIZE, sigma=1.5, logits=True), small_network()
    ours = TorchKeypoints(network, codec, "cpu", "float32", max_batch=3)
    return ours, CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec, max_batch=4)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 150), st.integers(1, 150)), min_size=1, max_size=3),
    counts=st.tuples(*[st.integers(0, 4)] * 3),
    seed=st.integers(0, 99),
)
def test_any_pictures_with_any_number_of_people(
    both: tuple[TorchKeypoints, CroppedKeypoints],
    sizes: list[tuple[int, int]],
    counts: tuple[int, int, int],
    seed: int,
) -> None:
    ours, theirs = both
    images = pictures(*sizes)
    matrices = [places(count, seed + n) for n, count in enumerate(counts[: len(sizes)])]
    found = ours(images, matrices)
    if sum(map(len, matrices)):
        agree(found, theirs(images, matrices))
    else:
        assert [part.shape for part in found] == [(0, 4, 2), (0, 4), (0, 4, 8)]


def test_out_of_memory_halves_the_batch_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codec, images, matrices = Codec("plain", SIZE), pictures((160, 120)), [places(9)]
    expected = TorchKeypoints(small_network(), codec, "cpu", "float32", max_batch=2)(images, matrices)
    keypoints = TorchKeypoints(small_network(), codec, "cpu", "float32", max_batch=64)
    monkeypatch.setitem(ROOM, "crops", 2)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            for found, part in zip(keypoints(images, matrices), expected, strict=True):
                np.testing.assert_allclose(found, part, atol=1e-5)
    assert caplog.messages == ["the GPU is out of memory with 9 crops at once; going on with 2"]


def test_no_memory_for_a_single_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = TorchKeypoints(small_network(), Codec("plain", SIZE), "cpu", "float32", max_batch=4)
    monkeypatch.setitem(ROOM, "crops", 0)
    with pytest.raises(MemoryError, match=r"crops one by one; use a smaller pose\.input_size or --device cpu"):
        keypoints(pictures((50, 50)), [places(3)])
    monkeypatch.setitem(ROOM, "crops", 9)  # another program gave its memory back
    assert len(keypoints(pictures((50, 50)), [places(3)])[0]) == 3


def test_no_batch_of_nothing() -> None:
    with pytest.raises(ValueError, match="max_batch must be at least 1, got 0"):
        TorchKeypoints(small_network(), Codec("plain", SIZE), "cpu", max_batch=0)
    with pytest.raises(ValueError, match="scales must be one or more"):
        TorchKeypoints(small_network(), Codec("plain", SIZE), "cpu", scales=())


def real_people(codec: Codec) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames of a video with three people side by side, and a crop of each, four times."""
    with open_video(shared("data/videos/three_gymnasts.avi")) as video:
        images = [frame.image for frame in islice(video, 0, 40, 10)]
    boxes = np.array([[20, 40, 140, 280], [130, 40, 250, 280], [240, 40, 370, 280]])
    return images, [place_crops(codec, boxes, 1.25)[0] for _ in images]


def bundled() -> InferenceModel:
    network = hrnet_compact(15)
    load_weights(network, Path(pose_track.__file__).parent / "assets" / "pose.safetensors")
    return InferenceModel(HRNetWithEmbedding(network))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_the_bundled_network_on_real_people(device: str) -> None:
    """Within half a pixel at the 99th percentile; on a GPU with full precision, so that only the way is another."""
    codec = Codec("plain", (128, 192))
    images, matrices = real_people(codec)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        ours = TorchKeypoints(bundled(), codec, device, "float32")(images, matrices)
    theirs = CroppedKeypoints(TorchRuntime(bundled(), "cpu", "float32"), codec)(images, matrices)
    off = np.abs(ours[0] - theirs[0]).max(axis=2)[theirs[1] > 0.2]
    assert off.size > 50
    assert np.quantile(off, 0.99) <= 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_bfloat16_on_a_gpu_agrees_with_the_cpu() -> None:
    """Read by Newton's method: a quarter of a cell, as in kind plain, is too coarse to be told half a pixel apart."""
    codec = Codec("dark", (128, 192))
    images, matrices = real_people(codec)
    ours = TorchKeypoints(bundled(), codec, "cuda")(images, matrices)
    theirs = CroppedKeypoints(TorchRuntime(bundled(), "cpu", "float32"), codec)(images, matrices)
    off = np.abs(ours[0] - theirs[0]).max(axis=2)[theirs[1] > 0.2]
    assert np.quantile(off, 0.95) <= 0.5
    assert np.abs(ours[1] - theirs[1]).max() < 0.03


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_out_of_memory_on_a_gpu(caplog: pytest.LogCaptureFixture) -> None:
    """With as much memory allowed as a few crops take."""
    codec, images, matrices = Codec("plain", SIZE), pictures((160, 120)), [places(64)]
    expected = TorchKeypoints(small_network(), codec, "cuda", "float32", max_batch=1)(images, matrices)
    keypoints = TorchKeypoints(small_network(), codec, "cuda", "float32", max_batch=64)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 48 * 2**20) / total)
    try:
        found = keypoints(images, matrices)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert len(caplog.messages) == 1
    agree(found, expected)
