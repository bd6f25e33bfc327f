"""The user's cache folder, where downloaded weights and compiled networks are stored."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "POSE_TRACK_CACHE"


def cache_folder() -> Path:
    """The folder that POSE_TRACK_CACHE names, else `pose_track` in the user's folder for caches, as the platform has
    it."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if sys.platform == "win32":
        user = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Caches"
    else:
        user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "pose_track"
