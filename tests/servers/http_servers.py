"""HTTP servers: files with ranges, and motion JPEG."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from servers.frames import jpeg_frames
from servers.server import Server, read_header


def _read_request(client: socket.socket) -> tuple[str, str]:
    """The path and the header of the next request."""
    header = read_header(client)
    return header.split()[1], header


class FileServer(Server):
    """The files of a folder, with ranges of bytes.

    requested: the paths that were asked for.
    cut_after: of every answer, only so many bytes are sent before the connection is closed; None for all.
    stalls: whether it is left open instead.
    """

    def __init__(self, folder: Path, cut_after: int | None = None, stalls: bool = False) -> None:
        self._folder, self._cut_after, self._stalls = folder, cut_after, stalls
        self.requested: list[str] = []
        super().__init__()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def serve(self, client: socket.socket) -> None:
        path, header = _read_request(client)
        self.requested.append(path)
        file = self._folder / path.partition("?")[0].lstrip("/")
        if not file.is_file():
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        content = file.read_bytes()
        match = re.search(r"Range: bytes=(\d+)-(\d*)", header)
        start = int(match[1]) if match else 0
        end = int(match[2]) + 1 if match and match[2] else len(content)
        status = f"206 Partial Content\r\nContent-Range: bytes {start}-{end - 1}/{len(content)}" if match else "200 OK"
        client.sendall(
            f"HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {end - start}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        client.sendall(content[start:end][: self._cut_after])
        if self._stalls:
            self.stopped.wait()


class MotionJpegServer(Server):
    """JPEG images as parts of an answer without end.

    frames: the images for the n-th client, from 0.
    """

    def __init__(
        self, port: int = 0, fps: float = 30.0, frames: Callable[[int], Iterator[bytes]] = lambda client: jpeg_frames()
    ) -> None:
        self._frames = frames
        super().__init__(port, fps)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    def serve(self, client: socket.socket) -> None:
        _read_request(client)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=part\r\n\r\n")
        start = time.monotonic()
        for number, image in enumerate(self._frames(self.num_clients - 1)):
            if not self.pace(start, number):
                return
            self.note_sent(number)
            header = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
            client.sendall(header.encode() + image + b"\r\n")
