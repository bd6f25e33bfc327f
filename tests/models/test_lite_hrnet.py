"""Lite-HRNet: the outputs of the published code on a small network, and what the published sizes are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pose_track.models.hrnet import HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel
from pose_track.models.lite_hrnet import LiteHRNet, LiteHRNetTrunk, build_lite_hrnet
from pose_track.models.lite_hrnet_config import LITE_HRNET_CONFIGS, LiteHRNetName
from pose_track.runtime.torch_runtime import fold_batch_norms

SMALL = {"widths": (8, 16, 32, 64), "num_modules": (1, 2, 1), "stem_channels": 8}

# Of MMPose 1.3.2, mmpose/models/backbones/litehrnet.py, with the weights and the image below: parameters, mean and
# standard deviation of the heatmaps, and the first four cells of the fourth row of each
RECORDED = {
    True: (33_527, 0.492544, 0.359231, [
        [1.029, 1.0087, 0.9838, 0.91], [0.9845, 0.974, 0.9511, 0.8961], [0.7661, 0.7701, 0.7594, 0.748]
    ]),
    False: (37_599, 0.585792, 0.252849, [
        [0.7849, 1.0697, 0.9499, 1.012], [0.9304, 1.1169, 1.013, 1.0627], [0.9263, 0.9308, 0.8894, 0.9044]
    ]),
}  # fmt: skip


def small(weighting: bool = True) -> LiteHRNet:
    return LiteHRNet(3, **SMALL, weighting=weighting).eval()  # type: ignore[arg-type]


@torch.no_grad()
def fill(network: nn.Module) -> None:
    """Weights of a formula, such that no unit is always 0 and no layer explodes."""
    for number, (name, value) in enumerate(sorted(network.state_dict().items())):
        if value.is_floating_point():
            wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 0.7 + number).view(value.shape)
            if name.endswith("running_var"):
                value.copy_(1 + 0.5 * wave)
            elif value.ndim == 4:
                value.copy_(wave * math.sqrt(2 / value[0].numel()))
            else:
                value.copy_(0.7 + 0.2 * wave if name.endswith("weight") else 0.6 + 0.1 * wave)


@pytest.mark.parametrize("weighting", [True, False], ids=["lite", "naive"])
@torch.inference_mode()
def test_heatmaps_of_the_published_code(weighting: bool) -> None:
    network = small(weighting)
    fill(network)
    image = torch.sin(torch.arange(3 * 64 * 32, dtype=torch.float64) * 0.05).view(1, 3, 64, 32).float()
    heatmaps = network(image)
    parameters, mean, deviation, cells = RECORDED[weighting]
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert heatmaps.shape == (1, 3, 16, 8)
    assert heatmaps.mean().item() == pytest.approx(mean, abs=1e-5)
    assert heatmaps.std().item() == pytest.approx(deviation, abs=1e-5)
    torch.testing.assert_close(heatmaps[0, :, 3, :4], torch.tensor(cells), atol=1e-4, rtol=0)


# parameters and GFLOPs (multiply-adds) at 256x192 in table 2 of the paper, in millions
PUBLISHED: dict[LiteHRNetName, tuple[float, float]] = {
    "naive_lite_hrnet_18": (0.7, 194.8),
    "wider_naive_lite_hrnet_18": (1.3, 311.1),
    "lite_hrnet_18": (1.1, 205.2),
    "lite_hrnet_30": (1.8, 319.2),
}


@pytest.mark.parametrize("name", LITE_HRNET_CONFIGS)
def test_published_sizes(name: LiteHRNetName) -> None:
    with torch.device("meta"):
        network = build_lite_hrnet(LITE_HRNET_CONFIGS[name], 17).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 256, 192, device="meta"))
    parameters, mflops = PUBLISHED[name]
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(parameters, abs=0.07)
    assert counter.get_total_flops() / 2e6 == pytest.approx(mflops, rel=0.05)
    assert LITE_HRNET_CONFIGS[name].name == name


@pytest.mark.parametrize("weighting", [True, False], ids=["lite", "naive"])
def test_every_parameter_is_used_and_batches_do_not_mix(weighting: bool) -> None:
    torch.manual_seed(0)
    network = small(weighting)
    fill(network)
    images = torch.randn(2, 3, 64, 32)
    together = network(images)
    torch.testing.assert_close(together[1:], network(images[1:]), atol=1e-5, rtol=1e-4)
    together.square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_it_learns_from_its_initial_weights() -> None:
    """A spot that lies where the image is bright is found after some steps of Adam."""
    torch.manual_seed(0)
    network = LiteHRNet(1, **SMALL)  # type: ignore[arg-type]
    images, targets = torch.zeros(8, 3, 32, 32), torch.zeros(8, 1, 8, 8)
    for n in range(8):
        images[n, :, 4 * n : 4 * n + 4, 12:16] = 3
        targets[n, 0, n, 3] = 1
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(20):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@torch.inference_mode()
def test_embeddings_are_those_of_the_stem() -> None:
    torch.manual_seed(0)
    network = small()
    fill(network)
    images = torch.randn(1, 3, 64, 32)
    heatmaps, appearance = HRNetWithEmbedding(network)(images)
    torch.testing.assert_close(heatmaps, network(images), rtol=0, atol=0)
    assert appearance.shape == (1, 8, 16, 8)
    assert (appearance >= 0).all()
    assert appearance.any()
    assert isinstance(network, LiteHRNetTrunk)


@torch.inference_mode()
def test_batch_norms_fold_into_the_convolutions() -> None:
    network = small()
    fill(network)
    images = torch.randint(0, 256, (2, 64, 32, 3), dtype=torch.uint8)
    model = InferenceModel(network)
    torch.testing.assert_close(fold_batch_norms(model)(images), model(images), atol=1e-4, rtol=1e-4)
