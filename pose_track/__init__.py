"""Every person's pose, tracked, from a video."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pose_track.utils.version import __version__

if TYPE_CHECKING:
    from pose_track.build.custom_models import custom_stages
    from pose_track.build.stages import build_stages
    from pose_track.config.load import load_settings
    from pose_track.config.settings import Settings
    from pose_track.drawing.painter import Painter, draw
    from pose_track.drawing.style import Style
    from pose_track.editing.session import EditSession
    from pose_track.formats.tracks_jsonl import read_tracks
    from pose_track.live.pose_tracker import PoseTracker
    from pose_track.pipeline.stages import Stages
    from pose_track.pipeline.summary import Summary
    from pose_track.pipeline.track_file import track_file
    from pose_track.pipeline.track_video import track_video
    from pose_track.structures.frames import Detections, Frame, Poses, TrackedPoses
    from pose_track.structures.person import Joint, Person
    from pose_track.structures.skeleton import SKELETONS, Skeleton
    from pose_track.video.reader import open_video
    from pose_track.video.stream_options import StreamOptions

# ONNX Runtime reads this when it is imported; without it, it looks up a host of its maker and writes a device id.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# OpenVINO reports each conversion of a network to its maker, unless this package of its cannot be imported.
sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))

_HOMES = {
    "build.custom_models": ("custom_stages",),
    "build.stages": ("build_stages",),
    "config.load": ("load_settings",),
    "config.settings": ("Settings",),
    "drawing.painter": ("Painter", "draw"),
    "drawing.style": ("Style",),
    "editing.session": ("EditSession",),
    "formats.tracks_jsonl": ("read_tracks",),
    "live.pose_tracker": ("PoseTracker",),
    "pipeline.stages": ("Stages",),
    "pipeline.summary": ("Summary",),
    "pipeline.track_file": ("track_file",),
    "pipeline.track_video": ("track_video",),
    "structures.frames": ("Detections", "Frame", "Poses", "TrackedPoses"),
    "structures.person": ("Joint", "Person"),
    "structures.skeleton": ("SKELETONS", "Skeleton"),
    "video.reader": ("open_video",),
    "video.stream_options": ("StreamOptions",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "SKELETONS",
    "Detections",
    "EditSession",
    "Frame",
    "Joint",
    "Painter",
    "Person",
    "PoseTracker",
    "Poses",
    "Settings",
    "Skeleton",
    "Stages",
    "StreamOptions",
    "Style",
    "Summary",
    "TrackedPoses",
    "__version__",
    "build_stages",
    "custom_stages",
    "draw",
    "load_settings",
    "open_video",
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
