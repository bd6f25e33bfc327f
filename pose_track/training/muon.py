"""Muon: an optimizer whose momentum matrices are orthogonalised before each update (Jordan et al., "Muon", 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients; final singular values lie between 0.7 and 1.2


def orthogonalize(matrix: Tensor, num_steps: int = 5) -> Tensor:
    """The matrix (m, n) with all singular values near 1, by Newton-Schulz iterations.

    >>> (torch.linalg.svdvals(orthogonalize(torch.diag(torch.tensor([5.0, 1.0, 0.1])))) - 1).abs().max() < 0.35
    tensor(True)
    """
    a, b, c = _QUINTIC
    wide: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = wide.shape[0] > wide.shape[1]
    if tall:
        wide = wide.T
    for _ in range(num_steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * (gram @ gram)) @ wide
    return wide.T if tall else wide


class MuonAdamW(torch.optim.Optimizer):
    """Muon for matrices, AdamW for all other parameters, under one learning rate.

    A step of Muon is as long as AdamW's usually is, 0.2 a weight times the rate (Liu et al., "Muon is scalable for LLM
    training", arXiv:2502.16982, equation 4).

    Args:
        matrices: weights of two or more dimensions, taken as matrices (first, all others).
        others: AdamW's parameter groups.
        lr: the learning rate of both.
        weight_decay: of the matrices.
    """

    def __init__(self, matrices: Iterable[Tensor], others: list[dict[str, Any]], lr: float, weight_decay: float = 0.0):
        self._adam = torch.optim.AdamW(others, lr=lr)
        muon = {"params": list(matrices), "lr": lr, "weight_decay": weight_decay, "momentum": 0.95}
        super().__init__([muon, *self._adam.param_groups], {})
        self._share_state()

    def _share_state(self) -> None:
        """Let AdamW use this object's groups and state, so that both are saved and loaded together."""
        self._adam.param_groups, self._adam.state = self.param_groups[1:], self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share_state()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient. A closure is not supported."""
        self._adam.step()
        group = self.param_groups[0]
        for weight in group["params"]:
            if weight.grad is not None:
                self._update(weight, group)

    def _update(self, weight: Tensor, group: dict[str, Any]) -> None:
        momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        momentum.mul_(group["momentum"]).add_(weight.grad)
        direction = weight.grad + group["momentum"] * momentum  # Nesterov momentum
        update = orthogonalize(direction.reshape(len(weight), -1)).reshape(weight.shape)
        length = 0.2 * max(len(weight), weight[0].numel()) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * length)
