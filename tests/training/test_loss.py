from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from shared_data import shared

from pose_track.datasets.people import centre_targets
from pose_track.models.centre import cell_centres
from pose_track.training.loss import centre_boxes, centre_focal, centre_loss, joints_mse


@pytest.mark.parametrize("size", ["48x64", "72x96"])
def test_joints_mse_is_the_recorded_one(size: str) -> None:
    recorded = json.loads(shared("data/golden/loss.json").read_text())[size]
    decode, target = np.load(shared("data/golden/decode.npz")), np.load(shared("data/golden/target.npz"))
    n = recorded["n"]

    def of(arrays: np.lib.npyio.NpzFile, start: str) -> torch.Tensor:
        (key,) = [key for key in arrays.files if key.startswith(start)]
        return torch.from_numpy(arrays[key][:n])

    heatmaps, targets = of(decode, f"heatmaps_{size}"), of(target, f"target_{size}")
    weights = of(target, f"target_weight_{size}").reshape(n, -1)
    assert joints_mse(heatmaps, targets, weights).item() == pytest.approx(recorded["mse"], rel=1e-6)
    everything = torch.ones_like(weights)
    assert joints_mse(heatmaps, targets, everything).item() == pytest.approx(recorded["mse_no_weight"], rel=1e-6)


def test_joints_mse_by_hand() -> None:
    """Errors of 2 in one of two joints of one of two people, 4 cells each: 0.5 * 4 * 4 / 16."""
    heatmaps, targets = torch.zeros(2, 2, 2, 2), torch.zeros(2, 2, 2, 2)
    heatmaps[0, 1] = 2
    assert joints_mse(heatmaps, targets, torch.ones(2, 2)).item() == 0.5
    assert joints_mse(heatmaps, targets, torch.tensor([[1.0, 0.0], [1.0, 1.0]])).item() == 0


BOXES = np.array([[10, 20, 50, 100], [60, 30, 120, 110]], float)
HEAT, WHERE, WEIGHT = (torch.from_numpy(part)[None] for part in centre_targets(BOXES, (16, 16)))
KNOWN = torch.ones_like(HEAT)


def perfect_output() -> torch.Tensor:
    """What a network would give that is sure of the centres and measures every box right."""
    sides = torch.cat([cell_centres(16, 16) - WHERE[0, :2], WHERE[0, 2:] - cell_centres(16, 16)])
    return torch.cat([torch.where(HEAT == 1, 20.0, -20.0), sides], dim=0)[None]


def test_a_perfect_detector_has_no_loss() -> None:
    assert (HEAT == 1).sum() == 2
    output = perfect_output()
    assert centre_loss(output, HEAT, WHERE, WEIGHT, KNOWN).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "channel_and_change",
    [(0, -30.0), (0, 25.0), (1, 10.0), (4, -10.0)],
    ids=["missed centres", "false centres", "too far left", "too short"],
)
def test_each_fault_costs(channel_and_change: tuple[int, float]) -> None:
    channel, change = channel_and_change
    output = perfect_output()
    output[:, channel] += change
    assert centre_loss(output, HEAT, WHERE, WEIGHT, KNOWN).item() > 0.1


def test_unknown_cells_cost_nothing() -> None:
    output = perfect_output()
    output[:, 0, 14, 14] = 20.0
    known = KNOWN.clone()
    assert centre_focal(output[:, 0], HEAT, known).item() > 1
    known[:, 14, 14] = 0
    assert centre_focal(output[:, 0], HEAT, known).item() == pytest.approx(0, abs=1e-4)


def test_cells_near_a_centre_cost_less_than_far_ones() -> None:
    logits = torch.full((1, 1, 3), 2.0, requires_grad=True)
    centre_focal(logits, torch.tensor([[[1.0, 0.7, 0.0]]]), torch.ones(1, 1, 3)).backward()
    assert logits.grad is not None
    at_peak, near, far = logits.grad[0, 0].tolist()
    assert at_peak < 0 < near < far / 20


def test_pictures_without_people() -> None:
    nothing = torch.zeros(1, 16, 16)
    output = torch.cat([torch.full((1, 1, 16, 16), -20.0), torch.ones(1, 4, 16, 16)], dim=1).requires_grad_()
    loss = centre_loss(output, nothing, torch.zeros(1, 4, 16, 16), nothing, KNOWN)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()


def test_box_loss_is_a_weighted_mean() -> None:
    """One cell is right, one's box (twice as high, area 2 : 1) has IoU 1/2; weights 1 and 3."""
    middle = cell_centres(1, 2)
    sides = torch.full((1, 4, 1, 2), 8.0)
    boxes = torch.cat([middle - 8, middle + 8])[None]
    boxes[0, 3, 0, 1] += 16
    loss = centre_boxes(sides, boxes, torch.tensor([[[1.0, 3.0]]]))
    assert loss.item() == pytest.approx(3 / 4 * 0.5, abs=1e-5)
