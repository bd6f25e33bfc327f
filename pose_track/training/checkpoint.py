"""Training state on disk: written whole or not at all, read without running code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and strings; a reader never sees a half-written file."""
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Raises FileNotFoundError, or ValueError naming the file if it is no checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint of this program, or is cut short ({str(error).splitlines()[0]})") from error
