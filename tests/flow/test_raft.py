"""RAFT, with random networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from flow.synthetic_images import texture_image
from torch import Tensor, nn
from torchvision.models import get_model

from pose_track.flow.optical_flow import OpticalFlow, build_flow
from pose_track.flow.raft import Raft, build_network

NAME = "raft_small"


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = get_model(NAME, weights=None)
    return built


class Shifts(nn.Module):
    """A network whose flow is the column in x and the brightness of the first image in y; it records its inputs."""

    def forward(self, before: Tensor, after: Tensor) -> list[Tensor]:
        self.inputs = before, after
        columns = torch.arange(before.shape[3], dtype=torch.float32).expand(before.shape[2], -1)
        return [torch.zeros(1), torch.stack([columns, before[0].mean(dim=0)])[None]]


def test_images_are_normalised_and_padded_and_the_field_is_cropped() -> None:
    network = Shifts()
    before, after = np.full((30, 203, 3), 255, np.uint8), np.zeros((30, 203, 3), np.uint8)
    after[-1, :, 0] = 255
    warped = Raft(network, "cpu")(before, after)(np.array([[100.0, 3.0], [500.0, 29.0]]))
    assert warped.tolist() == [[200, 4], [500 + 202, 30]]  # beyond the image the field's border values continue
    assert [tuple(x.shape) for x in network.inputs] == [(1, 3, 128, 208)] * 2
    assert (network.inputs[0] == 1).all()
    assert (network.inputs[1][0, 0, 29:] == 1).all()  # the last row, repeated
    assert (network.inputs[1][0, 1:] == -1).all()


@pytest.mark.parametrize("size", [(136, 129), (40, 200)])
def test_a_network_runs_at_any_size(network: nn.Module, size: tuple[int, int]) -> None:
    flow = OpticalFlow(Raft(network, "cpu"), 512, 2.0)
    image = texture_image(size)
    flow.advance(image)
    warped, confidence = flow.advance(np.roll(image, 2, axis=1)).warp(np.array([[10, 12], [-3, 5]], np.float32))
    assert np.isfinite(warped).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert warped[1].tolist() == [-3, 5]


def test_weights_of_a_file(network: nn.Module, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "random.pth")
    state = build_network(NAME, str(tmp_path / "random.pth")).state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    flow = build_flow(NAME, 128, weights=str(tmp_path / "random.pth"), device="cpu")
    flow.advance(texture_image((60, 40)))
    assert flow.advance(texture_image((60, 40))).warp([[9, 9]])[0].shape == (1, 2)
    with pytest.raises(ValueError, match=r"random\.pth"):
        build_network("raft_large", str(tmp_path / "random.pth"))
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        build_network(NAME, str(tmp_path / "none.pth"))


def test_a_network_needs_its_weights() -> None:
    with pytest.raises(ValueError, match=r"'raft_small'.* weights"):
        build_flow(NAME)


def test_a_web_page_in_place_of_weights(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_bytes(b"<!DOCTYPE html><html>log in</html>")
    with pytest.raises(ValueError, match=r"page\.pth") as caught:
        build_flow(NAME, weights=tmp_path / "page.pth")
    assert "\n" not in str(caught.value)


def test_other_devices(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="'gpu'"):
        Raft(network, "gpu")
