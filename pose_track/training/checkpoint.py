"""Training state on disk: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pose_track.utils.version import __version__


def versions() -> dict[str, str]:
    """Of the programs that decide what a run computes."""
    return {
        "pose_track": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def check_space(folder: Path, network: nn.Module) -> None:
    """Make `folder`; raises OSError where its disk has no room for two checkpoints, the old and the new one, of the
    weights, their average and the optimizer's two moments."""
    folder.mkdir(parents=True, exist_ok=True)
    needed = 2 * 4 * sum(t.numel() * t.element_size() for t in network.state_dict().values())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{folder} has {free >> 20} MB free, its checkpoints need {needed >> 20} MB; give another --out")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and strings; `path` is replaced only once the new file is whole and on the disk.

    Raises OSError naming the file where it cannot be written; the one before it stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk in a RuntimeError
        raise OSError(f"the checkpoint {path} cannot be written, the one before it stays ({error})") from error
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What was saved, on the CPU. Raises FileNotFoundError, or ValueError naming the file if it is no checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is not a checkpoint of this program, or is cut short ({reason})") from error
