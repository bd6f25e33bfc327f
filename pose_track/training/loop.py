"""The training loop: batches, steps, the moving average of the weights, checkpoints and evaluation.

It runs as one process or, launched by Lightning Fabric or torchrun, as one for each device. The samples of a step do
not depend on the number of processes.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from pose_track.models.inference_model import Normalize
from pose_track.structures.arrays import ImageArray
from pose_track.training.checkpoint import check_space, load_checkpoint, save_checkpoint, versions
from pose_track.training.loader import Batch, StepBatchSampler, TimedLoader, TrainingData, make_loader
from pose_track.training.log import Meter, RunLog, format_row
from pose_track.training.optimizer import learning_rate_at, make_optimizer, warmup_ema
from pose_track.training.options import LoopOptions, OptimizerOptions
from pose_track.training.short_runs import short_run_warnings
from pose_track.utils.interrupts import DeferredInterrupt

logger = logging.getLogger(__name__)


class DivergedError(FloatingPointError, ValueError):
    """The loss or its gradient is no longer finite; the message names the step and a remedy."""


class Task(NamedTuple):
    """A network, its training data and its evaluation.

    loss: takes the network's output and the batch's tensors after the image, and returns a mean over the samples.
    evaluate: returns metrics by name; higher is better, and the first is the main metric.
    draw: returns an image (H, W, 3) RGB of predictions and targets.
    result: the part of the network that is evaluated, drawn and kept; by default all of it.
    """

    network: nn.Module
    data: TrainingData
    loss: Callable[..., Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]
    draw: Callable[[nn.Module], ImageArray]
    result: Callable[[nn.Module], nn.Module] = lambda network: network


class Trainer:
    """Trains `task.network`.

    Args:
        task: the network, its data and its evaluation.
        options: of the loop.
        optimizer: its options.
        folder: of the run; gets `checkpoint.pt` and the files of `RunLog`.
        fabric: devices, processes and precision, launched; None for one process on the CPU.
        settings: all other settings that determine the result. They are saved in the checkpoint, and a resumed run must
            have the same.
        compiled: compile the network with `torch.compile`.

    Attributes:
        step: number of steps taken.
        num_nonfinite: how many of them this process skipped.
        averaged: holds the averaged weights, which are the result, as `.module`.
    """

    def __init__(
        self,
        task: Task,
        options: LoopOptions,
        optimizer: OptimizerOptions,
        folder: Path,
        fabric: Fabric | None = None,
        settings: Mapping[str, Any] | None = None,
        compiled: bool = False,
    ):
        self.task, self.options, self.optimizer_options, self.folder = task, options, optimizer, folder
        self.settings = dict(settings or {})
        self.fabric = fabric or Fabric(accelerator="cpu", devices=1)
        self.steps_per_epoch = max(1, len(task.data) // options.batch_size)
        self.num_steps = max(1, round(options.epochs * self.steps_per_epoch))
        network = task.network.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: nn.Module = network
        self.normalize = Normalize().to(self.fabric.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=warmup_ema(options.ema_decay), use_buffers=True
        )
        model = cast(nn.Module, torch.compile(network)) if compiled else network
        fused = not self._scales_loss  # Fabric cannot clip gradients that a fused optimizer unscales
        self.model, self.optimizer = self.fabric.setup(model, make_optimizer(network, optimizer, fused))
        self.step, self.num_nonfinite = 0, 0

    @property
    def _scales_loss(self) -> bool:
        return self.fabric.strategy.precision.precision == "16-mixed"

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Continue from the folder's checkpoint. Raises FileNotFoundError, or ValueError if it is another run's."""
        state = load_checkpoint(self._path)
        try:
            self._check_settings(state["settings"])
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.fabric.strategy.precision.load_state_dict(state["precision"])
            torch.set_rng_state(state["random"])
            self.step = int(state["step"])
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{self._path} belongs to another run; leave these settings out, or give another --out ({reason})"
            ) from error

    def _check_settings(self, saved: Mapping[str, Any]) -> None:
        changed = [key for key in {**saved, **self.settings} if saved.get(key) != self.settings.get(key)]
        if changed:
            key = min(changed)
            raise ValueError(f"its {key} was {saved.get(key)!r}, now it is {self.settings.get(key)!r}")

    def save(self) -> None:
        """Write the checkpoint. Raises OSError naming the file if that fails; the previous checkpoint stays."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "random": torch.get_rng_state(),
            "step": self.step,
            "epoch": self.step / self.steps_per_epoch,
            "settings": self.settings,
            "versions": versions(),
        }
        if self.fabric.is_global_zero:
            save_checkpoint(self._path, state)

    def train_step(self, batch: Batch) -> Tensor:
        """One step of the optimizer; returns the loss, a scalar.

        batch: its first tensor holds images (B, 3, H, W) uint8, the others go to the loss. Raises DivergedError, before
        any weight changes, if the loss or its gradient is not finite and `on_nonfinite` is "stop".
        """
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._backward(self.fabric.to_device(batch.tensors))
        clip = self.options.clip_norm or math.inf
        norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=clip, error_if_nonfinite=False)
        if self._all_finite(loss, cast(Tensor, norm)):
            self.optimizer.step()
            self.averaged.update_parameters(self.network)
        else:
            self.num_nonfinite += 1
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss

    def _learning_rate(self) -> float:
        size = self.options.batch_size
        num_samples, epoch_length = self.num_steps * size, self.steps_per_epoch * size
        return learning_rate_at(self.step * size, epoch_length, num_samples, self.optimizer_options)

    def _backward(self, tensors: list[Tensor]) -> Tensor:
        """Accumulate the gradients of a batch's micro-batches; returns the mean loss."""
        micro_batches = list(zip(*(t.chunk(self.options.accumulate) for t in tensors), strict=True))
        total = torch.zeros((), device=self.fabric.device)
        for number, (images, *targets) in enumerate(micro_batches, 1):
            with self.fabric.no_backward_sync(self.model, enabled=number < len(micro_batches)):
                output = self.model(self.normalize(images.contiguous(memory_format=torch.channels_last)))
                loss = self.task.loss(output, *targets) / len(micro_batches)
                self.fabric.backward(loss)
            total += loss.detach()
        return total

    def _all_finite(self, loss: Tensor, norm: Tensor) -> bool:
        """Whether loss and gradient are finite.

        With float16, overflowing gradients are normal, and the loss scaling skips their steps; there only the loss is
        checked.
        """
        values = {"loss": cast(Tensor, self.fabric.all_reduce(loss))}
        if not self._scales_loss:
            values["gradient"] = norm
        nonfinite = {name: value.item() for name, value in values.items() if not torch.isfinite(value)}
        if nonfinite and self.options.on_nonfinite == "stop":
            name, value = next(iter(nonfinite.items()))
            remedy = "lower learning_rate or clip_norm, and start again"
            raise DivergedError(f"the {name} is {value} at step {self.step}; {remedy}")
        for name, value in nonfinite.items():
            logger.warning("the %s is %s at step %d; skipping the step", name, value, self.step)
        return not nonfinite

    def run(self) -> dict[str, float]:
        """Train to the end and return the last metrics of the averaged weights.

        After Ctrl-C, SIGTERM or SIGHUP, finishes the current step, saves a checkpoint and raises KeyboardInterrupt.
        """
        check_space(self.folder, self.network)
        self._warn_if_short()
        batches = self.batches()
        meter = Meter(self.fabric, batches, self.options.batch_size)
        evaluation_steps = max(1, round(self.options.evaluate_every * self.steps_per_epoch))
        metrics: dict[str, float] | None = None
        saved = time.monotonic()
        self.model.train()
        run_log = RunLog(self.folder, self.step, self.fabric.is_global_zero)
        with run_log, DeferredInterrupt() as interrupt:
            for batch in self._progress(batches):
                meter.add(self.train_step(batch), batch.num_broken)
                last = self.step == self.num_steps
                if self.step % evaluation_steps == 0 or last:
                    metrics = self._evaluate_and_log(meter, run_log)
                if last or interrupt.requested or time.monotonic() - saved > self.options.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if interrupt.requested:
                    interrupt.check(f"stopped after step {self.step}; continue with --resume {self.folder}")
        return self.evaluate() if metrics is None else metrics  # a resumed run may have been complete

    def _warn_if_short(self) -> None:
        if self.fabric.is_global_zero:
            for line in short_run_warnings(self.steps_per_epoch, self.num_steps, self.options, self.optimizer_options):
                logger.warning("%s", line)

    def batches(self) -> TimedLoader:
        """This process's part of the batches of all remaining steps."""
        options, fabric = self.options, self.fabric
        steps = range(self.step, self.num_steps)
        sampler = StepBatchSampler(
            self.task.data, options.batch_size, options.seed, steps, fabric.global_rank, fabric.world_size
        )
        return TimedLoader(make_loader(sampler, options.on_broken, options.workers, fabric.device.type == "cuda"))

    def _progress(self, batches: TimedLoader) -> Iterable[Batch]:
        visible = self.fabric.is_global_zero
        return tqdm(  # type: ignore[no-any-return]
            batches, initial=self.step, total=self.num_steps, unit="step", mininterval=5, disable=not visible
        )

    def _evaluate_and_log(self, meter: Meter, run_log: RunLog) -> dict[str, float]:
        """Evaluate the averaged weights and write a log row, on the first process; the others wait."""
        progress = {"epoch": self.step / self.steps_per_epoch, "learning_rate": self._learning_rate()}
        progress |= {**meter.read(), "nonfinite": self.num_nonfinite}
        metrics: dict[str, float] = {}
        if self.fabric.is_global_zero:
            metrics = self.evaluate()
            row = {**progress, **metrics}
            logger.info("%s", format_row(row, next(iter(metrics), None)))
            run_log.write(self.step, row, self.task.draw(self.result))
        self.fabric.barrier()
        meter.restart()
        return metrics

    def evaluate(self) -> dict[str, float]:
        """The metrics of the averaged weights."""
        return self.task.evaluate(self.result.eval())

    @property
    def result(self) -> nn.Module:
        """The network with the averaged weights, without what only training needs."""
        return self.task.result(self.averaged.module)
