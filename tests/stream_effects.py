"""The effect of each setting of cameras, streams and pipes; see test_setting_effects.py."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from servers.http_servers import MotionJpegServer
from servers.rtsp import RtspServer

from pose_track.config.settings import Settings
from pose_track.pipeline.track_file import stream_options
from pose_track.video.devices import camera
from pose_track.video.locations import Location
from pose_track.video.reader import open_video
from pose_track.video.source import StreamLostError

if TYPE_CHECKING:
    from test_setting_effects import World

_DEVICE = Location("camera", "test", "test", "lavfi:testsrc")


def _number_before(unit: str, error: BaseException) -> float:
    match = re.search(rf"([\d.]+) {unit}", str(error))
    assert match is not None
    return float(match[1])


def _seconds_to_open(settings: Settings, world: World) -> float:
    """After how many seconds a server that says nothing is given up, by the message."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError) as caught:
        open_video(f"tcp://127.0.0.1:{silent.getsockname()[1]}", stream=stream_options(settings.stream))
    return _number_before("seconds", caught.value)


def _lost(settings: Settings, kill: bool) -> tuple[StreamLostError, float]:
    """The error of a stream that is killed, or stalls, and how many seconds it took to come."""
    server = MotionJpegServer(fps=100)
    with server, open_video(server.url, stream=stream_options(settings.stream)) as reader:
        frames = iter(reader)
        next(frames)
        started = time.monotonic()
        if kill:
            server.kill()
        else:
            server.stalled.set()
        with pytest.raises(StreamLostError) as caught:
            list(frames)
        return caught.value, time.monotonic() - started


def _seconds_to_lose(settings: Settings, world: World) -> float:
    return _number_before("seconds", _lost(settings, kill=False)[0])


def _num_reconnects(settings: Settings, world: World) -> float:
    return _number_before("attempts", _lost(settings, kill=True)[0])


def _waits_for(seconds: float) -> Callable[[Settings, World], bool]:
    return lambda settings, world: _lost(settings, kill=True)[1] > seconds


def _asks_for_udp(settings: Settings, world: World) -> bool:
    with RtspServer(fps=100) as server, open_video(server.url, stream=stream_options(settings.stream)):
        return "client_port" in server.transports[0]


def _wanted(name: str) -> Callable[[Settings, World], object]:
    return lambda settings, world: camera(_DEVICE, stream_options(settings.stream)).options.get(name)


def _raw_width(settings: Settings, world: World) -> int:
    path = world.folder / "clip.rgb"
    path.write_bytes(np.zeros((2, 64, 96, 3), np.uint8).tobytes())
    with open_video(path, stream=stream_options(settings.stream)) as reader:
        return reader.info.width


_ONCE = {"stream.max_reconnects": "1"}
_AT_ONCE = {"stream.first_backoff_seconds": "0.01"}
_THRICE = {"stream.max_reconnects": "3", "stream.first_backoff_seconds": "0.2"}

STREAM_EFFECTS: list[tuple[str, dict[str, str], Callable[[Settings, World], object], dict[str, object]]] = [
    ("stream.open_timeout_seconds", {}, _seconds_to_open, {"0.2": 0.2, "0.4": 0.4}),
    ("stream.read_timeout_seconds", {"stream.max_reconnects": "0"}, _seconds_to_lose, {"0.2": 0.2, "0.4": 0.4}),
    ("stream.max_reconnects", _AT_ONCE, _num_reconnects, {"0": 0, "2": 2}),
    ("stream.first_backoff_seconds", _ONCE, _waits_for(0.5), {"0": False, "0.6": True}),
    ("stream.max_backoff_seconds", _THRICE, _waits_for(1.3), {"10": True, "0.2": False}),
    ("stream.rtsp_transport", {}, _asks_for_udp, {"tcp": False, "udp": True}),
    ("stream.size", {}, _wanted("video_size"), {"null": None, "[640, 480]": "640x480"}),
    ("stream.fps", {}, _wanted("framerate"), {"null": None, "29.97": "29.97"}),
    ("stream.raw", {}, _raw_width, {"96x64": 96, "48x64": 48}),
]
