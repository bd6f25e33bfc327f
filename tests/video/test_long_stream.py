"""An hour of frames, as fast as they can be read: memory stays flat, and no thread is left."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from itertools import islice

import pytest
from make_video import read_number
from servers.frames import h264_frames, jpeg_frames
from servers.http_servers import MotionJpegServer
from servers.rtsp import RtspServer
from servers.server import Server

from pose_track.video.newest import NewestFrames
from pose_track.video.reader import open_video

_FAST = 1e6  # frames per second: without a wait
_HOUR = 3600 * 30
_SIZE = (64, 48)
_MAX_GROWTH = 8e6


def jpegs(client: int) -> Iterator[bytes]:
    return itertools.cycle(list(islice(jpeg_frames(_SIZE), 50)))


def coded(client: int) -> Iterator[bytes]:
    return itertools.cycle(list(islice(h264_frames(_SIZE), 50)))


def resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        pytest.skip("this system does not tell the memory of a process in /proc")


def server_of(kind: str) -> Server:
    if kind == "http":
        return MotionJpegServer(fps=_FAST, frames=jpegs)
    return RtspServer(fps=_FAST, frames=coded)


# what is read, and how many frames of it
RUNS = [("http", 3000), ("rtsp", 3000)] + [
    pytest.param(kind, _HOUR, marks=pytest.mark.slow) for kind in ("http", "rtsp")
]


@pytest.mark.parametrize(("kind", "num_frames"), RUNS)
def test_memory_is_flat(kind: str, num_frames: int) -> None:
    threads = threading.active_count()
    with server_of(kind) as server, open_video(server.url) as reader:  # type: ignore[attr-defined]
        frames = iter(reader)
        for _ in islice(frames, 1000):
            pass
        gc.collect()
        before = resident_bytes()
        for frame in islice(frames, num_frames - 1000):
            if frame.index % 1000 == 0:
                assert read_number(frame.image) == frame.index % 50
        gc.collect()
        assert frame.index == num_frames - 1
        assert resident_bytes() - before < _MAX_GROWTH
        assert not reader.faults
    assert threading.active_count() == threads


def test_memory_is_flat_where_frames_are_skipped() -> None:
    threads = threading.active_count()
    with server_of("http") as server, NewestFrames(open_video(server.url)) as newest:  # type: ignore[attr-defined]
        before = 0
        for frame in newest:
            before = before or (resident_bytes() if frame.index > 1000 else 0)
            server.stopped.wait(0.002)
            if frame.index > 4000:
                break
        gc.collect()
        assert newest.num_skipped > 0
        assert resident_bytes() - before < _MAX_GROWTH
    assert threading.active_count() == threads
