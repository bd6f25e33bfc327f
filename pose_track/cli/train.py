"""Train a keypoint network or the person detector.

On several GPUs all of them are used; on several machines start tools/train.py with torchrun. The folder of --out holds,
from the start, checkpoint.pt, log.csv, tensorboard/ and images/, and at the end weights.safetensors, the averaged
weights. A resumed run keeps the settings that it started with, except --loop.epochs, which may make it longer or
shorter.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from pose_track.training.config import TrainingConfig


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    add("--out", type=Path, metavar="DIR", help="folder of the run (default: runs/<name of the config>)")
    add("--resume", action="store_true", help="continue from the checkpoint in DIR, if there is one")
    parser.add_settings(_settings_class, note="A training config states the required ones.")


def _settings_class() -> type[TrainingConfig]:
    from pose_track.training.config import TrainingConfig

    return TrainingConfig


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings
    from pose_track.training.config import TrainingConfig
    from pose_track.training.packages import require_training_packages

    require_training_packages()
    from pose_track.training.launch import launch
    from pose_track.training.loop import Trainer
    from pose_track.training.tasks import build_task
    from pose_track.weights.load import save_weights

    config = load_settings(TrainingConfig, options.config, overrides)
    out = options.out or Path("runs") / options.config.stem
    checkpoint, weights = out / "checkpoint.pt", out / "weights.safetensors"
    if checkpoint.exists() and not options.resume:
        raise FileExistsError(f"{out} holds a checkpoint; give --resume to continue it, or another --out")
    fabric = launch(config.hardware)
    settings = config.result_settings()
    task = build_task(config, str(fabric.device))
    trainer = Trainer(task, config.loop, config.optimizer, out, fabric, settings, config.hardware.compile)
    if checkpoint.exists():
        trainer.resume()
    metrics = trainer.run()
    if fabric.is_global_zero:
        metadata = {"task": config.task, "settings": json.dumps(settings), **config.metadata()}
        metadata |= {name: f"{value:.4f}" for name, value in metrics.items()}
        save_weights(trainer.averaged.module, weights, metadata)
        print(", ".join(f"{name} {value:.3f}" for name, value in metrics.items()), "->", weights)
    return 0
