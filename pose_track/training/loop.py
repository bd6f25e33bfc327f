"""The training loop: batches, steps, a moving average of the weights, checkpoints, evaluation.

It runs as one process or, launched by Lightning Fabric or torchrun, as one for each device; the samples of a step are
the same for any number of processes.
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
from pose_track.structures.frames import ImageArray
from pose_track.training.checkpoint import check_space, load_checkpoint, save_checkpoint, versions
from pose_track.training.config import LoopOptions
from pose_track.training.interruption import Interruption
from pose_track.training.loader import Batch, SampleSource, StepDraws, TimedLoader, make_loader
from pose_track.training.log import Meter, RunLog, summary
from pose_track.training.optimizer import OptimizerOptions, learning_rate_at, make_optimizer, warmed_average

log = logging.getLogger(__name__)


class DivergedError(FloatingPointError, ValueError):
    """The loss or its gradient is not finite any more; the message says when and what helps."""


class Task(NamedTuple):
    """What is trained on what.

    loss takes the network's output and the rest of a batch, a mean over its samples; evaluate gives figures, higher is
    better, of which the first is watched; draw gives a picture (H, W, 3) RGB of predictions and targets.
    """

    network: nn.Module
    data: SampleSource
    loss: Callable[..., Tensor]
    evaluate: Callable[[nn.Module], dict[str, float]]
    draw: Callable[[nn.Module], ImageArray]


class Trainer:
    """Trains `task.network` in `folder`, which holds `checkpoint.pt` and what `RunLog` writes.

    settings: whatever else decides the course of the run; kept in the checkpoint, and a run that goes on must have the
    same. fabric: devices, processes and precision, launched; one process on the CPU where there is none. step: how many
    steps have been made; num_nonfinite: how many of them this process left out. averaged: holds the averaged weights,
    which are the ones to keep, as `.module`.
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
            network, multi_avg_fn=warmed_average(options.ema_decay), use_buffers=True
        )
        model = cast(nn.Module, torch.compile(network)) if compiled else network
        fused = not self._scales_loss  # Fabric does not clip gradients that a fused optimizer is to scale back
        self.model, self.optimizer = self.fabric.setup(model, make_optimizer(network, optimizer, fused))
        self.step, self.num_nonfinite = 0, 0

    @property
    def _scales_loss(self) -> bool:
        return self.fabric.strategy.precision.precision == "16-mixed"

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the folder's checkpoint. Raises FileNotFoundError, or ValueError where it does not fit."""
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
                f"{self._path} is of another run; give its own config, or another --out ({reason})"
            ) from error

    def _check_settings(self, found: Mapping[str, Any]) -> None:
        changed = [key for key in {**found, **self.settings} if found.get(key) != self.settings.get(key)]
        if changed:
            key = min(changed)
            raise ValueError(f"its {key} was {found.get(key)!r}, now it is {self.settings.get(key)!r}")

    def save(self) -> None:
        """Write the checkpoint. Raises OSError naming the file where that fails; the one before it stays."""
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

        batch: the pictures (B, 3, H, W) uint8, and what the loss needs. Raises DivergedError, before any weight
        changes, if the loss or its gradient is not finite and that is to stop the run.
        """
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._backward(self.fabric.to_device(batch.tensors))
        clip = self.options.clip_norm or math.inf
        norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=clip, error_if_nonfinite=False)
        if self._may_move(loss, cast(Tensor, norm)):
            self.optimizer.step()
            self.averaged.update_parameters(self.network)
        else:
            self.num_nonfinite += 1
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss

    def _learning_rate(self) -> float:
        size = self.options.batch_size
        whole, epoch = self.num_steps * size, self.steps_per_epoch * size
        return learning_rate_at(self.step * size, epoch, whole, self.optimizer_options)

    def _backward(self, tensors: list[Tensor]) -> Tensor:
        """Add up the gradients of the parts of a batch; the mean loss."""
        parts = list(zip(*(t.chunk(self.options.accumulate) for t in tensors), strict=True))
        total = torch.zeros((), device=self.fabric.device)
        for number, (images, *targets) in enumerate(parts, 1):
            with self.fabric.no_backward_sync(self.model, enabled=number < len(parts)):
                output = self.model(self.normalize(images.contiguous(memory_format=torch.channels_last)))
                loss = self.task.loss(output, *targets) / len(parts)
                self.fabric.backward(loss)
            total += loss.detach()
        return total

    def _may_move(self, loss: Tensor, norm: Tensor) -> bool:
        """Whether loss and gradient are finite. In float16 overflowing gradients are usual, and their steps left out
        by the loss scaling; there only the loss counts."""
        watched = {"loss": cast(Tensor, self.fabric.all_reduce(loss))}
        if not self._scales_loss:
            watched["gradient"] = norm
        faulty = {name: value.item() for name, value in watched.items() if not torch.isfinite(value)}
        if faulty and self.options.on_nonfinite == "stop":
            name, value = next(iter(faulty.items()))
            remedy = "lower learning_rate or clip_norm, and begin again"
            raise DivergedError(f"the {name} is {value} at step {self.step}; {remedy}")
        for name, value in faulty.items():
            log.warning("the %s is %s at step %d; the step is left out", name, value, self.step)
        return not faulty

    def run(self) -> dict[str, float]:
        """Train to the end and return the last evaluation of the averaged weights.

        SIGINT and SIGTERM end it after the step that is being made, with a checkpoint, as KeyboardInterrupt.
        """
        check_space(self.folder, self.network)
        batches = self.batches()
        meter = Meter(self.fabric, batches, self.options.batch_size)
        every = max(1, round(self.options.evaluate_every * self.steps_per_epoch))
        figures: dict[str, float] | None = None
        saved = time.monotonic()
        self.model.train()
        with RunLog(self.folder, self.step, self.fabric.is_global_zero) as run_log, Interruption() as interruption:
            for batch in self._progress(batches):
                meter.add(self.train_step(batch), batch.num_broken)
                last = self.step == self.num_steps
                if self.step % every == 0 or last:
                    figures = self._evaluate(meter, run_log)
                if last or interruption.asked or time.monotonic() - saved > self.options.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if interruption.asked:
                    raise KeyboardInterrupt(f"stopped after step {self.step}; --resume goes on from there")
        return self._figures() if figures is None else figures  # a resumed run may have been at its end

    def batches(self) -> TimedLoader:
        """This process's share of the batches of all steps that are still to be made."""
        options, fabric = self.options, self.fabric
        steps = range(self.step, self.num_steps)
        draws = StepDraws(
            self.task.data, options.batch_size, options.seed, steps, fabric.global_rank, fabric.world_size
        )
        return TimedLoader(make_loader(draws, options.on_broken, options.workers, fabric.device.type == "cuda"))

    def _progress(self, batches: TimedLoader) -> Iterable[Batch]:
        shown = self.fabric.is_global_zero
        return tqdm(  # type: ignore[no-any-return]
            batches, initial=self.step, total=self.num_steps, unit="step", mininterval=5, disable=not shown
        )

    def _evaluate(self, meter: Meter, run_log: RunLog) -> dict[str, float]:
        """Figures of the averaged weights, also written to the log, on the first process; the others wait."""
        course = {"epoch": self.step / self.steps_per_epoch, "learning_rate": self._learning_rate()}
        course |= {**meter.read(), "nonfinite": self.num_nonfinite}
        figures: dict[str, float] = {}
        if self.fabric.is_global_zero:
            figures = self._figures()
            log.info("%s", summary({**course, **figures}, next(iter(figures), None)))
            run_log.write(self.step, {**course, **figures}, self.task.draw(self.averaged.module))
        self.fabric.barrier()
        meter.restart()
        return figures

    def _figures(self) -> dict[str, float]:
        network: nn.Module = self.averaged.module
        return self.task.evaluate(network.eval())
