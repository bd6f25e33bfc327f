"""Training checkpoints: written atomically, and read without running code from the file."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from pose_track.utils.atomic import atomic_path
from pose_track.utils.version import __version__


def versions() -> dict[str, str]:
    """The versions of the programs that determine the result of a run."""
    return {
        "pose_track": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def check_space(folder: Path, network: nn.Module) -> None:
    """Create `folder`. Raises OSError if its disk has no room for two checkpoints, the old and the new one.

    A checkpoint holds the weights, their average and the optimizer's two moments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    needed = 2 * 4 * sum(t.numel() * t.element_size() for t in network.state_dict().values())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{folder} has {free >> 20} MB free, its checkpoints need {needed >> 20} MB; give another --out")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and strings; the new file replaces `path` once it is complete and on the disk.

    Raises OSError naming the file if it cannot be written; the previous checkpoint stays.
    """
    try:
        with atomic_path(path, sync=True, single_writer=True) as part, part.open("wb") as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise OSError(
            f"cannot write the checkpoint {path}, the previous one stays; make room on the disk ({error})"
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The saved state, on the CPU. Raises FileNotFoundError, or ValueError naming a file that is not a checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # the unpickler may raise anything on damaged bytes
        raise ValueError(f"{path} is not a checkpoint of this program, or is truncated ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """The error of reading a checkpoint, without PyTorch's advice to load the file in a way that runs code from it."""
    if isinstance(error, UnpicklingError) or "weights_only" in str(error):
        return "it holds something else than tensors, numbers and strings, and what it holds is not run"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
