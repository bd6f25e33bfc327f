import socket
import threading
import time
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest
from sinks.live_results import FPS, HEIGHT, WIDTH, grey_of, live_result, warnings

from pose_track.sinks.fan_out import Sinks
from pose_track.sinks.publish import Publisher

NUM_FRAMES = 45


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Receiver:
    """A server by PyAV that takes one stream; `images` are then its (seconds, mean grey level)."""

    def __init__(self, url, **options):
        self.images, self.size = [], None
        self._arguments = url, options
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        url, options = self._arguments
        with av.open(url, options=options, timeout=20) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            with suppress(OSError):  # how the end of a stream looks to FFmpeg's RTMP server
                for image in container.decode(stream):
                    self.size = image.width, image.height
                    self.images.append((image.time, float(image.to_ndarray(format="rgb24").mean())))

    def join(self):
        self._thread.join(20)
        assert not self._thread.is_alive()


def publish(url, receiver):
    """Frames at their rate, from once the receiver listens; one is missing."""
    publisher = Publisher(url, Fraction(FPS))
    for index in (*range(20), *range(21, NUM_FRAMES)):
        publisher.send(live_result(index))
        time.sleep(1 / FPS / 2)
    publisher.close()
    receiver.join()


def wait_until_it_listens(port):
    """Without connecting, since the receiver takes one connection, and without keeping the port from it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # only a listener refuses then
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.02)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize(
    ("url", "listen_url", "options"),
    [
        ("tcp://127.0.0.1:{}", "tcp://127.0.0.1:{}?listen=1", {}),
        ("rtsp://127.0.0.1:{}/live", "rtsp://127.0.0.1:{}/live", {"rtsp_flags": "listen", "listen_timeout": "20"}),
        ("rtmp://127.0.0.1:{}/app/key", "rtmp://127.0.0.1:{}/app/key", {"listen": "1"}),
    ],
)
def test_a_server_gets_the_annotated_frames(url, listen_url, options):
    port = free_port()
    receiver = Receiver(listen_url.format(port), **options)
    wait_until_it_listens(port)
    publish(url.format(port), receiver)
    assert receiver.size == (WIDTH, HEIGHT)
    greys = [grey for _, grey in receiver.images]
    expected = [grey_of(index) for index in (*range(20), *range(21, NUM_FRAMES))]
    assert len(greys) == len(expected)
    assert np.abs(np.array(greys) - expected).max() < 6


def test_each_frame_keeps_its_time():
    port = free_port()
    receiver = Receiver(f"tcp://127.0.0.1:{port}?listen=1")
    wait_until_it_listens(port)
    publish(f"tcp://127.0.0.1:{port}", receiver)
    steps = np.diff([seconds for seconds, _ in receiver.images])
    np.testing.assert_allclose(steps, [1 / FPS] * 19 + [2 / FPS] + [1 / FPS] * (NUM_FRAMES - 22), atol=1e-4)


def test_datagrams_are_sent_as_the_frames_come():
    """A receiver sees each key frame and what follows, though it may come late."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        publisher = Publisher(f"udp://127.0.0.1:{receiver.getsockname()[1]}?pkt_size=1316", Fraction(FPS))
        for index in range(3):
            publisher.send(live_result(index))
            assert receiver.recv(2000)[0] == 0x47  # the sync byte of MPEG transport streams
        publisher.close()


def errors_of(url, caplog):
    """Warnings and summary of a run that sends to a URL until the sink gives up."""
    with Sinks([Publisher(url, Fraction(FPS))]) as sinks:
        deadline = time.monotonic() + 20
        while not sinks.summary() or "failed" not in sinks.summary()[0]:
            assert time.monotonic() < deadline
            sinks.show(live_result(0))
            time.sleep(0.02)
    assert not any(thread.name.startswith(("sink", "watch")) for thread in threading.enumerate())
    return warnings(caplog), sinks.summary()


def test_no_server_is_one_warning_without_secrets(caplog):
    port = free_port()
    messages, summary = errors_of(f"rtmp://me:secret@127.0.0.1:{port}/app/stream_key?token=12", caplog)
    assert messages == [f"publish rtmp://127.0.0.1:{port}: Connection refused; it gets no more frames"]
    assert summary[0].startswith(f"publish rtmp://127.0.0.1:{port}: failed")


def test_a_server_that_never_answers_is_given_up(caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}"
        big = live_result(0)
        big._annotated = np.zeros((1080, 1920, 3), np.uint8)  # above what a pipe holds
        with Sinks([Publisher(f"{address}/x", Fraction(FPS), 1.5)]) as sinks:
            deadline = time.monotonic() + 20
            while not any("failed" in line for line in sinks.summary()):
                assert time.monotonic() < deadline
                sinks.show(big)
                time.sleep(0.02)
    assert warnings(caplog) == [f"publish {address}: takes no more frames; it gets no more frames"]


def test_a_server_that_goes_is_one_warning(caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        publisher = Publisher(f"tcp://127.0.0.1:{server.getsockname()[1]}", Fraction(FPS))
        publisher.send(live_result(0))
        connection, _ = server.accept()
        assert connection.recv(1000)
        connection.close()
    with Sinks([publisher]) as sinks:
        deadline = time.monotonic() + 20
        index = 0
        while not sinks.summary():
            assert time.monotonic() < deadline
            index += 1
            sinks.show(live_result(index))
            time.sleep(0.02)
    (message,) = warnings(caplog)
    assert "pipe" in message or "reset" in message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///tmp/a.ts", "a stream is sent to rtsp://, .*; got 'file'"),
        ("out.mp4", "a stream is sent to rtsp://, .*; got ''"),
        ("http://localhost/x", "got 'http'"),
        ("rtsp:///x", "needs a host"),
    ],
)
def test_a_url_that_is_no_server_is_an_error(url, message):
    with pytest.raises(ValueError, match=message):
        Publisher(url, Fraction(FPS))
