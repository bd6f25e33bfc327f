from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from shared_data import shared

from pose_track.datasets.detection import centre_targets
from pose_track.models.centre import cell_centres
from pose_track.models.heatmaps import gaussian_targets
from pose_track.structures.skeleton import COCO_17
from pose_track.training.loss import (
    centre_boxes,
    centre_focal,
    centre_loss,
    joint_weights,
    joints_mse,
    joints_ohkm,
)


@pytest.mark.parametrize("size", ["48x64", "72x96"])
def test_recorded_losses(size: str) -> None:
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
    assert joints_ohkm(heatmaps, targets, weights).item() == pytest.approx(recorded["ohkm_topk8"], rel=1e-6)
    weighted = of(target, f"target_weight_joint_weighted_{size}").reshape(n, -1)
    torch.testing.assert_close(weights * joint_weights(COCO_17), weighted, rtol=0, atol=0)


def test_joints_mse_by_hand() -> None:
    """Errors of 2 in one of two joints of one of two people, 4 cells each: 0.5 * 4 * 4 / 16."""
    heatmaps, targets = torch.zeros(2, 2, 2, 2), torch.zeros(2, 2, 2, 2)
    heatmaps[0, 1] = 2
    assert joints_mse(heatmaps, targets, torch.ones(2, 2)).item() == 0.5
    assert joints_mse(heatmaps, targets, torch.tensor([[1.0, 0.0], [1.0, 1.0]])).item() == 0


def test_ohkm_uses_the_hardest_joints_of_each_person() -> None:
    """Errors of 1 to 3 in the joints of one person, 0 in those of the other: 0.5 * (9 + 4) / 4."""
    heatmaps = torch.zeros(2, 3, 2, 2)
    heatmaps[0] = torch.tensor([1.0, 3.0, 2.0])[:, None, None]
    loss = joints_ohkm(heatmaps, torch.zeros(2, 3, 2, 2), torch.ones(2, 3), hardest=2)
    assert loss.item() == pytest.approx(0.5 * 13 / 4)
    few = joints_ohkm(heatmaps, torch.zeros(2, 3, 2, 2), torch.ones(2, 3), hardest=8)
    assert few.item() == pytest.approx(joints_mse(heatmaps, torch.zeros(2, 3, 2, 2), torch.ones(2, 3)).item())


def gaussian_maps(
    *joints: tuple[float, float], labelled: tuple[float, ...] = (1, 1)
) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets (1, K, 16, 12) and weights (1, K) of joints in cells."""
    targets, weights = gaussian_targets("dark", np.array(joints), np.array(labelled), (12, 16), sigma=1)
    return torch.from_numpy(targets)[None], torch.from_numpy(weights)[None]


@pytest.mark.parametrize("loss", [joints_mse, joints_ohkm])
def test_half_batches_average_to_the_batch(loss: Callable[..., torch.Tensor]) -> None:
    """Even if the labelled joints are distributed unevenly, so that several processes train like one."""
    generator = torch.Generator().manual_seed(0)
    heatmaps, targets = (torch.rand(4, 9, 8, 6, generator=generator) for _ in range(2))
    weights = torch.tensor([[1.0] * 9, [1.5] * 9, [0.0] * 8 + [1.0], [0.0] * 9])
    halves = [loss(heatmaps[half], targets[half], weights[half]).item() for half in (slice(0, 2), slice(2, 4))]
    assert sum(halves) / 2 == pytest.approx(loss(heatmaps, targets, weights).item(), rel=1e-5)
    assert halves[0] > 2 * halves[1]


@pytest.mark.parametrize("loss", [joints_mse, joints_ohkm])
def test_unlabelled_joints_have_no_loss(loss: Callable[..., torch.Tensor]) -> None:
    targets, weights = gaussian_maps((4.0, 7.0), (6.0, 2.0), labelled=(0, 1))
    heatmaps = targets.clone().requires_grad_()
    before = loss(heatmaps, targets, weights)
    before.backward()
    assert heatmaps.grad is not None
    assert not heatmaps.grad[0, 0].any()
    worse = targets.clone()
    worse[0, 0] += 10 * torch.arange(12)
    assert loss(worse, targets, weights).item() == before.item()


BOXES = np.array([[10, 20, 50, 100], [60, 30, 120, 110]], float)
HEAT, CELL_BOXES, WEIGHT = (torch.from_numpy(part)[None] for part in centre_targets(BOXES, (16, 16)))
ALL_CELLS = torch.ones_like(HEAT)


def perfect_output() -> torch.Tensor:
    """The output of a network with confident centres and exact boxes."""
    sides = torch.cat([cell_centres(16, 16) - CELL_BOXES[0, :2], CELL_BOXES[0, 2:] - cell_centres(16, 16)])
    return torch.cat([torch.where(HEAT == 1, 20.0, -20.0), sides], dim=0)[None]


def test_a_perfect_detector_has_no_loss() -> None:
    assert (HEAT == 1).sum() == 2
    output = perfect_output()
    assert centre_loss(output, HEAT, CELL_BOXES, WEIGHT, ALL_CELLS).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "channel_and_change",
    [(0, -30.0), (0, 25.0), (1, 10.0), (4, -10.0)],
    ids=["missed centres", "false centres", "too far left", "too short"],
)
def test_each_error_increases_the_loss(channel_and_change: tuple[int, float]) -> None:
    channel, change = channel_and_change
    output = perfect_output()
    output[:, channel] += change
    assert centre_loss(output, HEAT, CELL_BOXES, WEIGHT, ALL_CELLS).item() > 0.1


def test_ignored_cells_have_no_loss() -> None:
    output = perfect_output()
    output[:, 0, 14, 14] = 20.0
    known = ALL_CELLS.clone()
    assert centre_focal(output[:, 0], HEAT, known).item() > 1
    known[:, 14, 14] = 0
    assert centre_focal(output[:, 0], HEAT, known).item() == pytest.approx(0, abs=1e-4)


def test_false_centres_near_a_true_one_have_a_smaller_gradient() -> None:
    logits = torch.full((1, 1, 3), 2.0, requires_grad=True)
    centre_focal(logits, torch.tensor([[[1.0, 0.7, 0.0]]]), torch.ones(1, 1, 3)).backward()
    assert logits.grad is not None
    at_peak, near, far = logits.grad[0, 0].tolist()
    assert at_peak < 0 < near < far / 20


def test_images_without_people() -> None:
    nothing = torch.zeros(1, 16, 16)
    output = torch.cat([torch.full((1, 1, 16, 16), -20.0), torch.ones(1, 4, 16, 16)], dim=1).requires_grad_()
    loss = centre_loss(output, nothing, torch.zeros(1, 4, 16, 16), nothing, ALL_CELLS)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()


def test_box_loss_is_a_weighted_mean() -> None:
    """One cell is exact, the other's box is twice as high and has IoU 1/2; the weights are 1 and 3."""
    middle = cell_centres(1, 2)
    sides = torch.full((1, 4, 1, 2), 8.0)
    boxes = torch.cat([middle - 8, middle + 8])[None]
    boxes[0, 3, 0, 1] += 16
    loss = centre_boxes(sides, boxes, torch.tensor([[[1.0, 3.0]]]))
    assert loss.item() == pytest.approx(3 / 4 * 0.5, abs=1e-5)
