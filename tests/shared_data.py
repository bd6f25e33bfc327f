"""Where tests find recorded data that is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def shared(relative: str) -> Path:
    """Path of a shared file, below the folder POSE_TRACK_SHARED or, where that is not set, `shared` beside the
    project; skips the test where it is absent."""
    path = Path(os.environ.get("POSE_TRACK_SHARED", _ROOT.parent / "shared")) / relative
    if not path.exists():
        pytest.skip(f"no recorded data {relative}; set POSE_TRACK_SHARED to the folder that holds it")
    return path
