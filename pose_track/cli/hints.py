"""What a user who has chosen nothing should know once."""

from __future__ import annotations

import sys

from pose_track.utils.cache_dir import cache_folder

_MARKER = "better_preset"
_BETTER_PRESET = (
    "for more accurate poses: --preset balanced, which downloads 74 MB once; for feet, hands or crowds: see "
    "pose-track track --help"
)


def better_preset() -> str | None:
    """A line on the presets that are better than the bundled networks, once for each user: a file in the cache folder
    tells that it was given. None from then on, where no such file can be written, and without a terminal."""
    if not sys.stdout.isatty():
        return None
    marker = cache_folder() / "hints" / _MARKER
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch(exist_ok=False)
    except OSError:  # it is there already, or cannot be kept
        return None
    return _BETTER_PRESET
