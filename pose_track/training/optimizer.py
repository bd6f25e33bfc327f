"""Optimizers, the course of their learning rate, and the average of the weights they move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from pose_track.training.muon import MuonAdamW


@dataclass(frozen=True)
class OptimizerOptions:
    """How weights are moved.

    name: adam, as published; adamw, whose weight_decay acts on convolutions only; muon, which needs fewer samples, for
    all convolutions but the first and the last, and adamw for the rest. learning_rate: its highest value,
    reached by a linear warm-up over warmup_samples. schedule: "cosine" falls as half a cosine to final_share of that;
    "steps" times gamma at each of the milestones, in epochs; "constant" stays, and over the last cooldown of the run, a
    share of it, falls in a straight line to final_share. Raises ValueError for values out of range, or without effect.
    """

    name: Literal["adam", "adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup_samples: int = 0
    schedule: Literal["cosine", "steps", "constant"] = "cosine"
    final_share: float = 0.01
    cooldown: float = 0.0
    milestones: tuple[float, ...] = ()
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate!r}")
        for name in ("weight_decay", "warmup_samples"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        for name in ("final_share", "cooldown", "gamma"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)!r}")
        if self.name == "adam" and self.weight_decay:
            raise ValueError("weight_decay has no effect on adam, as in the published code; choose adamw, or set it 0")
        if self.cooldown and self.schedule != "constant":
            raise ValueError(f"cooldown belongs to schedule 'constant', not to {self.schedule!r}; leave it 0")
        if bool(self.milestones) != (self.schedule == "steps"):
            raise ValueError(f"milestones belong to schedule 'steps', and are needed there; got {self.milestones!r}")
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(f"milestones must rise, got {self.milestones!r}")


def make_optimizer(network: nn.Module, options: OptimizerOptions, fused: bool = True) -> torch.optim.Optimizer:
    """The optimizer; biases and batch-norms do not decay. fused: whether adam and adamw move all weights in one go."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    kept = {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0}
    rate, decay = options.learning_rate, options.weight_decay
    if options.name == "muon":
        ends = {"params": [decayed[0], decayed[-1]], "weight_decay": decay}
        return MuonAdamW(decayed[1:-1], [ends, kept], rate, decay)
    kind = torch.optim.Adam if options.name == "adam" else torch.optim.AdamW
    return kind([{"params": decayed, "weight_decay": decay}, kept], lr=rate, fused=fused)


def learning_rate_at(seen: int, epoch_length: int, num_samples: int, options: OptimizerOptions) -> float:
    """The rate of a step that begins after `seen` samples of `num_samples`, in epochs of `epoch_length`.

    >>> steps = OptimizerOptions(learning_rate=1.0, schedule="steps", milestones=(10, 15))
    >>> [round(learning_rate_at(epoch * 100, 100, 2000, steps), 6) for epoch in (0, 9.99, 10, 15)]
    [1.0, 1.0, 0.1, 0.01]
    """
    warm = min(1.0, (seen + 1) / max(options.warmup_samples, 1))
    if options.schedule == "constant":
        left = (1 - seen / num_samples) / options.cooldown if options.cooldown else 1.0
        share = max(options.final_share, min(1.0, left))
    elif options.schedule == "steps":
        share = options.gamma ** sum(seen >= epoch * epoch_length for epoch in options.milestones)
    else:
        fallen = 0.5 * (1 + math.cos(math.pi * min(1.0, seen / num_samples)))
        share = options.final_share + (1 - options.final_share) * fallen
    return options.learning_rate * warm * share


def warmed_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """A moving average of weights whose decay, (1 + n) / (10 + n) after n steps, grows up to `decay`, so that the
    random start is soon forgotten."""

    def update(averaged: Any, current: Any, num_averaged: Any) -> None:
        if averaged[0].is_floating_point():
            share = min(decay, (1 + float(num_averaged)) / (10 + float(num_averaged)))
            torch._foreach_lerp_(averaged, current, 1 - share)
        else:
            torch._foreach_copy_(averaged, current)  # counters of the batch-norms

    return update
