"""Sends MPEG-TS over UDP, and can lose packets."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from types import TracebackType

import av
from servers.frames import h264_frames

_DATAGRAM = 7 * 188


class UdpSender:
    """Sends numbered frames to a port of the loopback from its start on, whether anybody listens or not.

    loses: whether the n-th datagram is lost.
    sent: by number of a frame, when it was sent, by `time.monotonic`.
    """

    def __init__(self, port: int, fps: int = 30, loses: Callable[[int], bool] = lambda number: False) -> None:
        self._port, self._fps, self._loses = port, fps, loses
        self.sent: dict[int, float] = {}
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        buffer, start, num_datagrams = io.BytesIO(), time.monotonic(), 0
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
            av.open(buffer, "w", format="mpegts", options={"flush_packets": "1", "pat_period": "0.2"}) as container,
        ):
            stream = container.add_stream("libx264", rate=self._fps)
            stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
            for number, frame in enumerate(h264_frames()):
                if self.stopped.wait(max(0.0, start + number / self._fps - time.monotonic())):
                    return
                packet = av.Packet(frame)
                packet.stream, packet.time_base = stream, Fraction(1, self._fps)
                packet.pts = packet.dts = number
                packet.is_keyframe = number % 10 == 0
                container.mux_one(packet)
                content = buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
                self.sent[number] = time.monotonic()
                for place in range(0, len(content), _DATAGRAM):
                    if not self._loses(num_datagrams):
                        sender.sendto(content[place : place + _DATAGRAM], ("127.0.0.1", self._port))
                    num_datagrams += 1

    def __enter__(self) -> UdpSender:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._thread.join()


def free_port() -> int:
    """A UDP port that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
