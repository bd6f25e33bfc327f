from __future__ import annotations

import numpy as np
import pytest
import torch
from shared_data import shared
from torch import Tensor, nn

from pose_track.models.hrnet import HRNet
from pose_track.models.normalize import Normalize
from pose_track.runtime import torch_runtime
from pose_track.runtime.torch_runtime import TorchRuntime, resolve_device, resolve_precision


class Probe(nn.Module):
    """Gives the normalised picture itself, in every fourth row and column, and notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.calls: list[dict[str, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        channels_last = x.is_contiguous(memory_format=torch.channels_last)
        self.calls.append({"training": self.training, "grad": torch.is_grad_enabled(), "channels_last": channels_last})
        return x[..., ::4, ::4] * self.weight


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_normalize() -> None:
    image = torch.tensor([0, 255, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(0 - 0.485) / 0.229, (1 - 0.456) / 0.224, (128 / 255 - 0.406) / 0.225]
    torch.testing.assert_close(Normalize()(image).flatten(), torch.tensor(expected))
    assert not Normalize().state_dict()


def test_pictures_reach_the_network_normalised_in_order() -> None:
    images = pictures(3, 8, 12)
    probe = Probe()
    outputs = TorchRuntime(probe, "cpu")(images)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((images[:, ::4, ::4] / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert outputs.dtype == np.float32
    assert probe.calls == [{"training": False, "grad": False, "channels_last": True}]


def test_evaluation_is_restored_after_training() -> None:
    probe = Probe()
    run = TorchRuntime(probe, "cpu")
    probe.train()
    run(pictures(1, 4, 4))
    assert not probe.calls[0]["training"]


def test_views_and_read_only_pictures() -> None:
    images = pictures(2, 8, 24)
    run = TorchRuntime(Probe(), "cpu")
    expected = run(images[:, :, ::-1].copy())
    mirrored = images[:, :, ::-1]
    mirrored.flags.writeable = False
    np.testing.assert_array_equal(run(mirrored), expected)
    assert run(images[:0]).shape == (0, 3, 2, 6)


@pytest.mark.parametrize(
    "images", [np.zeros((8, 8, 3), np.uint8), np.zeros((1, 3, 8, 8), np.uint8), np.zeros((1, 8, 8, 3), np.float32)]
)
def test_other_pictures_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\) uint8, got "):
        TorchRuntime(Probe(), "cpu")(images)


@pytest.mark.parametrize("shift", [True, False])
def test_flip_test_averages_both_views(shift: bool) -> None:
    images, run = pictures(2, 8, 16), TorchRuntime(Probe(), "cpu")
    flipping = TorchRuntime(Probe(), "cpu", flip_indices=[1, 0, 2], flip_shift=shift)
    back = run(images[:, :, ::-1].copy())[:, [1, 0, 2], :, ::-1]
    shifted = np.concatenate([back[..., :1], back[..., :-1]], axis=-1) if shift else back
    np.testing.assert_allclose(flipping(images), (run(images) + shifted) / 2, atol=1e-6)


class Twofold(Probe):
    """Gives the picture twice, the second time doubled."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(x), 2 * x


@pytest.mark.parametrize("flip_indices", [None, [1, 0, 2]])
def test_looks_come_with_the_heatmaps_and_are_not_mirrored(flip_indices: list[int] | None) -> None:
    images = pictures(2, 8, 16)
    run = TorchRuntime(Twofold(), "cpu", flip_indices=flip_indices)
    heatmaps, looks = run.with_looks(images)
    expected = TorchRuntime(Probe(), "cpu", flip_indices=flip_indices)(images)
    np.testing.assert_array_equal(heatmaps, expected)
    np.testing.assert_array_equal(run(images), expected)
    assert looks.shape == (2, 3, 8, 16)
    np.testing.assert_array_equal(looks[..., ::4, ::4], 2 * TorchRuntime(Probe(), "cpu")(images))


def test_a_network_of_one_output_has_no_looks() -> None:
    with pytest.raises(ValueError, match="two outputs, got 1; wrap it in HRNetWithLooks"):
        TorchRuntime(Probe(), "cpu").with_looks(pictures(1, 8, 8))


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("cpu") == resolve_device("auto") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"'cuda' .*use 'auto' or 'cpu'"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="'cuda:2'; the last is 'cuda:1'"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cpu:0", "CUDA"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown device.*'auto', 'cpu', 'cuda'"):
        resolve_device(name)


@pytest.mark.parametrize(
    ("name", "device", "capable", "dtype"),
    [
        ("auto", "cpu", True, torch.float32),
        ("auto", "cuda", False, torch.bfloat16),
        ("float32", "cuda", True, torch.float32),
        ("bfloat16", "cpu", True, torch.bfloat16),
        ("bfloat16", "cuda", False, torch.bfloat16),
    ],
)
def test_precisions(monkeypatch: pytest.MonkeyPatch, name: str, device: str, capable: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: capable)
    assert resolve_precision(name, torch.device(device)) == dtype  # type: ignore[arg-type]


def test_precisions_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match=r"AMX or AVX512-BF16.*'float32'"):
        resolve_precision("bfloat16", torch.device("cpu"))
    with pytest.raises(ValueError, match="'half'; choose one of 'auto', 'float32', 'bfloat16'"):
        resolve_precision("half", torch.device("cpu"))  # type: ignore[arg-type]


def test_bfloat16_gives_nearly_the_same_as_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)  # slow where it is not so, but right
    torch.manual_seed(0)
    network = nn.Conv2d(3, 2, 3)
    images = pictures(1, 16, 16)
    exact, rough = (TorchRuntime(network, "cpu", precision)(images) for precision in ("float32", "bfloat16"))
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_cpu() -> None:
    torch.manual_seed(0)
    network = HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)
    images = pictures(2, 64, 64)
    on_cpu = TorchRuntime(network, "cpu")(images)
    on_cuda = TorchRuntime(network, "cuda", "float32")(images)
    np.testing.assert_allclose(on_cuda, on_cpu, atol=0.02 * np.abs(on_cpu).max())  # TF32


def test_recorded_network_input_and_heatmaps() -> None:
    golden = np.load(shared("data/golden/pipeline.npz"))
    crops = torch.from_numpy(golden["crop"]).permute(0, 3, 1, 2)
    np.testing.assert_allclose(Normalize()(crops), golden["net_input"], rtol=0, atol=1e-5)
    network = HRNet(17, widths=(8, 16, 32, 64))
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as weights:
        network.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    heatmaps = TorchRuntime(network, "cpu")(golden["crop"])
    np.testing.assert_allclose(heatmaps, golden["heatmaps"], rtol=0, atol=5e-4)
