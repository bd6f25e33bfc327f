"""The optimizer, its learning rate schedule, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pose_track.training.muon import MuonAdamW
from pose_track.training.options import OptimizerOptions


def make_optimizer(network: nn.Module, options: OptimizerOptions, fused: bool = True) -> torch.optim.Optimizer:
    """The optimizer of a network. Biases and batch-norms have no weight decay; Muon leaves the first and the last
    convolution to AdamW. fused: use the fused implementation of Adam and AdamW."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    not_decayed = {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0}
    rate, decay = options.learning_rate, options.weight_decay
    if options.name == "muon":
        ends = {"params": [decayed[0], decayed[-1]], "weight_decay": decay}
        return MuonAdamW(decayed[1:-1], [ends, not_decayed], rate, decay)
    optimizer = torch.optim.Adam if options.name == "adam" else torch.optim.AdamW
    return optimizer([{"params": decayed, "weight_decay": decay}, not_decayed], lr=rate, fused=fused)


MAX_WARMUP = 0.1
"""Largest share of a run that the warm-up takes."""


def warmup_length(num_samples: int, options: OptimizerOptions) -> int:
    """Samples of the linear warm-up in a run of `num_samples`: as the options state, at most `MAX_WARMUP` of the run.

    >>> [warmup_length(samples, OptimizerOptions(warmup_samples=1500)) for samples in (200, 4_000, 100_000)]
    [20, 400, 1500]
    """
    return min(options.warmup_samples, round(MAX_WARMUP * num_samples))


def learning_rate_at(seen: int, epoch_length: int, num_samples: int, options: OptimizerOptions) -> float:
    """The learning rate of a step.

    Args:
        seen: samples before the step.
        epoch_length: in samples.
        num_samples: of the whole run.
        options: the schedule.

    >>> steps = OptimizerOptions(learning_rate=1.0, schedule="steps", milestones=(10, 15))
    >>> [round(learning_rate_at(epoch * 100, 100, 2000, steps), 6) for epoch in (0, 9.99, 10, 15)]
    [1.0, 1.0, 0.1, 0.01]
    """
    warmup = min(1.0, (seen + 1) / max(warmup_length(num_samples, options), 1))
    if options.schedule == "constant":
        remaining = (1 - seen / num_samples) / options.cooldown if options.cooldown else 1.0
        factor = max(options.final_share, min(1.0, remaining))
    elif options.schedule == "steps":
        factor = options.gamma ** sum(seen >= epoch * epoch_length for epoch in options.milestones)
    else:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, seen / num_samples)))
        factor = options.final_share + (1 - options.final_share) * cosine
    return options.learning_rate * warmup * factor


def warmup_ema(decay: float) -> Callable[[Any, Any, Any], None]:
    """The update of an exponential moving average of weights.

    The decay is (1 + n) / (10 + n) after n steps, and at most `decay`. So the average reaches back over about a ninth
    of the steps at most, and the initial weights lose their influence in a short run as well.
    """

    def update(averaged: Any, current: Any, num_averaged: Any) -> None:
        if averaged[0].is_floating_point():
            current_decay = min(decay, (1 + float(num_averaged)) / (10 + float(num_averaged)))
            torch._foreach_lerp_(averaged, current, 1 - current_decay)
        else:
            torch._foreach_copy_(averaged, current)  # batch-norm counters

    return update
