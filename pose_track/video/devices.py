"""Cameras and screens as FFmpeg opens them: by a device format, a name in it and options."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import av
import av.device

from pose_track.video.locations import CAMERA_FORMATS, Location
from pose_track.video.stream_options import StreamOptions

_SCREEN_FPS = 30


@dataclass(frozen=True)
class Device:
    """format: FFmpeg's name of the kind of device; name: what it opens; options: of that format."""

    format: str
    name: str
    options: dict[str, str]


def camera(location: Location, options: StreamOptions) -> Device:
    """The camera that a location names by number, or by format and name. Raises ValueError where there is none, and
    where this system has no such format."""
    if location.address.isdigit():
        kind, name = _numbered(int(location.address), location.text)
    else:
        kind, _, name = location.address.partition(":")
    if kind in CAMERA_FORMATS:
        _check_format(kind, location.text)
    if kind == "dshow" and not name.startswith("video="):
        name = f"video={name}"
    wanted = {} if options.fps is None else {"framerate": f"{options.fps:g}"}
    if options.size is not None:
        wanted["video_size"] = "{}x{}".format(*options.size)
    return Device(kind, name, wanted)


def _numbered(number: int, text: str) -> tuple[str, str]:
    """FFmpeg's format and name of the n-th camera of this system."""
    if sys.platform == "darwin":
        return "avfoundation", f"{number}:none"
    if sys.platform != "win32":
        return "v4l2", f"/dev/video{number}"
    _check_format("dshow", text)
    cameras = [device for device in av.device.enumerate_input_devices("dshow") if "video" in device.media_types]
    if number >= len(cameras):
        raise ValueError(f"{text} does not exist; there are {len(cameras)} cameras; check that it is connected")
    return "dshow", f"video={cameras[number].description}"


def screen(location: Location, options: StreamOptions) -> Device:
    """The screen, or the part of it that a location names. Raises ValueError where this system or session has none."""
    region = [int(part) for part in location.address.partition(":")[2].split(",") if part]
    wanted = {"framerate": f"{options.fps or _SCREEN_FPS:g}"}
    if region:
        wanted["video_size"] = f"{region[2]}x{region[3]}"
    if sys.platform == "darwin":
        if region:
            raise ValueError(f"{location.text!r}: macOS gives the whole screen only; leave the numbers out")
        _check_format("avfoundation", location.text)
        return Device("avfoundation", "Capture screen 0:none", wanted)
    if sys.platform == "win32":
        _check_format("gdigrab", location.text)
        offset = {"offset_x": str(region[0]), "offset_y": str(region[1])} if region else {}
        return Device("gdigrab", "desktop", wanted | offset)
    return _x11(location, wanted, region)


def _x11(location: Location, wanted: dict[str, str], region: list[int]) -> Device:
    _check_format("x11grab", location.text)
    display = os.environ.get("DISPLAY")
    if not display:
        raise ValueError(
            f"{location.text!r} needs an X11 display, and DISPLAY is not set; run it in a desktop session with X11 (a "
            "Wayland session shows FFmpeg no screen)"
        )
    return Device("x11grab", display + (f"+{region[0]},{region[1]}" if region else ""), wanted)


def _check_format(name: str, text: str) -> None:
    known = {part for row in av.formats_available for part in row.split(",")}
    if name not in known:
        raise ValueError(f"{text!r} needs FFmpeg's device {name}, which this system's PyAV does not have")
