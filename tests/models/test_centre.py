"""The person detector's network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pose_track.models.centre import CentreNet, enlarge

SMALL = {"widths": (4, 8, 16, 32), "num_modules": (1, 1, 2), "num_blocks": 1}


@pytest.fixture
def network() -> CentreNet:
    torch.manual_seed(0)
    return CentreNet(**SMALL).eval()  # type: ignore[arg-type]


def test_branches_have_the_stated_widths_and_strides(network: CentreNet) -> None:
    branches = network.branches(torch.randn(2, 3, 64, 128))
    sizes = [(width, 64 // s, 128 // s) for width, s in zip(network.branch_widths, network.branch_strides, strict=True)]
    assert [tuple(branch.shape[1:]) for branch in branches] == sizes


def test_the_output_is_that_of_the_branches(network: CentreNet) -> None:
    x = torch.randn(1, 3, 64, 64)
    output = network(x)
    assert output.shape == (1, 5, 8, 8)
    assert torch.equal(output, network.predict(network.branches(x)))
    assert (output[:, 1:] > 0).all()


def test_every_coarser_branch_reaches_the_output(network: CentreNet) -> None:
    """Without passing through the last exchange; the pyramid starts at zero."""
    for layer in network.lateral:
        nn.init.normal_(layer.weight)  # type: ignore[arg-type]
    network.trunk.last_exchange = lambda branches: branches[0]  # type: ignore[method-assign]
    branches = network.branches(torch.randn(1, 3, 64, 64))
    output = network.predict(branches)
    for changed in range(1, 4):
        others = [branch + (number == changed) for number, branch in enumerate(branches)]
        assert not torch.allclose(network.predict(others), output)


def test_an_enlarged_ramp_stays_a_ramp() -> None:
    """Away from the border, where distances to a side of a box have to be one."""
    ramp = enlarge(2 * torch.arange(8.0).expand(1, 1, 8, 8))[0, 0, 4, 2:-2]
    torch.testing.assert_close(ramp.diff(), torch.ones(11))
