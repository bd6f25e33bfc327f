"""A short run in double precision, in one process or, under torchrun, in several: two_processes.py FOLDER."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lightning_fabric import Fabric
from tiny_tasks import pose_task
from torch import Tensor

from pose_track.datasets.top_down import PoseAugmentation
from pose_track.training.batch_norm import sync_batch_norms
from pose_track.training.loop import Trainer
from pose_track.training.loss import joints_mse
from pose_track.training.options import LoopOptions, OptimizerOptions


def loss(output: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return joints_mse(output.double(), targets.double(), weights.double())


def main(folder: Path) -> None:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(accelerator="cpu", devices=world, strategy="ddp" if world > 1 else "auto", precision="64-true")
    fabric.launch()
    images = folder.parent / f"images_{world}_{fabric.global_rank}"  # each process writes its own
    task = pose_task(images, PoseAugmentation(), loss=loss)._replace(evaluate=lambda net: {})
    sync_batch_norms(task.network.double(), fabric.device)
    Trainer(task, LoopOptions(epochs=3, batch_size=4), OptimizerOptions(learning_rate=3e-3), folder, fabric).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
