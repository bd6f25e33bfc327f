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
from pose_track.models.heatmaps import Decoding, HeatmapType
from pose_track.models.hrnet import HRNet, HRNetWithEmbedding, hrnet_compact
from pose_track.models.inference_model import InferenceModel
from pose_track.pose.estimator import place_crops
from pose_track.pose.keypoints import CroppedKeypoints, Keypoints
from pose_track.pose.torch_keypoints import TorchKeypoints
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.video.reader import open_video
from pose_track.weights.load import load_weights

SIZE = (64, 96)
GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
MEMORY = {"crops": 1000}  # crops that fit into memory, in `check_memory`


def check_memory(x: Tensor) -> Tensor:
    """Raises the error of a GPU that is out of memory for large batches."""
    if len(x) > MEMORY["crops"]:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return x


torch.fx.wrap("check_memory")  # so that folding of batch norms does not trace into it


class LimitedNetwork(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.network(check_memory(x))  # type: ignore[no-any-return]


def small_network(flip: bool = False) -> InferenceModel:
    """Random weights, four joints, with an appearance embedding; its heatmaps reach above 0."""
    torch.manual_seed(0)
    network = HRNet(4, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1, stem_channels=8)
    nn.init.normal_(network.final_layer.weight, std=0.1)
    return InferenceModel(LimitedNetwork(HRNetWithEmbedding(network)), [0, 1, 3, 2] if flip else None)


def random_images(*sizes: tuple[int, int]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for w, h in sizes]


def random_matrices(count: int, seed: int = 0) -> np.ndarray:
    """Matrices (count, 2, 3) of crops of all sizes, rotated, some partly or wholly outside the image."""
    random = np.random.default_rng(seed)
    matrices = [
        crop_matrix(random.uniform(-60, 200, 2), random.uniform(10, 200), SIZE, d) for d in 90 * random.random(count)
    ]
    return np.stack(matrices) if matrices else np.zeros((0, 2, 3))


def check_agreement(found: Keypoints, expected: Keypoints) -> None:
    """Except for one joint, or one in a hundred, that has several equally high peaks."""
    assert found.features is not None
    assert expected.features is not None
    for a, b in zip(found[:3], expected[:3], strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype == np.float32
    same = np.abs(found.joints - expected.joints).max(axis=2, initial=0) <= 0.5
    assert (~same).sum() <= max(1, 0.01 * same.size)
    np.testing.assert_allclose(found.scores, expected.scores, atol=2e-3)
    assert np.abs(found.features - expected.features)[same].mean() < 0.01


def shapes(found: Keypoints) -> list[tuple[int, ...]]:
    return [array.shape for array in found if array is not None]


@pytest.mark.parametrize("heatmap_type", ["gaussian", "dark", "udp"])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_joints_and_features_are_those_of_the_cpu(device: str, heatmap_type: HeatmapType, flip: bool) -> None:
    codec, network = Codec(heatmap_type, SIZE), small_network(flip)
    images, matrices = random_images((160, 120), (90, 200)), [random_matrices(9), random_matrices(3, seed=1)]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        found = TorchKeypoints(network, codec, device, "float32", max_batch=5)(images, matrices)
    check_agreement(found, CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec)(images, matrices))


@pytest.mark.parametrize(("max_batch", "decoding"), [(2, "udp"), (7, "soft_argmax")])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_the_mean_of_scales_is_that_of_the_cpu(device: str, max_batch: int, decoding: Decoding) -> None:
    """Also where the crops of one person need several batches."""
    codec, network = Codec("udp", SIZE, 1.5, decoding), small_network()
    images, matrices = random_images((160, 120), (90, 200)), [random_matrices(3), random_matrices(2, seed=1)]
    scales = (1.25, 0.8, 1.0)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        on_device = TorchKeypoints(network, codec, device, "float32", max_batch, scales)
        on_cpu = CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec, max_batch, scales)
        check_agreement(on_device(images, matrices), on_cpu(images, matrices))
        assert shapes(on_device(images[:1], [random_matrices(0)])) == [(0, 4, 2), (0, 4), (0, 4, 8)]
    single = TorchKeypoints(network, codec, device, "float32", max_batch)
    assert np.abs(single(images, matrices)[0] - on_device(images, matrices)[0]).max() > 0.1


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_second_peaks_are_those_of_the_cpu(device: str) -> None:
    """Of a network whose joints 2 and 3 have one heatmap."""
    codec, network = Codec("dark", SIZE), small_network()
    layer = network.network.network.network.final_layer  # type: ignore[union-attr]
    layer.weight.data[3], layer.bias.data[3] = layer.weight.data[2], layer.bias.data[2]  # type: ignore[index, union-attr]
    images, matrices = random_images((160, 120)), [random_matrices(9)]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        found = TorchKeypoints(network, codec, device, "float32", max_batch=5, twins=((2, 3),))(images, matrices)
    expected = CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec, twins=((2, 3),))(images, matrices)
    assert found.second_peaks is not None
    assert expected.second_peaks is not None
    assert (expected.second_peaks[:, 2:, 2] > 0).any()
    same = np.abs(found.second_peaks - expected.second_peaks).max(axis=2) <= 0.5
    assert (~same).sum() <= 1
    check_agreement(found, expected)


@pytest.fixture(scope="module")
def both() -> tuple[TorchKeypoints, CroppedKeypoints]:
    codec, network = Codec("dark", SIZE, sigma=1.5), small_network()
    by_torch = TorchKeypoints(network, codec, "cpu", "float32", max_batch=3)
    return by_torch, CroppedKeypoints(TorchRuntime(network, "cpu", "float32"), codec, max_batch=4)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 150), st.integers(1, 150)), min_size=1, max_size=3),
    counts=st.tuples(*[st.integers(0, 4)] * 3),
    seed=st.integers(0, 99),
)
def test_any_images_with_any_number_of_people(
    both: tuple[TorchKeypoints, CroppedKeypoints],
    sizes: list[tuple[int, int]],
    counts: tuple[int, int, int],
    seed: int,
) -> None:
    by_torch, expected = both
    images = random_images(*sizes)
    matrices = [random_matrices(count, seed + n) for n, count in enumerate(counts[: len(sizes)])]
    found = by_torch(images, matrices)
    if sum(map(len, matrices)):
        check_agreement(found, expected(images, matrices))
    else:
        assert shapes(found) == [(0, 4, 2), (0, 4), (0, 4, 8)]


def test_out_of_memory_halves_the_batch(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    codec, images, matrices = Codec("gaussian", SIZE), random_images((160, 120)), [random_matrices(9)]
    expected = TorchKeypoints(small_network(), codec, "cpu", "float32", max_batch=2)(images, matrices)
    keypoints = TorchKeypoints(small_network(), codec, "cpu", "float32", max_batch=64)
    monkeypatch.setitem(MEMORY, "crops", 2)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            for found, reference in zip(keypoints(images, matrices)[:3], expected[:3], strict=True):
                np.testing.assert_allclose(found, reference, atol=1e-5)
    (message,) = caplog.messages
    assert "9 crops" in message
    assert message.endswith(" 2")


def test_a_single_crop_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = TorchKeypoints(small_network(), Codec("gaussian", SIZE), "cpu", "float32", max_batch=4)
    monkeypatch.setitem(MEMORY, "crops", 0)
    with pytest.raises(MemoryError, match=r"crops.*pose\.input_size.*--device cpu"):
        keypoints(random_images((50, 50)), [random_matrices(3)])
    monkeypatch.setitem(MEMORY, "crops", 9)  # another program freed its memory
    assert len(keypoints(random_images((50, 50)), [random_matrices(3)])[0]) == 3


def test_invalid_arguments() -> None:
    with pytest.raises(ValueError, match=r"max_batch .*0"):
        TorchKeypoints(small_network(), Codec("gaussian", SIZE), "cpu", max_batch=0)
    with pytest.raises(ValueError, match="scales"):
        TorchKeypoints(small_network(), Codec("gaussian", SIZE), "cpu", scales=())


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
    """Within half a pixel at the 99th percentile; on a GPU without TF32, so that the precision is the same."""
    codec = Codec("gaussian", (128, 192))
    images, matrices = real_people(codec)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        found = TorchKeypoints(bundled(), codec, device, "float32")(images, matrices)
    expected = CroppedKeypoints(TorchRuntime(bundled(), "cpu", "float32"), codec)(images, matrices)
    distances = np.abs(found[0] - expected[0]).max(axis=2)[expected[1] > 0.2]
    assert distances.size > 50
    assert np.quantile(distances, 0.99) <= 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_bfloat16_on_a_gpu_agrees_with_the_cpu() -> None:
    """With DARK decoding: the steps of the quarter offset are too coarse for a tolerance of half a pixel."""
    codec = Codec("dark", (128, 192))
    images, matrices = real_people(codec)
    found = TorchKeypoints(bundled(), codec, "cuda")(images, matrices)
    expected = CroppedKeypoints(TorchRuntime(bundled(), "cpu", "float32"), codec)(images, matrices)
    distances = np.abs(found[0] - expected[0]).max(axis=2)[expected[1] > 0.2]
    assert np.quantile(distances, 0.95) <= 0.5
    assert np.abs(found[1] - expected[1]).max() < 0.03


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_out_of_memory_on_a_gpu(caplog: pytest.LogCaptureFixture) -> None:
    """With memory for a few crops only."""
    codec, images, matrices = Codec("gaussian", SIZE), random_images((160, 120)), [random_matrices(64)]
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
    check_agreement(found, expected)
