from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from shared_data import shared
from torch import Tensor, nn

from pose_track.models.centre import centre_compact
from pose_track.models.hrnet import HRNet, HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel, Normalize
from pose_track.runtime import torch_runtime
from pose_track.runtime.torch_runtime import TorchRuntime, fold_batch_norms, resolve_precision


class Probe(nn.Module):
    """Returns every fourth row and column of the normalised images, and records how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.calls: list[dict[str, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        channels_last = x.is_contiguous(memory_format=torch.channels_last)
        self.calls.append({"training": self.training, "grad": torch.is_grad_enabled(), "channels_last": channels_last})
        return x[..., ::4, ::4] * self.weight


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_images_reach_the_network_normalised_in_order() -> None:
    images = random_images(3, 8, 12)
    probe = Probe()
    (outputs,) = TorchRuntime(InferenceModel(probe), "cpu", "float32")(images)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((images[:, ::4, ::4] / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert outputs.dtype == np.float32
    assert probe.calls == [{"training": False, "grad": False, "channels_last": True}]


def test_evaluation_is_restored_after_training() -> None:
    probe = Probe()
    run = TorchRuntime(InferenceModel(probe), "cpu", "float32")
    probe.train()
    run(random_images(1, 4, 4))
    assert not probe.calls[0]["training"]


def test_views_and_read_only_random_images() -> None:
    images = random_images(2, 8, 24)
    run = TorchRuntime(InferenceModel(Probe()), "cpu")
    expected = run(images[:, :, ::-1].copy())[0]
    mirrored = images[:, :, ::-1]
    mirrored.flags.writeable = False
    np.testing.assert_array_equal(run(mirrored)[0], expected)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 3, 8, 8), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_invalid_images(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\) uint8, B at least 1, got "):
        TorchRuntime(InferenceModel(Probe()), "cpu")(images)


def tiny() -> HRNet:
    torch.manual_seed(0)
    return HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)


@pytest.mark.parametrize("build", [tiny, lambda: HRNetWithEmbedding(tiny()), centre_compact])
def test_folding_keeps_the_outputs_and_the_network(build: Callable[[], nn.Module]) -> None:
    network = build().train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_var, layer.weight, layer.bias, layer.running_mean):
                nn.init.uniform_(values, 0.5, 1.5)  # type: ignore[arg-type]
    model, images = InferenceModel(network), random_images(2, 64, 64)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_batch_norms(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    outputs = TorchRuntime(model, "cpu", "float32", fold=True)(images)
    assert network.training
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    for output, expected in zip(outputs, TorchRuntime(model, "cpu", "float32")(images), strict=True):
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_without_folding_later_changes_take_effect() -> None:
    network = InferenceModel(nn.Conv2d(3, 1, 1))
    live, folded = (TorchRuntime(network, "cpu", "float32", fold) for fold in (False, True))
    first = folded(random_images(1, 4, 4))[0]
    nn.init.zeros_(network.network.weight)  # type: ignore[arg-type]
    np.testing.assert_array_equal(folded(random_images(1, 4, 4))[0], first)
    assert np.unique(live(random_images(1, 4, 4))[0]).size == 1


@pytest.mark.parametrize(
    ("name", "device", "has_bfloat16", "dtype"),
    [
        ("auto", "cpu", True, torch.bfloat16),
        ("auto", "cpu", False, torch.float32),
        ("auto", "cuda:1", False, torch.bfloat16),
        ("float32", "cpu", True, torch.float32),
        ("float32", "cuda", True, torch.float32),
        ("bfloat16", "cpu", True, torch.bfloat16),
        ("bfloat16", "cuda", False, torch.bfloat16),
    ],
)
def test_precisions(
    monkeypatch: pytest.MonkeyPatch, name: str, device: str, has_bfloat16: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: has_bfloat16)
    assert resolve_precision(name, device) == dtype  # type: ignore[arg-type]


def test_invalid_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match=r"AMX or AVX512-BF16.*'float32'"):
        resolve_precision("bfloat16", "cpu")
    with pytest.raises(ValueError, match="'half'; choose one of 'auto', 'float32', 'bfloat16'"):
        resolve_precision("half", "cpu")  # type: ignore[arg-type]


def test_bfloat16_is_close_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)  # slow where it is emulated
    torch.manual_seed(0)
    network = nn.Conv2d(3, 2, 3)
    images = random_images(1, 16, 16)
    exact, rounded = (TorchRuntime(InferenceModel(network), "cpu", p)(images)[0] for p in ("float32", "bfloat16"))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.05


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_cpu() -> None:
    network = tiny()
    images = random_images(2, 64, 64)
    (on_cpu,) = TorchRuntime(InferenceModel(network), "cpu", "float32")(images)
    (on_cuda,) = TorchRuntime(InferenceModel(network), "cuda", "float32")(images)
    np.testing.assert_allclose(on_cuda, on_cpu, atol=0.02 * np.abs(on_cpu).max())  # TF32


def test_recorded_network_input_and_heatmaps() -> None:
    golden = np.load(shared("data/golden/pipeline.npz"))
    crops = torch.from_numpy(golden["crop"]).permute(0, 3, 1, 2)
    np.testing.assert_allclose(Normalize()(crops), golden["net_input"], rtol=0, atol=1e-5)
    network = HRNet(17, widths=(8, 16, 32, 64))
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as weights:
        network.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    (heatmaps,) = TorchRuntime(InferenceModel(network), "cpu", "float32")(golden["crop"])
    np.testing.assert_allclose(heatmaps, golden["heatmaps"], rtol=0, atol=5e-4)
