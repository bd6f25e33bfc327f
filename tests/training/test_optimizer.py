from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_tasks import SMALL, assert_equal
from torch import nn

from pose_track.models.hrnet import HRNet
from pose_track.training.muon import MuonAdamW, orthogonalize
from pose_track.training.optimizer import learning_rate_at, make_optimizer
from pose_track.training.options import OptimizerOptions

COSINE = OptimizerOptions(learning_rate=1.0, warmup_samples=100)


def rates(options: OptimizerOptions) -> list[float]:
    """The learning rates of a run of 1,000 samples in steps of 10 and ten epochs."""
    return [learning_rate_at(seen, 100, 1000, options) for seen in range(0, 1001, 10)]


def test_half_a_cosine_after_the_warm_up() -> None:
    values = rates(COSINE)
    assert values[0] == pytest.approx(0.01)
    assert values[5] == pytest.approx(0.51, abs=0.01)
    assert np.argmax(values) == 10
    assert values[50] == pytest.approx(0.505)  # halfway from 1 to 0.01
    assert values[100] == pytest.approx(0.01)
    assert (np.diff(values[10:]) < 0).all()
    assert rates(replace(COSINE, warmup_samples=0))[0] == 1.0
    assert rates(replace(COSINE, final_share=0.5))[100] == 0.5


def test_steps_at_milestones_in_epochs() -> None:
    values = rates(OptimizerOptions(learning_rate=1.0, schedule="steps", milestones=(5, 7.5), gamma=0.5))
    assert values[:50] == [1.0] * 50
    assert values[50:75] == [0.5] * 25
    assert values[75:] == [0.25] * 26


def test_constant_rate_after_the_warm_up() -> None:
    values = rates(replace(COSINE, schedule="constant"))
    assert values[0] < 0.1
    assert values[10:] == [1.0] * 91
    cooled_values = rates(replace(COSINE, schedule="constant", cooldown=0.5))
    assert cooled_values[10:51] == [1.0] * 41
    assert cooled_values[75] == pytest.approx(0.5)
    assert cooled_values[100] == 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
        ({"warmup_samples": -1}, "warmup_samples must not be negative"),
        ({"final_share": 1.5}, "final_share must be between 0 and 1"),
        ({"gamma": -0.1}, "gamma must be between 0 and 1"),
        ({"name": "adam", "weight_decay": 0.1}, "weight_decay has no effect on adam"),
        ({"milestones": (3,)}, "milestones .*'steps'"),
        ({"cooldown": 0.5}, "cooldown .*'constant'.*'cosine'"),
        ({"schedule": "steps"}, "milestones .*'steps'"),
        ({"schedule": "steps", "milestones": (3, 2)}, "milestones must rise"),
    ],
)
def test_invalid_options(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(OptimizerOptions(), **change)


def network() -> HRNet:
    torch.manual_seed(0)
    return HRNet(2, **SMALL, stem_blocks=1, stem_channels=8)


def moved_without_gradient(options: OptimizerOptions) -> dict[str, float]:
    """The relative change of the weights by a step with zero gradients."""
    net = network()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    make_optimizer(net, options).step()
    return {
        name: float((before[name] - p.detach()).norm() / (before[name].norm() + 1e-9))
        for name, p in net.named_parameters()
    }


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_decay_acts_on_convolutions_alone(name: Any) -> None:
    moved = moved_without_gradient(OptimizerOptions(name=name, learning_rate=0.1, weight_decay=0.5))
    shapes = {key: p.ndim for key, p in network().named_parameters()}
    assert {round(moved[key], 4) for key in moved if shapes[key] > 1} == {0.05}
    assert {moved[key] for key in moved if shapes[key] <= 1} == {0.0}


def test_published_adam_does_not_decay() -> None:
    assert set(moved_without_gradient(OptimizerOptions(name="adam", learning_rate=0.1)).values()) == {0.0}


def test_orthogonalize_keeps_directions() -> None:
    torch.manual_seed(0)
    for shape in ((6, 20), (20, 6), (8, 8)):
        matrix = torch.randn(shape)
        result = orthogonalize(matrix)
        assert result.shape == shape
        assert (torch.linalg.svdvals(result) - 1).abs().max() < 0.35
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        assert torch.nn.functional.cosine_similarity(result.flatten(), (u @ v).flatten(), dim=0) > 0.97


def test_muon_moves_convolutions_as_far_as_adamw_would() -> None:
    net = network()
    options = OptimizerOptions(name="muon", learning_rate=0.01)
    optimizer = make_optimizer(net, options)
    assert isinstance(optimizer, MuonAdamW)
    weights = [p for p in net.parameters() if p.ndim > 1]
    assert {id(p) for p in optimizer.param_groups[0]["params"]} == {id(p) for p in weights[1:-1]}
    for p in net.parameters():
        p.grad = torch.randn_like(p)
    before = [p.detach().clone() for p in weights]
    optimizer.step()
    moved = [float((a - b).square().mean().sqrt()) for a, b in zip(before, weights, strict=True)]
    assert all(0.0014 < length < 0.003 for length in moved[1:-1])  # 0.2 times the rate
    assert moved[0] == pytest.approx(0.01, rel=0.05)  # the first step of Adam is its rate
    assert moved[-1] == pytest.approx(0.01, rel=0.05)


def descend(optimizer: torch.optim.Optimizer, net: nn.Module, steps: int) -> None:
    x = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    for _ in range(steps):
        optimizer.zero_grad()
        (net(x) - 1).square().mean().backward()
        optimizer.step()


def test_loaded_muon_continues_exactly(tmp_path: Path) -> None:
    options = OptimizerOptions(name="muon", learning_rate=0.01, weight_decay=0.1)
    uninterrupted = network().eval()
    descend(make_optimizer(uninterrupted, options), uninterrupted, 4)

    resumed = network().eval()
    first = make_optimizer(resumed, options)
    descend(first, resumed, 2)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = make_optimizer(resumed, options)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    descend(second, resumed, 2)
    assert_equal(dict(uninterrupted.state_dict()), dict(resumed.state_dict()))


def newton_schulz(matrix: torch.Tensor) -> torch.Tensor:
    """Five steps as in Jordan's article: each multiplies the wide matrix itself."""
    wide = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * gram + 2.0315 * gram @ gram) @ wide
    return wide


def test_orthogonalize_equals_the_iteration_on_the_whole_matrix() -> None:
    torch.manual_seed(0)
    of_full_rank, of_rank_two = torch.randn(3, 8, 40), torch.randn(3, 8, 2) @ torch.randn(3, 2, 40)
    for matrices in (of_full_rank, of_rank_two + 1e-4 * of_full_rank):
        expected = torch.stack([newton_schulz(matrix.double()) for matrix in matrices])
        assert torch.allclose(orthogonalize(matrices).double(), expected, atol=1e-3)
        assert torch.allclose(orthogonalize(matrices.mT).double(), expected.mT, atol=1e-3)
    assert not orthogonalize(torch.zeros(2, 3, 4)).any()


def test_muon_moves_each_weight_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last) for _ in range(3)]
    weights.append(torch.randn(6, 4, 1, 1))
    gradients = [torch.randn_like(weight) for weight in weights]

    def moved(chosen: list[int]) -> list[torch.Tensor]:
        parameters = [nn.Parameter(weights[i].clone()) for i in chosen]
        for parameter, i in zip(parameters, chosen, strict=True):
            parameter.grad = gradients[i].clone()
        optimizer = MuonAdamW(parameters, [{"params": [nn.Parameter(torch.zeros(2))]}], lr=0.1, weight_decay=0.1)
        optimizer.step()
        optimizer.step()
        return [parameter.detach() for parameter in parameters]

    for i, together in enumerate(moved([0, 1, 2, 3])):
        assert torch.allclose(together, moved([i])[0], atol=1e-6)
