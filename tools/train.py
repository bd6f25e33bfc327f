#!/usr/bin/env python3
"""Train a keypoint network or the person detector: tools/train.py CONFIG [--out DIR] [--resume] [--section.key value].

On several GPUs all of them are used; on several machines start it with torchrun. Writes into DIR as it goes:
checkpoint.pt, log.csv, tensorboard/ and pictures/; and at the end weights.safetensors, the averaged weights. A run goes
on with the settings it began with, but for --loop.epochs, which may make it longer or shorter.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.cli.parser import Parser, guarded, split_overrides
from pose_track.config.load import load_settings


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    from pose_track.training.config import TrainingConfig
    from pose_track.training.launch import launch
    from pose_track.training.loop import Trainer
    from pose_track.training.tasks import build_task
    from pose_track.weights.load import save_weights

    experiment = load_settings(TrainingConfig, options.config, split_overrides(words))
    out = options.out or Path("runs") / options.config.stem
    if (out / "checkpoint.pt").exists() and not options.resume:
        raise FileExistsError(f"{out} holds a checkpoint; give --resume to go on with it, or another --out")
    fabric = launch(experiment.hardware)
    settings = experiment.course()
    task = build_task(experiment, str(fabric.device))
    trainer = Trainer(task, experiment.loop, experiment.optimizer, out, fabric, settings, experiment.hardware.compile)
    if (out / "checkpoint.pt").exists():
        trainer.resume()
    figures = trainer.run()
    if fabric.is_global_zero:
        notes = {"task": experiment.task, "settings": json.dumps(settings), **experiment.notes()}
        notes |= {name: f"{value:.4f}" for name, value in figures.items()}
        save_weights(trainer.averaged.module, out / "weights.safetensors", notes)
        print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()), "->", out / "weights.safetensors")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="train.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--out", type=Path, help="where the run is kept; runs/<name of the config> if not given")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint there, if any, with any --loop.epochs"
    )
    chosen, rest = parser.parse_known_args(arguments)
    return guarded(lambda: run(chosen, rest))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
