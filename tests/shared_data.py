"""Test data outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def shared(relative: str) -> Path:
    """The path of a shared file; skips the test where it does not exist.

    The files are in the folder that POSE_TRACK_SHARED names, else in `shared` beside the repository.
    """
    path = Path(os.environ.get("POSE_TRACK_SHARED") or _ROOT.parent / "shared") / relative
    if not path.exists():
        pytest.skip(f"no test data {relative}; set POSE_TRACK_SHARED to the folder that holds it")
    return path
