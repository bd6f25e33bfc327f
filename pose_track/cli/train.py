"""Train a keypoint network or the person detector.

On several GPUs all of them are used; on several machines start tools/train.py with torchrun. The folder of --out holds,
from the start, config.yaml, checkpoint.pt, log.csv, tensorboard/ and images/, and at the end weights.safetensors, the
averaged weights.

--resume DIR alone continues a run with the settings in its config.yaml. Options change those settings that do not
determine the result: --loop.epochs, which may make the run longer or shorter, --loop.workers, --hardware.threads, the
places of the data and the like. All others are refused.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pose_track.cli.parser import Parser

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from pose_track.training.config import TrainingConfig
    from pose_track.training.loop import Trainer

CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint in the folder of a run."""


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("config", type=Path, nargs="?", help="a training config, such as configs/train/pose_compact.yaml")
    add("--out", type=Path, metavar="DIR", help="folder of the run (default: runs/<name of the config>)")
    text = "continue the run in DIR, or in the folder of --out; starts it where there is no checkpoint yet"
    add("--resume", nargs="?", type=Path, const=True, metavar="DIR", help=text)
    parser.add_settings(_settings_class, note="A training config states the required ones.")


def _settings_class() -> type[TrainingConfig]:
    from pose_track.training.config import TrainingConfig

    return TrainingConfig


class _Run(NamedTuple):
    """config: the settings file; out: the folder; may_resume: whether a checkpoint in it is continued."""

    config: Path
    out: Path
    may_resume: bool


def _requested_run(options: argparse.Namespace) -> _Run:
    """The run that the options name. Raises ValueError where they name none or two, FileNotFoundError for no run."""
    from pose_track.training.run_config import saved_config

    config, out, resume = options.config, options.out, options.resume
    if config is None and isinstance(resume, Path) and resume.is_file():  # --resume CONFIG
        config, resume = resume, True
    if isinstance(resume, Path):
        if out not in (None, resume):
            raise ValueError(f"--resume {resume} and --out {out} are different folders; give one of them")
        out = resume
    if config is None and (out is None or resume is None):
        raise ValueError("give a training config, such as configs/train/pose_compact.yaml, or --resume DIR")
    return _Run(config or saved_config(out), out or Path("runs") / config.stem, resume is not None)


def run(options: argparse.Namespace, overrides: Mapping[str, str]) -> int:
    from pose_track.config.load import load_settings
    from pose_track.training.config import TrainingConfig
    from pose_track.training.packages import require_training_packages

    require_training_packages()
    from pose_track.training.launch import is_first_process, launch
    from pose_track.training.run_config import save_config
    from pose_track.utils.folder_lock import locked_folder

    config_path, out, may_resume = _requested_run(options)
    config = load_settings(TrainingConfig, config_path, overrides)
    if (out / CHECKPOINT).exists() and not may_resume:
        raise FileExistsError(f"{out} holds a checkpoint; give --resume {out} to continue it, or another --out")
    with locked_folder(out) if is_first_process() else nullcontext():  # the other processes are of the same run
        fabric = launch(config.hardware)
        trainer = _trainer(config, out, fabric)
        if fabric.is_global_zero:
            save_config(config, out)
        metrics = trainer.run()
        if fabric.is_global_zero:
            _save_weights(trainer, config, metrics, out / "weights.safetensors")
    return 0


def _trainer(config: TrainingConfig, out: Path, fabric: Fabric) -> Trainer:
    """The trainer of a run, at the checkpoint in its folder where there is one."""
    from pose_track.training.loop import Trainer
    from pose_track.training.tasks import build_task

    resumed = (out / CHECKPOINT).exists()
    initial = config.model_copy(update={"init_weights": None, "init_trunk": None}) if resumed else config
    task, settings = build_task(initial, str(fabric.device)), config.result_settings()
    trainer = Trainer(task, config.loop, config.optimizer, out, fabric, settings, config.hardware.compile)
    if resumed:
        trainer.resume()
    return trainer


def _save_weights(trainer: Trainer, config: TrainingConfig, metrics: Mapping[str, float], path: Path) -> None:
    """Write the averaged weights and print the metrics."""
    from pose_track.weights.load import save_weights

    metadata = {"task": config.task, "settings": json.dumps(trainer.settings), **config.metadata()}
    metadata |= {name: f"{value:.4f}" for name, value in metrics.items()}
    save_weights(trainer.result, path, metadata)
    print(", ".join(f"{name} {value:.3f}" for name, value in metrics.items()), "->", path)
