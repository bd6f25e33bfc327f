"""The user's cache folder, for downloaded weights and compiled networks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "POSE_TRACK_CACHE"


def cache_folder() -> Path:
    """The folder that the variable POSE_TRACK_CACHE names, else `pose_track` in the platform's folder for caches."""
    if value := os.environ.get(VARIABLE):
        return Path(value)
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "pose_track"
