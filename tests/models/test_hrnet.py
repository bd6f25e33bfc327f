from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from shared_data import shared
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pose_track.models.hrnet import HRNet, HRNetWithEmbedding, hrnet_compact, hrnet_w32, hrnet_w48


def hrnet_tiny_w8(num_joints: int = 17) -> HRNet:
    return HRNet(num_joints, widths=(8, 16, 32, 64))


BUILDERS = {"hrnet_w32": hrnet_w32, "hrnet_w48": hrnet_w48, "hrnet_tiny_w8": hrnet_tiny_w8}
SMALL = {"widths": (4, 8, 16, 32), "num_modules": (1, 1, 1), "num_blocks": 1, "stem_blocks": 1}


def gmacs(network: nn.Module, height: int, width: int) -> float:
    """Multiply-adds of one image, in units of 1e9. The network is on the meta device: nothing is computed."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, height, width, device="meta"))
    return counter.get_total_flops() / 2e9


def count_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def on_meta(name: str) -> HRNet:
    with torch.device("meta"):
        return BUILDERS[name](17).eval()


def test_published_sizes() -> None:
    assert count_parameters(on_meta("hrnet_w32")) == 28_536_113
    assert count_parameters(on_meta("hrnet_w48")) == 63_595_745
    assert gmacs(on_meta("hrnet_w32"), 256, 192) == pytest.approx(7.645, rel=0.01)


def test_compact_size() -> None:
    with torch.device("meta"):
        network = hrnet_compact(15).eval()
    assert 2.5e6 < count_parameters(network) < 4.5e6
    assert gmacs(network, 192, 128) < 0.6
    assert network(torch.zeros(1, 3, 192, 128, device="meta")).shape == (1, 15, 48, 32)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 32), (96, 160)])
def test_heatmaps_have_a_quarter_of_the_size(height: int, width: int) -> None:
    with torch.device("meta"):
        network = HRNet(5, **SMALL).eval()  # type: ignore[arg-type]
    assert network(torch.zeros(2, 3, height, width, device="meta")).shape == (2, 5, height // 4, width // 4)


def test_every_parameter_is_used_and_batches_do_not_mix() -> None:
    torch.manual_seed(0)
    network = HRNet(3, **SMALL).eval()  # type: ignore[arg-type]
    images = torch.randn(2, 3, 64, 32)
    together = network(images)
    torch.testing.assert_close(together[1:], network(images[1:]), atol=1e-5, rtol=1e-4)
    together.square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_heatmaps_start_near_zero() -> None:
    torch.manual_seed(0)
    network = HRNet(40, **SMALL)  # type: ignore[arg-type]
    assert network.final_layer.weight.std().item() == pytest.approx(1e-3, rel=0.3)
    assert not network.final_layer.bias.any()


def test_embeddings_are_local_means_of_the_stem_and_heatmaps_are_unchanged() -> None:
    torch.manual_seed(0)
    network = HRNet(3, **SMALL).eval()  # type: ignore[arg-type]
    images = torch.randn(2, 3, 64, 32)
    heatmaps, appearance = HRNetWithEmbedding(network)(images)
    torch.testing.assert_close(heatmaps, network(images), rtol=0, atol=0)
    stem = network.stem(images)
    assert appearance.shape == stem.shape == (2, 64, 16, 8)
    assert (stem >= 0).all()
    torch.testing.assert_close(appearance[:, :, 5, 3], stem[:, :, 4:7, 2:5].mean(dim=(2, 3)))
    torch.testing.assert_close(
        appearance[:, :, 0, 7], stem[:, :, :2, 6:].mean(dim=(2, 3))
    )  # in a corner: of four cells


def test_embeddings_cost_almost_nothing() -> None:
    with torch.device("meta"):
        network = hrnet_compact(15).eval()
    assert gmacs(HRNetWithEmbedding(network), 192, 128) == gmacs(network, 192, 128)
    assert count_parameters(HRNetWithEmbedding(network)) == count_parameters(network)


def test_stem_cells_are_centred_on_every_fourth_pixel() -> None:
    torch.manual_seed(0)
    network = HRNet(3, **SMALL).eval()  # type: ignore[arg-type]
    image = torch.zeros(1, 3, 64, 64, requires_grad=True)
    network.bn2(network.conv2(network.bn1(network.conv1(image))))[0, :, 7, 5].sum().backward()
    assert image.grad is not None
    rows, cols = (image.grad[0].abs().sum(dim=(0, other)).nonzero().flatten().float() for other in (2, 1))
    assert (rows.mean().item(), cols.mean().item()) == (4 * 7, 4 * 5)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_recorded_names_shapes_and_cost(name: str) -> None:
    recorded = json.loads(shared("data/golden/hrnet_statedict.json").read_text())[name]
    network = on_meta(name)
    state = network.state_dict()
    entries = {(key, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for key, v in state.items()}
    assert entries == {(key, tuple(shape), dtype) for key, shape, dtype in recorded["keys"]}
    assert count_parameters(network) == recorded["num_parameters"]
    assert sum(b.numel() for b in network.buffers()) == recorded["num_buffer_elements"]
    assert gmacs(network, 256, 192) == pytest.approx(recorded["gmacs_256x192"], rel=0.01)
    if name == "hrnet_w48":  # published at this size; one network is enough, the cost grows with the area
        assert gmacs(network, 384, 288) == pytest.approx(recorded["gmacs_384x288"], rel=0.01)


def recorded_tiny() -> HRNet:
    """The tiny network with its recorded weights."""
    network = hrnet_tiny_w8()
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as weights:
        network.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    return network.eval()


@torch.inference_mode()
def test_recorded_heatmaps() -> None:
    golden = np.load(shared("data/golden/hrnet_tiny_io.npz"))
    network = recorded_tiny()
    activations: dict[str, Tensor] = {}

    def record(name: str, outputs: Tensor | list[Tensor]) -> None:
        for branch, output in enumerate([outputs] if isinstance(outputs, Tensor) else outputs):
            activations[f"act_{name}_branch{branch}"] = output[:1]

    for name in ("layer1", "stage2", "stage3", "stage4"):
        getattr(network, name).register_forward_hook(lambda m, i, outputs, name=name: record(name, outputs))
    heatmaps = network(torch.from_numpy(golden["input"]))
    np.testing.assert_allclose(heatmaps, golden["heatmaps"], rtol=0, atol=5e-4)
    activations["act_layer1_first4ch"] = activations.pop("act_layer1_branch0")[:, :4]
    recorded = {key for key in golden.files if key.startswith("act_")}
    assert recorded <= activations.keys()
    for key in recorded:
        np.testing.assert_allclose(activations[key], golden[key], rtol=0, atol=3e-3, err_msg=key)


@torch.inference_mode()
def test_recorded_heatmaps_in_double_precision() -> None:
    golden = np.load(shared("data/golden/hrnet_tiny_io.npz"))
    heatmaps = recorded_tiny().double()(torch.from_numpy(golden["input"]).double())
    np.testing.assert_allclose(heatmaps, golden["heatmaps_float64"], rtol=0, atol=1e-9)
