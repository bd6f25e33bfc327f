"""Plays a clip through a network or a pipe, as a process of its own that needs next to no processor time.

    python -m pose_track.benchmarks.live.sender KIND FILE TARGET

KIND is a name of SENDERS; TARGET is a port of the loopback or, of a pipe, its path. It prints "ready START": the frame
with number n is sent at START + n / fps seconds by `time.monotonic`, again and again through the clip. Who comes later
gets the frames from then on, beginning with a keyframe. It ends when its standard input is closed.
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from math import ceil

import av

_DATAGRAM = 7 * 188  # bytes: as many packets of MPEG-TS as fit into one of Ethernet
_TS_OPTIONS = {"flush_packets": "1"}
_ENTRY = "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


class CodedClip:
    """The coded frames of a file, and the time at which each is due. start: that of the first one."""

    def __init__(self, path: str) -> None:
        with av.open(path) as container:
            stream = container.streams.video[0]
            self.fps = Fraction(stream.average_rate or 0)
            packets = [packet for packet in container.demux(stream) if packet.size]
            self.frames, self._is_key = [bytes(p) for p in packets], [p.is_keyframe for p in packets]
        self.path, self.start = path, time.monotonic()

    def due(self) -> Iterator[tuple[int, bytes]]:
        """Number and data of each frame from now on, none before its time; the first is a keyframe."""
        first = max(0, ceil((time.monotonic() - self.start) * self.fps))
        while not self._is_key[first % len(self.frames)]:
            first += 1
        for number in itertools.count(first):
            time.sleep(max(0.0, self.start + float(number / self.fps) - time.monotonic()))
            yield number, self.frames[number % len(self.frames)]

    def transport_stream(self) -> Iterator[bytes]:
        """The frames from now on, each as packets of MPEG-TS, at its time."""
        buffer = io.BytesIO()
        with av.open(self.path) as source, av.open(buffer, "w", format="mpegts", options=_TS_OPTIONS) as container:
            stream = container.add_stream_from_template(source.streams.video[0])
            for number, frame in self.due():
                packet = av.Packet(frame)
                packet.stream, packet.time_base, packet.pts, packet.dts = stream, 1 / self.fps, number, number
                packet.is_keyframe = self._is_key[number % len(self.frames)]
                container.mux_one(packet)
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()


def send_udp(clip: CodedClip, target: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        _say_ready(clip)
        for data in clip.transport_stream():
            for start in range(0, len(data), _DATAGRAM):
                with suppress(ConnectionRefusedError):  # nobody listens yet
                    sender.sendto(data[start : start + _DATAGRAM], ("127.0.0.1", int(target)))


def send_tcp(clip: CodedClip, target: str) -> None:
    _serve(clip, target, lambda client: _send_all(client, clip.transport_stream()))


def send_mjpeg(clip: CodedClip, target: str) -> None:
    def serve(client: socket.socket) -> None:
        client.recv(65536)  # the request
        client.sendall(_ANSWER)
        _send_all(client, (_ENTRY.format(len(data)).encode() + data + b"\r\n" for _, data in clip.due()))

    _serve(clip, target, serve)


def send_pipe(clip: CodedClip, target: str) -> None:
    _say_ready(clip)
    with open(target, "wb", buffering=0) as pipe, suppress(BrokenPipeError):  # waits for who reads
        for data in clip.transport_stream():
            rest = memoryview(data)
            while rest:
                rest = rest[pipe.write(rest) :]


SENDERS: dict[str, Callable[[CodedClip, str], None]] = {
    "udp": send_udp,
    "tcp": send_tcp,
    "mjpeg": send_mjpeg,
    "pipe": send_pipe,
}


def _serve(clip: CodedClip, port: str, serve: Callable[[socket.socket], None]) -> None:
    """Answer one client after the other until each leaves."""
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        _say_ready(clip)
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with client, suppress(ConnectionError):
                serve(client)


def _send_all(client: socket.socket, parts: Iterator[bytes]) -> None:
    for part in parts:
        client.sendall(part)


def _say_ready(clip: CodedClip) -> None:
    clip.start = time.monotonic()
    print("ready", clip.start, flush=True)


def _exit_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def main() -> None:
    kind, path, target = sys.argv[1:]
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    SENDERS[kind](CodedClip(path), target)


if __name__ == "__main__":
    main()
