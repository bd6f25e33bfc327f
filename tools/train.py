#!/usr/bin/env python3
"""Train a keypoint network or the person detector: tools/train.py CONFIG [--out DIR] [--resume] [--section.key value].

Writes DIR/checkpoint.pt and DIR/log.csv as it goes, and DIR/weights.safetensors, the averaged weights, at the end.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pose_track.cli import Parser, guarded, split_overrides
from pose_track.settings import load_settings

LOCAL = {"train", "val", "init_weights", "device", "threads"}  # settings that tell of the machine, not of the weights


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    import cv2
    import torch

    from pose_track.models.weights import save_weights
    from pose_track.runtime.torch_runtime import resolve_device
    from pose_track.training.experiment import Experiment, build_task
    from pose_track.training.loop import Trainer

    experiment = load_settings(Experiment, options.config, split_overrides(words))
    if experiment.threads:
        torch.set_num_threads(experiment.threads)
        cv2.setNumThreads(experiment.threads)
    out = options.out or Path("runs") / options.config.stem
    device = str(resolve_device(experiment.device))
    if (out / "checkpoint.pt").exists() and not options.resume:
        raise FileExistsError(f"{out} holds a checkpoint; give --resume to go on with it, or another --out")
    trainer = Trainer(build_task(experiment, device), experiment.loop, out, device)
    if options.resume:
        trainer.resume()
    figures = trainer.run()
    notes = {"task": experiment.task, "settings": experiment.model_dump_json(exclude=LOCAL)}
    notes |= {name: f"{value:.4f}" for name, value in figures.items()}
    save_weights(trainer.averaged.module, out / "weights.safetensors", notes)
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()), "->", out / "weights.safetensors")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="train.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("config", type=Path, help="a training config, such as configs/train/pose_compact.yaml")
    parser.add_argument("--out", type=Path, help="where the run is kept; runs/<name of the config> if not given")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint there")
    chosen, rest = parser.parse_known_args(arguments)
    return guarded(lambda: run(chosen, rest))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
