"""Batch-norm over the samples of all processes, whose result does not depend on their number."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def sync_batch_norms(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with batch-norms whose statistics cover all processes: PyTorch's `SyncBatchNorm` on a GPU, and
    `SyncedBatchNorm` on a CPU, where that is not available. Names and values of the parameters do not change."""
    if device.type == "cuda":
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return synced
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm
    return network


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch-norm of (B, C, h, w) with the mean and variance over all processes, each of which has B samples."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        mean, variance, count = self._moments(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum or 0.0)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]

    @staticmethod
    def _moments(x: Tensor) -> tuple[Tensor, Tensor, int]:
        """Mean and variance (C,) over all processes, and the number of values."""
        world = dist.get_world_size()
        mean = _total(x.mean(dim=(0, 2, 3))) / world
        variance = _total((x - mean[:, None, None]).square().mean(dim=(0, 2, 3))) / world
        return mean, variance, world * x.numel() // x.shape[1]


class _Total(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is summed likewise."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def _total(values: Tensor) -> Tensor:
    total: Tensor = _Total.apply(values)
    return total
