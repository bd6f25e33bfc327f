"""The user's cache folder, for downloaded weights and compiled networks."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

VARIABLE = "POSE_TRACK_CACHE"


def cache_folder() -> Path:
    """The folder that the variable POSE_TRACK_CACHE names, else `pose_track` in the platform's folder for caches.

    Without a home folder it is a temporary one, which is removed when the program ends, with a warning.
    """
    if value := os.environ.get(VARIABLE):
        return Path(value)
    caches = os.environ.get({"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME"))
    if caches:
        return Path(caches) / "pose_track"
    home = _home()
    if home is None:
        return Path(_temporary_folder().name)
    folders = {"win32": home / "AppData" / "Local", "darwin": home / "Library" / "Caches"}
    return folders.get(sys.platform, home / ".cache") / "pose_track"


def _home() -> Path | None:
    """The user's home folder; None where the system knows none, or HOME is set but empty, which would be the root."""
    if os.environ.get("HOME") == "":
        return None
    try:
        return Path.home()
    except RuntimeError:
        return None


@cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A private folder of this process: others could put networks of theirs into one with a known name."""
    logger.warning("there is no home folder, so nothing is kept for the next start; set %s to a folder", VARIABLE)
    return tempfile.TemporaryDirectory(prefix="pose-track-cache-")
