"""The training loop: batches, steps, a moving average of the weights, checkpoints, evaluation."""

from __future__ import annotations

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose_track.models.normalize import Normalize
from pose_track.training.checkpoint import load_checkpoint, save_checkpoint

log = logging.getLogger(__name__)


class DivergedError(FloatingPointError, ValueError):
    """The loss or its gradient is not finite any more; the message says when and what helps."""


class SampleSource(Protocol):
    """A data set whose samples are tuples of arrays, the picture first; `reseed` restarts its randomness."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> NamedTuple: ...
    def reseed(self, seed: int) -> None: ...


class Task(NamedTuple):
    """What is trained on what. loss takes the network's output and the rest of a batch; evaluate gives figures,
    higher is better, of which the first is watched."""

    network: nn.Module
    data: SampleSource
    loss: Callable[..., Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class LoopOptions:
    """How long and how fast to train.

    num_samples: how many samples the whole run sees. batch_size: samples of one step. learning_rate: its highest value;
    it warms up linearly over warmup_samples and falls to a hundredth as a half cosine. weight_decay: AdamW's, of
    convolutions. ema_decay: of the averaged weights, per step, reached by and by. clip_norm: longest gradient.
    evaluate_every: in samples. checkpoint_seconds: time between two checkpoints. seed: of the first weights, the order
    and the augmentation. Raises ValueError for values out of range.
    """

    num_samples: int
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_samples: int = 3000
    ema_decay: float = 0.998
    clip_norm: float = 1.0
    evaluate_every: int = 20000
    checkpoint_seconds: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "evaluate_every", "learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        for name in ("weight_decay", "warmup_samples", "checkpoint_seconds", "seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, got {self.ema_decay!r}")
        if self.num_samples < self.batch_size:
            raise ValueError(f"num_samples {self.num_samples} do not fill one batch of {self.batch_size}; raise them")

    @property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.num_samples // self.batch_size


def epoch_order(length: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's samples, the same whenever it is asked for."""
    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(length)]


def batches(data: SampleSource, options: LoopOptions, start_step: int) -> Iterator[list[Tensor]]:
    """Endless batches from a step on, the same whether or not the steps before it were drawn.

    An epoch leaves out the samples that do not fill a batch, other ones each time. Raises ValueError where there is not
    even one batch.
    """
    per_epoch = len(data) // options.batch_size
    if per_epoch == 0:
        raise ValueError(f"{len(data)} samples do not fill one batch of {options.batch_size}; lower batch_size")
    step = start_step
    while True:
        epoch, first = divmod(step, per_epoch)
        order = epoch_order(len(data), options.seed, epoch)
        for i in range(first, per_epoch):
            data.reseed(options.seed * 1_000_003 + step)
            rows = order[i * options.batch_size : (i + 1) * options.batch_size]
            yield collate([data[row] for row in rows])
            step += 1


def collate(samples: Sequence[Any]) -> list[Tensor]:
    """Samples of parallel arrays -> one stacked tensor for each field."""
    return [torch.from_numpy(np.stack(field)) for field in zip(*samples, strict=True)]


def learning_rate_at(step: int, options: LoopOptions) -> float:
    """Half a cosine from the highest rate to a hundredth of it, times a linear warm-up."""
    seen = step * options.batch_size
    warm = min(1.0, (seen + options.batch_size) / max(options.warmup_samples, 1))
    progress = min(1.0, seen / options.num_samples)
    return options.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def make_optimizer(network: nn.Module, options: LoopOptions) -> torch.optim.AdamW:
    """AdamW; biases and batch-norms do not decay."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    kept = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=options.learning_rate)


def warmed_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """A moving average of weights whose decay, (1 + n) / (10 + n) after n steps, grows up to `decay`, so that the
    random start is soon forgotten."""

    def update(averaged: Any, current: Any, num_averaged: Any) -> None:
        share = min(decay, (1 + float(num_averaged)) / (10 + float(num_averaged)))
        move = torch.optim.swa_utils.get_ema_multi_avg_fn(share)  # type: ignore[no-untyped-call]
        move(averaged, current, num_averaged)

    return update


class Trainer:
    """Trains `task.network` in `folder`, which holds `checkpoint.pt` and `log.csv`.

    step: how many have been made. averaged: holds the averaged weights, which are the ones to keep, as `.module`.
    """

    def __init__(self, task: Task, options: LoopOptions, folder: Path, device: str = "cpu"):
        self.task, self.options, self.folder, self.device = task, options, folder, torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log.csv"
        self.network = task.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalize = Normalize().to(self.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=warmed_average(options.ema_decay), use_buffers=True
        )
        self.optimizer = make_optimizer(self.network, options)
        self.step = 0

    def resume(self) -> None:
        """Go on from the folder's checkpoint. Raises FileNotFoundError, or ValueError where it does not fit."""
        path = self.folder / "checkpoint.pt"
        state = load_checkpoint(path)
        try:
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{path} is of another network; give its own config, or another --out ({reason})"
            ) from error
        self._forget_rows_after(self.step)

    def _forget_rows_after(self, step: int) -> None:
        """Drop from the log what was measured after the checkpoint; the resumed run measures it again."""
        if self._log.exists():
            lines = self._log.read_text().splitlines(keepends=True)
            kept = [row for row in lines[1:] if int(row.split(",")[0]) <= step]
            self._log.write_text("".join(lines[:1] + kept))

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        save_checkpoint(self.folder / "checkpoint.pt", state)

    def train_step(self, batch: list[Tensor]) -> float:
        """One step of the optimizer; returns the loss.

        batch: the pictures (B, 3, H, W) uint8, and what the loss needs. Raises DivergedError, before any weight
        changes, if the loss or its gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, self.options)
        images, *targets = (t.to(self.device) for t in batch)
        output = self.network(self.normalize(images.contiguous(memory_format=torch.channels_last)))
        loss = self.task.loss(output, *targets)
        self._check_finite("loss", loss)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip_norm)
        self._check_finite("gradient", norm)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        self.step += 1
        return float(loss.item())

    def _check_finite(self, what: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            remedy = "lower learning_rate or clip_norm, and begin again"
            raise DivergedError(f"the {what} is {value.item()} at step {self.step}; {remedy}")

    def run(self) -> dict[str, float]:
        """Train to the end and return the last evaluation of the averaged weights."""
        options, total = self.options, self.options.num_steps
        every = max(1, options.evaluate_every // options.batch_size)
        if self.step == 0:
            self._log.unlink(missing_ok=True)  # of a run that ended before its first checkpoint
        figures: dict[str, float] | None = None
        saved, losses = time.monotonic(), list[float]()
        self.network.train()
        with tqdm(total=total, initial=self.step, unit="step", mininterval=5) as bar:
            for _, batch in zip(range(self.step, total), batches(self.task.data, options, self.step), strict=False):
                losses.append(self.train_step(batch))
                bar.update()
                if self.step % every == 0 or self.step == total:
                    figures, losses = self.evaluate(float(np.mean(losses))), []
                if time.monotonic() - saved > options.checkpoint_seconds or self.step == total:
                    self.save()
                    saved = time.monotonic()
        return self._figures() if figures is None else figures  # a resumed run may have been at its end

    def evaluate(self, loss: float) -> dict[str, float]:
        """Figures of the averaged weights, also written to the log beside `loss`, the mean since the last time."""
        figures = self._figures()
        row = {"step": self.step, "samples": self.step * self.options.batch_size, "loss": loss, **figures}
        log.info("%s", row)
        new = not self._log.exists()
        with self._log.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        return figures

    def _figures(self) -> dict[str, float]:
        network: nn.Module = self.averaged.module
        return self.task.evaluate(network.eval())
