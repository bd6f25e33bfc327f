"""Measurements of a training run, and the files they are written to: a table, TensorBoard events and images."""

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

from pose_track.structures.arrays import ImageArray
from pose_track.training.loader import TimedLoader


def format_row(row: Mapping[str, float], metric: str | None) -> str:
    """A log row as one line of text. metric: name of the metric to show.

    >>> row = {"epoch": 2.0, "loss": 0.00123, "samples_per_second": 40.0, "data_wait": 0.02, "pck": 0.5}
    >>> format_row(row, "pck")
    'epoch 2.00: loss 0.00123, pck 0.5000; 40.0 samples/s, 2 % of the time waiting for data'
    """
    shown = f", {metric} {row[metric]:.4f}" if metric else ""
    speed = f"{row['samples_per_second']:.1f} samples/s, {row['data_wait']:.0%} of the time waiting for data"
    return f"epoch {row['epoch']:.2f}: loss {row['loss']:.5g}{shown}; {speed}".replace("%", " %")


class Meter:
    """Mean loss, speed and skipped samples since the last `restart`. batch_size: samples of all processes in a step."""

    def __init__(self, fabric: Fabric, batches: TimedLoader, batch_size: int):
        self._fabric, self._batches, self._batch_size = fabric, batches, batch_size
        self.restart()

    def restart(self) -> None:
        self._loss = torch.zeros((), device=self._fabric.device)
        self._steps, self._broken = 0, 0
        self._start, self._waited = time.monotonic(), self._batches.seconds

    def add(self, loss: Tensor, num_broken: int) -> None:
        """Count a step. num_broken: its samples that replace broken ones."""
        self._loss += loss
        self._steps, self._broken = self._steps + 1, self._broken + num_broken

    def read(self) -> dict[str, float]:
        """The measurements, over all processes, all of which must call this.

        loss: mean over the steps. samples_per_second. data_wait: fraction of the time spent waiting for data. broken:
        number of skipped samples.
        """
        seconds = max(time.monotonic() - self._start, 1e-9)
        waited = (self._batches.seconds - self._waited) / seconds
        local = torch.tensor([float(self._loss) / self._steps, waited, self._broken], device=self._fabric.device)
        loss, wait, broken = cast(Tensor, self._fabric.all_reduce(local)).tolist()
        speed = self._steps * self._batch_size / seconds
        broken *= self._fabric.world_size
        return {"loss": loss, "samples_per_second": speed, "data_wait": wait, "broken": broken}


class RunLog:
    """Writes `log.csv`, `tensorboard/` and `images/` in a run's folder.

    Args:
        folder: of the run.
        start_step: later rows, left by an interrupted run, are deleted, since the resumed run writes them again.
        enabled: False writes nothing.
    """

    def __init__(self, folder: Path, start_step: int = 0, enabled: bool = True):
        self._table, self._images = folder / "log.csv", folder / "images"
        self._events: SummaryWriter | None = None
        if enabled:
            self._delete_rows_after(start_step)
            self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=start_step + 1)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._events is not None:
            self._events.close()

    def _delete_rows_after(self, step: int) -> None:
        if self._table.exists():
            lines = self._table.read_text().splitlines(keepends=True)
            earlier = [row for row in lines[1:] if int(row.split(",")[0]) <= step]
            self._table.write_text("".join(lines[:1] + earlier) if earlier else "")

    def write(self, step: int, values: Mapping[str, float], image: ImageArray) -> None:
        """Write one row and an image. values: with the same names in every row; image: (H, W, 3) RGB."""
        if self._events is None:
            return
        new = not self._table.exists() or not self._table.stat().st_size
        with self._table.open("a", newline="") as file:
            writer = csv.DictWriter(file, ["step", *values])
            if new:
                writer.writeheader()
            writer.writerow({"step": step, **values})
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._images.mkdir(exist_ok=True)
        cv2.imwrite(str(self._images / f"step_{step:07d}.jpg"), image[:, :, ::-1])
        self._events.add_image("predictions", image, step, dataformats="HWC")
        self._events.flush()
