"""The options of the training loop and of the optimizer, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.options import check_unit_interval, option, required_option


@dataclass(frozen=True)
class LoopOptions:
    """The training loop. Raises ValueError for values out of range."""

    epochs: float = required_option("Length of the whole run, in epochs.")
    batch_size: int = option(32, "Samples in a step, over all processes.")
    accumulate: int = option(1, "Micro-batches into which a process splits its part of a step, to save memory.")
    clip_norm: float | None = option(1.0, "Largest gradient norm; null for no clipping.")
    ema_decay: float = option(
        0.998,
        "Decay of the averaged weights per step, less at first, so that they average a ninth of the steps at most; 0 "
        "keeps the last weights.",
    )
    evaluate_every: float = option(1.0, "Epochs between two evaluations.")
    checkpoint_seconds: float = option(120.0, "Seconds between two checkpoints.")
    on_nonfinite: Literal["stop", "skip"] = option(
        "stop", "A loss or gradient that is not finite stops or skips the step."
    )
    on_broken: OnBroken = field(
        default="stop", metadata={"description": "A missing or broken image or label stops the run or is skipped."}
    )
    workers: int = option(0, "Processes that prepare batches; 0 prepares them in the training process.")
    seed: int = option(0, "Seed of the random weights, the sample order and the augmentation.")

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


@dataclass(frozen=True)
class OptimizerOptions:
    """The optimizer and its learning rate schedule. Raises ValueError for values out of range or without effect."""

    name: Literal["adam", "adamw", "muon"] = option(
        "adamw",
        "adam as published, adamw, or muon for all convolutions but the first and last with adamw for the rest.",
    )
    learning_rate: float = option(1e-3, "Highest learning rate, at the end of the warm-up.")
    weight_decay: float = option(0.0, "Weight decay of convolutions, for adamw and muon.")
    warmup_samples: int = option(0, "Samples of the linear warm-up, which takes a tenth of the run at most.")
    schedule: Literal["cosine", "steps", "constant"] = option(
        "cosine", "Half a cosine, steps at milestones, or constant with a linear cooldown at the end."
    )
    final_share: float = option(0.01, "Last learning rate of cosine and cooldown, as a fraction of the highest.")
    cooldown: float = option(0.0, "Length of the linear cooldown of constant, as a fraction of the run.")
    milestones: tuple[float, ...] = option((), "Epochs at which the learning rate of steps is multiplied by gamma.")
    gamma: float = option(0.1, "Factor of the learning rate at each milestone.")

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate!r}")
        for name in ("weight_decay", "warmup_samples"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        check_unit_interval(self, "final_share", "cooldown", "gamma")
        if self.name == "adam" and self.weight_decay:
            raise ValueError("weight_decay has no effect on adam, as in the published code; choose adamw, or set it 0")
        if self.cooldown and self.schedule != "constant":
            raise ValueError(f"cooldown needs schedule 'constant', not {self.schedule!r}; set it 0")
        if bool(self.milestones) != (self.schedule == "steps"):
            raise ValueError(f"milestones need schedule 'steps', which needs milestones; got {self.milestones!r}")
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(f"milestones must rise, got {self.milestones!r}")
