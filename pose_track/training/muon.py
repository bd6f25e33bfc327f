"""Muon: an optimizer whose momentum matrices are orthogonalised before each update (Jordan et al., "Muon", 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients; final singular values lie between 0.7 and 1.2


def orthogonalize(matrices: Tensor, num_steps: int = 5) -> Tensor:
    """Matrices (..., m, n) with all singular values near 1, by Newton-Schulz iterations.

    A step multiplies a wide X by aI + bG + cG^2 with its Gram matrix G = XX^T. All these are polynomials of the first
    G, so the steps run on the small square matrices, and X is multiplied once, by their product.

    >>> (torch.linalg.svdvals(orthogonalize(torch.diag(torch.tensor([5.0, 1.0, 0.1])))) - 1).abs().max() < 0.35
    tensor(True)
    """
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    wide = matrices.mT if is_tall else matrices
    gram = wide @ wide.mT
    norm = gram.diagonal(dim1=-2, dim2=-1).sum(-1).sqrt()[..., None, None] + 1e-7
    gram = gram / norm**2
    factor = _step_factor(gram)
    product = factor / norm
    for _ in range(num_steps - 1):
        gram = factor @ gram @ factor
        factor = _step_factor(gram)
        product = factor @ product
    return (product @ wide).mT if is_tall else product @ wide


def _step_factor(gram: Tensor) -> Tensor:
    """aI + bG + cG^2 (..., m, m)."""
    a, b, c = _QUINTIC
    factor = b * gram + c * (gram @ gram)
    factor.diagonal(dim1=-2, dim2=-1).add_(a)
    return factor


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
        self._adam = torch.optim.AdamW(others, lr=lr, fused=True)
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
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for weight in group["params"]:
            if weight.grad is not None:
                by_shape.setdefault(weight.shape, []).append(weight)
        for weights in by_shape.values():
            self._update(weights, group)

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        """Update weights of one shape together, as one stack of matrices."""
        first, gradients = weights[0], [cast(Tensor, weight.grad) for weight in weights]
        momenta = [self.state[weight].setdefault("momentum", torch.zeros_like(weight)) for weight in weights]
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, gradients)
        directions = torch._foreach_add(gradients, momenta, alpha=group["momentum"])  # Nesterov momentum
        updates = orthogonalize(torch.stack([direction.movedim(1, -1).flatten(1) for direction in directions]))
        updates = updates.view(-1, *first.movedim(1, -1).shape).movedim(-1, 2)  # channels last, as the weights are
        length = 0.2 * max(len(first), first[0].numel()) ** 0.5
        torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(weights, list(updates), alpha=-group["lr"] * length)
