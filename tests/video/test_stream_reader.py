"""Live sources: servers on the loopback that are killed, stall, change and send garbage."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video, read_number
from servers.frames import h264_frames, jpeg_frames
from servers.http_servers import MotionJpegServer
from servers.rtsp import RtspServer
from servers.server import Server
from servers.udp import UdpSender, free_port

from pose_track.structures.frames import Frame
from pose_track.video.reader import open_video
from pose_track.video.source import StreamLostError, VideoReader
from pose_track.video.stream_options import StreamOptions

QUICK = StreamOptions(3.0, 1.0, max_reconnects=20, first_backoff_seconds=0.05, max_backoff_seconds=0.1)
FPS = 100.0


def numbers(frames: list[Frame]) -> list[int]:
    return [read_number(frame.image) for frame in frames]


def shown(error: BaseException) -> str:
    """What a traceback shows of an error and those behind it, without the lines of code."""
    lines = traceback.format_exception(error)
    return "".join(line for line in lines if not line.startswith("  File"))


def from_number(first: int) -> Callable[[int], Iterator[bytes]]:
    return lambda client: islice(h264_frames(), first, None)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp(transport: str) -> None:
    options = replace(QUICK, rtsp_transport=transport)
    with RtspServer(fps=FPS) as server, open_video(server.url, stream=options) as reader:
        started = time.monotonic()
        frames = list(islice(reader, 150))
        seconds = time.monotonic() - started
    assert reader.is_live
    assert (reader.info.source, reader.info.width, reader.info.height) == (server.url, 192, 128)
    assert not reader.faults
    assert [frame.index for frame in frames] == list(range(150))
    assert numbers(frames) == list(range(150))
    times = [frame.pts_seconds for frame in frames]
    assert times[0] == 0 < times[1] < 0.1  # FFmpeg gives the first frame of RTSP no timestamp
    assert np.diff(times[1:]) == pytest.approx(1 / FPS, abs=1e-4)
    captured = [frame.captured for frame in frames]
    assert all(time is not None for time in captured)
    assert captured == sorted(captured)
    assert seconds < 3  # not slower than the server
    late = [frame.captured - server.sent[n] for n, frame in enumerate(frames[-20:], 130)]  # type: ignore[operator]
    assert 0 < min(late) <= max(late) < 0.5


def test_motion_jpeg_has_the_times_of_its_arrival() -> None:
    with MotionJpegServer(fps=FPS) as server, open_video(server.url, stream=QUICK) as reader:
        frames = list(islice(reader, 50))
    assert reader.is_live
    assert numbers(frames) == list(range(50))
    expected = [frame.captured - frames[0].captured for frame in frames]  # type: ignore[operator]
    assert [frame.pts_seconds for frame in frames] == pytest.approx(expected, abs=0.05)
    assert frames[-1].pts_seconds == pytest.approx(49 / FPS, abs=0.3)


def test_a_stream_that_ends_gives_all_its_frames(tmp_path: Path) -> None:
    content = make_video(tmp_path / "clip.ts", 30, options={"bf": "2"}).read_bytes()

    class Sender(Server):
        def serve(self, client: socket.socket) -> None:
            client.sendall(content)

    frames: list[Frame] = []
    with (
        Sender() as server,
        open_video(f"tcp://127.0.0.1:{server.port}", stream=replace(QUICK, max_reconnects=0)) as reader,
        pytest.raises(StreamLostError, match="frame 30: it ended"),
    ):
        frames.extend(reader)
    assert numbers(frames) == list(range(30))


def test_udp_with_losses() -> None:
    port = free_port()
    lost = set(range(60, 64)) | {140}
    with UdpSender(port, int(FPS), lost.__contains__), open_video(f"udp://127.0.0.1:{port}", stream=QUICK) as reader:
        frames = list(islice(reader, 150))
    assert reader.faults
    assert "lost" in reader.faults[0].cause or "damaged" in reader.faults[0].cause
    assert [frame.index for frame in frames] == list(range(150))
    times = [frame.pts_seconds for frame in frames]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[-1] == pytest.approx(read_number(frames[-1].image) / FPS, abs=0.1)  # lost frames leave gaps


def test_a_killed_server_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    first = RtspServer(fps=FPS, password="secret")
    second: list[RtspServer] = []
    url = first.url.replace("//", "//user:secret@")
    frames = []
    try:
        with open_video(url, stream=QUICK) as reader:
            for frame in islice(reader, 1000):
                frames.append(frame)
                if frame.index == 50:
                    first.kill()
                    killed = len(frames)
                    restart = threading.Timer(
                        0.5, lambda: second.append(RtspServer(first.port, FPS, "secret", from_number(100)))
                    )
                    restart.start()
                if read_number(frame.image) == 130:
                    break
    finally:
        first.kill()
        restart.join()
        for server in second:
            server.kill()
    assert killed == 51
    found = numbers(frames)
    (gap,) = [n for n in range(1, len(found)) if found[n] != found[n - 1] + 1]
    assert found == [*range(gap), *range(100, 131)]
    assert [frame.index for frame in frames] == list(range(len(frames)))
    (fault,) = reader.faults
    assert fault.frame_index == gap
    assert "connection lost" in fault.cause
    step = frames[gap].pts_seconds - frames[gap - 1].pts_seconds
    assert step == pytest.approx(frames[gap].captured - frames[gap - 1].captured, abs=1e-6)  # type: ignore[operator]
    assert 0.4 < step < 4
    assert "was lost at frame" in caplog.text
    assert "secret" not in f"{caplog.text}{reader.info}{reader.faults}"


def test_a_server_that_stays_away_is_given_up() -> None:
    server = RtspServer(fps=FPS)
    options = replace(QUICK, max_reconnects=3)
    frames: list[Frame] = []

    def read(reader: VideoReader) -> None:
        for frame in islice(reader, 1000):
            frames.append(frame)
            if frame.index == 20:
                server.kill()

    with open_video(server.url, stream=options) as reader, pytest.raises(StreamLostError, match="3 attempts") as caught:
        read(reader)
    assert caught.value.frame_index == len(frames)
    assert numbers(frames) == list(range(len(frames)))


def test_a_stalled_stream_is_opened_again() -> None:
    def go_on() -> None:
        while server.num_clients < 2 and not server.stopped.wait(0.01):
            pass
        server.stalled.clear()

    options = replace(QUICK, read_timeout_seconds=0.4)
    with RtspServer(fps=FPS) as server, open_video(server.url, stream=options) as reader:
        for frame in islice(reader, 1000):
            if frame.index == 50:
                server.stalled.set()
                threading.Thread(target=go_on).start()
            if reader.faults:
                break
    (fault,) = reader.faults
    assert fault.frame_index == frame.index
    assert "0.4 seconds" in fault.cause


def test_a_server_that_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        for scheme in ("rtsp", "tcp", "http"):
            url = f"{scheme}://user:secret@127.0.0.1:{silent.getsockname()[1]}/a"
            with pytest.raises(TimeoutError, match=r"0\.3 seconds") as caught:
                open_video(url, stream=replace(QUICK, open_timeout_seconds=0.3))
            assert "secret" not in shown(caught.value)
    assert time.monotonic() - started < 5


def test_a_refused_connection_and_a_wrong_password() -> None:
    with RtspServer(password="right") as server:
        with pytest.raises(ConnectionError, match="401") as caught:
            open_video(server.url.replace("//", "//user:secret@"), stream=QUICK)
        assert "secret" not in shown(caught.value)
    with pytest.raises(ConnectionError, match="refused"):
        open_video(server.url, stream=QUICK)


def test_another_size_is_scaled_to_the_first() -> None:
    def frames_of(client: int) -> Iterator[bytes]:
        return chain(islice(jpeg_frames(), 20), islice(jpeg_frames((96, 64)), 20, None))

    with MotionJpegServer(fps=FPS, frames=frames_of) as server, open_video(server.url, stream=QUICK) as reader:
        frames = list(islice(reader, 40))
    assert numbers(frames) == list(range(40))
    assert {frame.image.shape for frame in frames} == {(128, 192, 3)}


def test_garbage_is_passed_over() -> None:
    def frames_of(client: int) -> Iterator[bytes]:
        for number, image in enumerate(jpeg_frames()):
            yield bytes(range(256)) * 4 if 20 <= number < 25 else image

    with MotionJpegServer(fps=FPS, frames=frames_of) as server, open_video(server.url, stream=QUICK) as reader:
        frames = list(islice(reader, 40))
    assert numbers(frames) == [*range(20), *range(25, 45)]
    assert [frame.index for frame in frames] == list(range(40))
    assert [fault.frame_index for fault in reader.faults] == [20]
    assert "damaged" in reader.faults[0].cause


def test_garbage_without_end_is_a_lost_stream() -> None:
    def frames_of(client: int) -> Iterator[bytes]:
        return chain(islice(jpeg_frames(), 20), itertools.repeat(bytes(range(256)) * 4))

    options = replace(QUICK, read_timeout_seconds=0.3, max_reconnects=0)
    with (
        MotionJpegServer(fps=FPS, frames=frames_of) as server,
        open_video(server.url, stream=options) as reader,
        pytest.raises(StreamLostError, match="no picture"),
    ):
        list(reader)


def test_closing_a_stalled_stream_does_not_wait_for_it() -> None:
    options = replace(QUICK, read_timeout_seconds=3.0)
    with RtspServer(fps=FPS) as server, open_video(server.url, stream=options) as reader:
        frames: list[Frame] = []
        reading = threading.Thread(target=lambda: frames.extend(islice(reader, 1000)))
        reading.start()
        server.stopped.wait(0.3)
        server.stalled.set()
        server.stopped.wait(0.3)
        started = time.monotonic()
        reader.close()
        assert time.monotonic() - started < 2
        reading.join(10)
        assert not reading.is_alive()
        assert 0 < len(frames) < 1000


def test_selection_of_a_live_stream() -> None:
    with MotionJpegServer(fps=FPS) as server, open_video(server.url, end_seconds=0.3, stride=3, stream=QUICK) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(0, frames[-1].index + 1, 3))
    assert 0.1 < frames[-1].pts_seconds < 0.3


def test_options_without_effect_are_refused() -> None:
    for arguments in ({"decoder": "decord"}, {"fps": 30}, {"stream": StreamOptions(raw="2x2")}):
        with pytest.raises(ValueError, match="leave"):
            open_video("rtsp://127.0.0.1:9/a", **arguments)  # type: ignore[arg-type]
