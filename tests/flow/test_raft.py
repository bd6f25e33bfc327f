from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made_images import texture_image
from torch import Tensor, nn
from torchvision.models import get_model

from pose_track.flow.optical_flow import OpticalFlow, make_flow
from pose_track.flow.raft import Raft, build_network

NAME = "raft_small"


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    built: nn.Module = get_model(NAME, weights=None)
    return built


class Shifts(nn.Module):
    """A network whose flow is the column in x, and the brightness of the first picture in y; it keeps its inputs."""

    def forward(self, before: Tensor, after: Tensor) -> list[Tensor]:
        self.seen = before, after
        columns = torch.arange(before.shape[3], dtype=torch.float32).expand(before.shape[2], -1)
        return [torch.zeros(1), torch.stack([columns, before[0].mean(dim=0)])[None]]


def test_pictures_are_scaled_padded_and_cropped_again() -> None:
    network = Shifts()
    before, after = np.full((30, 203, 3), 255, np.uint8), np.zeros((30, 203, 3), np.uint8)
    after[-1, :, 0] = 255
    moved = Raft(network, "cpu")(before, after)(np.array([[100.0, 3.0], [500.0, 29.0]]))
    assert moved.tolist() == [[200, 4], [500 + 202, 30]]  # the field ends with the picture
    assert [tuple(x.shape) for x in network.seen] == [(1, 3, 128, 208)] * 2
    assert (network.seen[0] == 1).all()
    assert (network.seen[1][0, 0, 29:] == 1).all()  # the last row, repeated
    assert (network.seen[1][0, 1:] == -1).all()


@pytest.mark.parametrize("size", [(136, 129), (40, 200)])
def test_a_random_network_runs_at_any_size(network: nn.Module, size: tuple[int, int]) -> None:
    flow = OpticalFlow(Raft(network, "cpu"), 512, 2.0)
    image = texture_image(size)
    flow.advance(image)
    moved, trust = flow.advance(np.roll(image, 2, axis=1)).move(np.array([[10, 12], [-3, 5]], np.float32))
    assert np.isfinite(moved).all()
    assert ((trust >= 0) & (trust <= 1)).all()
    assert moved[1].tolist() == [-3, 5]


def test_weights_of_a_file(network: nn.Module, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "random.pth")
    state = build_network(NAME, str(tmp_path / "random.pth")).state_dict()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    flow = make_flow(NAME, 128, weights=str(tmp_path / "random.pth"), device="cpu")
    flow.advance(texture_image((60, 40)))
    assert flow.advance(texture_image((60, 40))).move([[9, 9]])[0].shape == (1, 2)
    with pytest.raises(ValueError, match="does not fit the network"):
        build_network("raft_large", str(tmp_path / "random.pth"))
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        build_network(NAME, str(tmp_path / "none.pth"))


def test_a_network_needs_its_weights() -> None:
    with pytest.raises(ValueError, match="flow method 'raft_small' needs a file of weights; give one, or choose dis"):
        make_flow(NAME)


def test_a_page_in_place_of_weights(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_bytes(b"<!DOCTYPE html><html>log in</html>")
    with pytest.raises(ValueError, match=r"page\.pth") as caught:
        make_flow(NAME, weights=tmp_path / "page.pth")
    assert "\n" not in str(caught.value)


def test_other_devices(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        Raft(network, "gpu")
