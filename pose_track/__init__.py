"""Every person's pose, tracked, from a video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pose_track.build import Stages, build_stages
    from pose_track.formats.tracks_jsonl import read_tracks
    from pose_track.own_models import own_stages
    from pose_track.pipeline import track_video
    from pose_track.results import Summary, track_file
    from pose_track.settings import Settings, load_settings
    from pose_track.skeleton import SKELETONS, Skeleton
    from pose_track.types import Detections, Frame, Poses, TrackedPoses
    from pose_track.video.reader import open_video

_HOMES = {
    "build": ("Stages", "build_stages"),
    "formats.tracks_jsonl": ("read_tracks",),
    "own_models": ("own_stages",),
    "pipeline": ("track_video",),
    "results": ("Summary", "track_file"),
    "settings": ("Settings", "load_settings"),
    "skeleton": ("SKELETONS", "Skeleton"),
    "types": ("Detections", "Frame", "Poses", "TrackedPoses"),
    "video.reader": ("open_video",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "SKELETONS",
    "Detections",
    "Frame",
    "Poses",
    "Settings",
    "Skeleton",
    "Stages",
    "Summary",
    "TrackedPoses",
    "__version__",
    "build_stages",
    "load_settings",
    "open_video",
    "own_stages",
    "read_tracks",
    "track_file",
    "track_video",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for: PyTorch takes seconds, and many uses need none of it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
