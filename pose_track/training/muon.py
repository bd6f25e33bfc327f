"""Muon: momentum whose matrices are made orthogonal before they move the weights (Jordan et al., "Muon", 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients: singular values end between 0.7 and 1.2


def orthogonalize(matrix: Tensor, num_steps: int = 5) -> Tensor:
    """The matrix (m, n) with all its singular values brought near to 1, by Newton-Schulz iterations.

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

    matrices: weights of two or more dimensions, seen as (first, all others). others: AdamW's parameter groups. A step
    of Muon is as long as AdamW's usually is, 0.2 a weight times the rate (Liu et al., "Muon is scalable for LLM
    training", arXiv:2502.16982, equation 4).
    """

    def __init__(self, matrices: Iterable[Tensor], others: list[dict[str, Any]], lr: float, weight_decay: float = 0.0):
        self._adam = torch.optim.AdamW(others, lr=lr)
        muon = {"params": list(matrices), "lr": lr, "weight_decay": weight_decay, "momentum": 0.95}
        super().__init__([muon, *self._adam.param_groups], {})
        self._share()

    def _share(self) -> None:
        """AdamW works on this object's own groups and state, so that saving and loading is one for both."""
        self._adam.param_groups, self._adam.state = self.param_groups[1:], self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient. A closure is not supported."""
        self._adam.step()
        group = self.param_groups[0]
        for weight in group["params"]:
            if weight.grad is not None:
                self._move(weight, group)

    def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
        momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        momentum.mul_(group["momentum"]).add_(weight.grad)
        direction = weight.grad + group["momentum"] * momentum  # Nesterov's look ahead
        update = orthogonalize(direction.reshape(len(weight), -1)).reshape(weight.shape)
        length = 0.2 * max(len(weight), weight[0].numel()) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * length)
