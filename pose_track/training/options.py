"""How long to train, and what to do on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pose_track.datasets.entries import OnBroken


@dataclass(frozen=True)
class LoopOptions:
    """How long to train, and what to do on the way.

    epochs: how often the whole run sees the data. batch_size: samples of one step, of all processes together.
    accumulate: parts a process makes of its share of a step, to fit into memory. clip_norm: longest gradient, null for
    any. ema_decay: of the averaged weights, per step, reached by and by; 0 keeps the last weights. evaluate_every: in
    epochs. checkpoint_seconds: time between two checkpoints. on_nonfinite: whether a loss or gradient that is not
    finite stops the run or costs that step only. on_broken: whether a picture that is missing or broken stops the run,
    or another one stands in. workers: processes that prepare batches, 0 for none. seed: of the first weights, the order
    and the augmentation. Raises ValueError for values out of range.
    """

    epochs: float
    batch_size: int = 32
    accumulate: int = 1
    clip_norm: float | None = 1.0
    ema_decay: float = 0.998
    evaluate_every: float = 1.0
    checkpoint_seconds: float = 120.0
    on_nonfinite: Literal["stop", "skip"] = "stop"
    on_broken: OnBroken = "stop"
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "evaluate_every", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        for name in ("checkpoint_seconds", "seed", "workers"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, got {self.ema_decay!r}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} must be a multiple of accumulate, {self.accumulate}")
