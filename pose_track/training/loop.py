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


class SampleSource(Protocol):
    """A data set whose samples are tuples of arrays, the picture first."""

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
    """num_samples: how many samples the whole run sees; the learning rate warms up over warmup_samples and falls to
    nothing as a half cosine. ema_decay: of the averaged weights, per
    step, reached by and by. evaluate_every, checkpoint_seconds: in
    samples and in seconds."""

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


def epoch_order(length: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's samples, the same whenever it is asked for."""
    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(length)]


def batches(data: SampleSource, options: LoopOptions, start_step: int) -> Iterator[list[Tensor]]:
    """Endless batches from a step on; a run that starts at a later step skips what came before it."""
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
    """Linear warm-up, then half a cosine to one hundredth."""
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
    """A moving average of weights whose decay grows from 0.1 to `decay`, so that the random start is soon forgotten."""

    def update(averaged: Any, current: Any, num_averaged: Any) -> None:
        seen = float(num_averaged)
        torch.optim.swa_utils.get_ema_multi_avg_fn(min(decay, (1 + seen) / (10 + seen)))(averaged, current, num_averaged)

    return update


class Trainer:
    """Trains `task.network` in `folder`, which holds `checkpoint.pt` and `log.csv`."""

    def __init__(self, task: Task, options: LoopOptions, folder: Path, device: str = "cpu"):
        self.task, self.options, self.folder, self.device = task, options, folder, torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        self.network = task.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalize = Normalize().to(self.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=warmed_average(options.ema_decay), use_buffers=True
        )
        self.optimizer = make_optimizer(self.network, options)
        self.step = 0

    def resume(self) -> None:
        """Go on from the folder's checkpoint."""
        state = load_checkpoint(self.folder / "checkpoint.pt")
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

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
        """One step of the optimizer; returns the loss. Raises FloatingPointError if it is not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, self.options)
        images, *targets = (t.to(self.device) for t in batch)
        output = self.network(self.normalize(images.contiguous(memory_format=torch.channels_last)))
        loss = self.task.loss(output, *targets)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss.item()} at step {self.step}; lower learning_rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip_norm)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        self.step += 1
        return float(loss.item())

    def run(self) -> dict[str, float]:
        """Train to the end and return the last evaluation of the averaged weights."""
        options = self.options
        total = options.num_samples // options.batch_size
        every = max(1, options.evaluate_every // options.batch_size)
        figures: dict[str, float] = {}
        saved, losses = time.monotonic(), []
        self.network.train()
        with tqdm(total=total, initial=self.step, unit="step", mininterval=5) as bar:
            for batch in batches(self.task.data, options, self.step):
                if self.step >= total:
                    break
                losses.append(self.train_step(batch))
                bar.update()
                if self.step % every == 0 or self.step == total:
                    figures = self.evaluate(float(np.mean(losses)))
                    losses = []
                if time.monotonic() - saved > options.checkpoint_seconds or self.step == total:
                    self.save()
                    saved = time.monotonic()
        return figures

    def evaluate(self, loss: float) -> dict[str, float]:
        """Figures of the averaged weights, also written to the log."""
        network = self.averaged.module.eval()
        figures = self.task.evaluate(network)
        row = {"step": self.step, "samples": self.step * self.options.batch_size, "loss": loss, **figures}
        log.info("%s", row)
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        return figures
