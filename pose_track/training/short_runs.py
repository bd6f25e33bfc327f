"""What a schedule does not do in a short run."""

from __future__ import annotations

import math

from pose_track.training.optimizer import warmup_length
from pose_track.training.options import LoopOptions, OptimizerOptions

MIN_STEPS = 200
"""Steps of a run below which a warning is given."""


def short_run_warnings(
    steps_per_epoch: int, num_steps: int, loop: LoopOptions, optimizer: OptimizerOptions
) -> list[str]:
    """One line for each part of a schedule that does not fit the length of the run.

    >>> short_run_warnings(1, 13, LoopOptions(epochs=13, batch_size=20), OptimizerOptions(warmup_samples=1500))[0]
    'the run has only 13 steps of 20 samples, in which little is learned; give loop.epochs 200 or more'
    """
    warnings = []
    if num_steps < MIN_STEPS:
        epochs = math.ceil(MIN_STEPS / steps_per_epoch)
        steps = f"{num_steps} steps of {loop.batch_size} samples"
        warnings.append(f"the run has only {steps}, in which little is learned; give loop.epochs {epochs} or more")
    warmup = warmup_length(num_steps * loop.batch_size, optimizer)
    if warmup < optimizer.warmup_samples:
        warnings.append(
            f"optimizer.warmup_samples {optimizer.warmup_samples} is limited to {warmup}, a tenth of the run"
        )
    late = [milestone for milestone in optimizer.milestones if milestone >= loop.epochs]
    if late:
        milestones = ", ".join(f"{milestone:g}" for milestone in late)
        warnings.append(f"the run ends after {loop.epochs:g} epochs, before optimizer.milestones {milestones}")
    return warnings
