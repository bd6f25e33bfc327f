"""What a run measures of itself, and what it writes as it goes: a table, TensorBoard's events, pictures."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import cv2
import torch
from lightning_fabric import Fabric
from tensorboardX import SummaryWriter
from torch import Tensor

from pose_track.structures.frames import ImageArray
from pose_track.training.loader import TimedLoader


def summary(row: Mapping[str, float], watched: str | None) -> str:
    """A row of the log in words.

    >>> row = {"epoch": 2.0, "loss": 0.00123, "samples_per_second": 40.0, "data_wait": 0.02, "pck": 0.5}
    >>> summary(row, "pck")
    'epoch 2.00: loss 0.00123, pck 0.5000; 40.0 samples a second, 2 % of the time waiting for data'
    """
    figure = f", {watched} {row[watched]:.4f}" if watched else ""
    speed = f"{row['samples_per_second']:.1f} samples a second, {row['data_wait']:.0%} of the time waiting for data"
    return f"epoch {row['epoch']:.2f}: loss {row['loss']:.5g}{figure}; {speed}".replace("%", " %")


class Meter:
    """Mean loss, speed, and what was lost, since the last `restart`. batch_size: samples of a step."""

    def __init__(self, fabric: Fabric, batches: TimedLoader, batch_size: int):
        self._fabric, self._batches, self._batch_size = fabric, batches, batch_size
        self.restart()

    def restart(self) -> None:
        self._loss = torch.zeros((), device=self._fabric.device)
        self._steps, self._broken = 0, 0
        self._since, self._waited = time.monotonic(), self._batches.seconds

    def add(self, loss: Tensor, num_broken: int) -> None:
        """Count a step: its loss, and the samples that others stood in for."""
        self._loss += loss
        self._steps, self._broken = self._steps + 1, self._broken + num_broken

    def read(self) -> dict[str, float]:
        """loss; samples_per_second; data_wait, the share of time spent waiting for data; broken, samples passed over.
        All processes must call it."""
        seconds = max(time.monotonic() - self._since, 1e-9)
        waited = (self._batches.seconds - self._waited) / seconds
        mine = torch.tensor([float(self._loss) / self._steps, waited, self._broken], device=self._fabric.device)
        loss, wait, broken = cast(Tensor, self._fabric.all_reduce(mine)).tolist()
        speed = self._steps * self._batch_size / seconds
        broken *= self._fabric.world_size
        return {"loss": loss, "samples_per_second": speed, "data_wait": wait, "broken": broken}


class RunLog:
    """Writes `log.csv`, `tensorboard/` and `pictures/` in the folder of a run, or nothing where not `writes`.

    start_step: rows after it are of a run that was cut off; they are forgotten, as it measures them again.
    """

    def __init__(self, folder: Path, start_step: int = 0, writes: bool = True):
        self._table, self._pictures = folder / "log.csv", folder / "pictures"
        self._events: SummaryWriter | None = None
        if writes:
            self._forget_rows_after(start_step)
            self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=start_step + 1)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._events is not None:
            self._events.close()

    def _forget_rows_after(self, step: int) -> None:
        if self._table.exists():
            lines = self._table.read_text().splitlines(keepends=True)
            kept = [row for row in lines[1:] if int(row.split(",")[0]) <= step]
            self._table.write_text("".join(lines[:1] + kept) if kept else "")

    def write(self, step: int, figures: Mapping[str, float], image: ImageArray) -> None:
        """One row, whose names must be those of the rows before, and a picture (H, W, 3) RGB."""
        if self._events is None:
            return
        new = not self._table.exists() or not self._table.stat().st_size
        with self._table.open("a", newline="") as file:
            writer = csv.DictWriter(file, ["step", *figures])
            if new:
                writer.writeheader()
            writer.writerow({"step": step, **figures})
        for name, value in figures.items():
            self._events.add_scalar(name, value, step)
        self._pictures.mkdir(exist_ok=True)
        cv2.imwrite(str(self._pictures / f"step_{step:07d}.jpg"), image[:, :, ::-1])
        self._events.add_image("predictions", image, step, dataformats="HWC")
        self._events.flush()
