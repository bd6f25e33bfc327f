"""A small RTSP server (RFC 2326) that sends H.264 (RFC 6184), over the same TCP connection or over UDP."""

from __future__ import annotations

import base64
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial

from servers.frames import h264_frames, nal_units
from servers.server import Server, read_header

_MAX_PAYLOAD = 1400
_CLOCK = 90_000
_FIRST_TIMESTAMP = 2**32 - 90_000  # random by RFC 3550, 5.1; it wraps after a second
_FRAGMENT = 28  # FU-A
_SPS, _PPS = 7, 8


class RtspServer(Server):
    """Every client gets the stream from its beginning.

    password: of the user "user", asked for by basic authentication; "" for nobody.
    frames: the coded frames for the n-th client, from 0.
    transports: what each client asked for, as in its headers.
    """

    def __init__(
        self,
        port: int = 0,
        fps: float = 30.0,
        password: str = "",
        frames: Callable[[int], Iterator[bytes]] = lambda client: h264_frames(),
    ) -> None:
        self._login = base64.b64encode(f"user:{password}".encode()).decode() if password else ""
        self._frames = frames
        self.transports: list[str] = []
        super().__init__(port, fps)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def serve(self, client: socket.socket) -> None:
        frames = self._frames(self.num_clients - 1)
        first = next(frames)
        send = partial(_send_within, client)
        while True:
            method, headers = _read_request(client)
            status, extra, body = "200 OK", "", ""
            if self._login and f"Basic {self._login}" not in headers.get("authorization", ""):
                status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="test"\r\n'
            elif method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                extra, body = "Content-Type: application/sdp\r\n", _description(first)
            elif method == "SETUP":
                transport = headers["transport"]
                self.transports.append(transport)
                ports = re.search(r"client_port=(\d+)", transport)
                if ports:
                    send = _to_port(client, int(ports[1]))
                    transport += ";server_port=6970-6971"
                extra = f"Transport: {transport}\r\nSession: 1\r\n"
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\n{extra}{length}\r\n{body}".encode())
            if method == "PLAY" and status == "200 OK":
                self._play(send, first, frames)
                return

    def _play(self, send: Callable[[bytes], object], first: bytes, frames: Iterator[bytes]) -> None:
        start, number, sequence, frame = time.monotonic(), 0, 0, first
        while self.pace(start, number):
            self.note_sent(number)
            timestamp = _FIRST_TIMESTAMP + round(number * _CLOCK / self.fps)
            payloads = [payload for unit in nal_units(frame) for payload in _fragments(unit)]
            for payload in payloads:
                marker = 0x80 if payload is payloads[-1] else 0
                header = struct.pack(">BBHII", 0x80, 96 | marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1)
                send(header + payload)
                sequence += 1
            number, frame = number + 1, next(frames)


def _send_within(client: socket.socket, packet: bytes) -> object:
    """Send an RTP packet within the RTSP connection (RFC 2326, 10.12)."""
    return client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)


def _to_port(client: socket.socket, port: int) -> Callable[[bytes], object]:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return lambda packet: sender.sendto(packet, (client.getpeername()[0], port))


def _read_request(client: socket.socket) -> tuple[str, dict[str, str]]:
    """The method and the headers, by lower-case name, of the next request. Raises OSError where there is none."""
    first, *lines = read_header(client).strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first.split()[0], {name.lower(): value for name, value in headers.items()}


def _description(frame: bytes) -> str:
    """The SDP of a stream that begins with a keyframe."""
    sets = ",".join(base64.b64encode(unit).decode() for unit in nal_units(frame) if unit[0] & 31 in (_SPS, _PPS))
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 H264/{_CLOCK}\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
        "a=control:track0\r\n"
    )


def _fragments(unit: bytes) -> list[bytes]:
    """RTP payloads of a NAL unit: itself, or fragments of it (RFC 6184, 5.8)."""
    if len(unit) <= _MAX_PAYLOAD:
        return [unit]
    parts = [unit[n : n + _MAX_PAYLOAD] for n in range(1, len(unit), _MAX_PAYLOAD)]
    indicator = unit[0] & 0xE0 | _FRAGMENT
    marks = [0x80, *[0] * (len(parts) - 2), 0x40]
    return [bytes([indicator, mark | unit[0] & 31]) + part for mark, part in zip(marks, parts, strict=True)]
