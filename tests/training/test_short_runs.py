"""Schedules in runs of any length: what is limited, and which warnings are logged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import ROOT

from pose_track.training.optimizer import MAX_WARMUP, learning_rate_at, warmup_ema, warmup_length
from pose_track.training.options import LoopOptions, OptimizerOptions
from pose_track.training.short_runs import MIN_STEPS, short_run_warnings

CONSTANT = OptimizerOptions(learning_rate=1.0, warmup_samples=1500, schedule="constant")


@given(st.integers(1, 10**6), st.integers(0, 10**5), st.integers(1, 64))
def test_the_warm_up_takes_a_tenth_of_any_run_at_most(num_samples: int, warmup: int, batch: int) -> None:
    options = OptimizerOptions(learning_rate=1.0, warmup_samples=warmup, schedule="constant")
    length = warmup_length(num_samples, options)
    assert length <= warmup
    assert length <= MAX_WARMUP * num_samples + 0.5
    assert learning_rate_at(length, num_samples, num_samples, options) == 1.0
    rates = [learning_rate_at(seen, num_samples, num_samples, options) for seen in range(0, length, batch)]
    assert rates == sorted(rates)


@given(st.integers(20, 3000), st.floats(0, 0.9999))
def test_the_average_forgets_the_initial_weights_in_any_run(num_steps: int, decay: float) -> None:
    update = warmup_ema(decay)
    average = torch.ones(1, dtype=torch.float64)  # the weights are 1 at first, and then 0
    for step in range(1, min(num_steps, 100)):
        update([average], [torch.zeros(1, dtype=torch.float64)], torch.tensor(step))
    assert float(average) < 1e-5


def warnings(epochs: float, options: OptimizerOptions = CONSTANT, steps_per_epoch: int = 2) -> list[str]:
    loop = LoopOptions(epochs=epochs, batch_size=8)
    return short_run_warnings(steps_per_epoch, round(epochs * steps_per_epoch), loop, options)


def test_what_a_short_run_is_told() -> None:
    short, warmup = warnings(50)
    assert "100 steps of 8 samples" in short
    assert "loop.epochs 100" in short
    assert "1500" in warmup
    assert "80" in warmup
    assert len(warnings(MIN_STEPS / 2)) == 1  # the warm-up alone
    assert warnings(1000) == []


def test_milestones_after_the_end() -> None:
    steps = OptimizerOptions(schedule="steps", milestones=(40, 170, 200.5))
    assert warnings(210, steps, 100) == []
    (line,) = warnings(50, steps, 100)
    assert "50 epochs" in line
    assert "170, 200.5" in line
    assert "40" not in line


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("*.yaml")), ids=lambda path: path.stem)
def test_published_schedules_are_as_they_are(path: Path) -> None:
    """With 13,000 samples, a part of each data set, nothing is limited."""
    values = yaml.safe_load(path.read_text())
    loop, optimizer = LoopOptions(**values["loop"]), OptimizerOptions(**values["optimizer"])
    steps_per_epoch = 13_000 // loop.batch_size
    assert short_run_warnings(steps_per_epoch, round(loop.epochs * steps_per_epoch), loop, optimizer) == []
