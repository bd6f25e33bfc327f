"""A web page with the annotated frames as MJPEG, and the poses as JSON, served by the standard library.

    /              a page that shows the stream
    /stream.mjpg   the frames as multipart/x-mixed-replace, for browsers, OBS, VLC and FFmpeg
    /poses         the newest frame's people, see `TrackedPoses.to_dict`, with its width and height; 204 before it
    /events        the same for each frame, as server-sent events

Nothing else is served. Each viewer has a thread and gets the newest frame whenever it has taken the last one.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

import cv2

from pose_track.pipeline.live_result import LiveResult

logger = logging.getLogger(__name__)

MAX_VIEWERS = 32
VIEWER_TIMEOUT_SECONDS = 10.0
"""A viewer who takes nothing for so long is disconnected."""

_JPEG_QUALITY = 80
_SEND_BUFFER_BYTES = 1 << 17  # what waits for a slow viewer in the system's buffer is old when it arrives
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>pose_track</title>
<style>body{margin:0;background:#111}img{display:block;margin:auto;max-width:100%;max-height:100vh}</style>
<img src="stream.mjpg" alt="annotated video"></html>
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
    "Cross-Origin-Resource-Policy": "same-site",
}


class WebPage:
    """A sink that serves the paths of this module.

    host: the address to listen at; by default only programs on this machine can connect.
    port: 0 takes a free one, see `url`.

    A request must name this machine as its host: an IP address, localhost, `host`, or the machine's name. So no
    foreign web page can read the poses by a name of its own (DNS rebinding). Raises OSError where the port is taken.
    """

    poses_only = False

    def __init__(self, host: str = "127.0.0.1", port: int = 8080) -> None:
        self._feed = _Feed()
        self._server = _Server(host, port, self._feed)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/"
        self.name = "web page"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="web page", daemon=True)
        self._thread.start()

    def send(self, result: LiveResult) -> None:
        self._feed.put(_Shown(result))

    def close(self) -> None:
        self._feed.close()
        self._server.shutdown()
        self._thread.join()
        self._server.disconnect_all()
        self._server.server_close()  # waits for the threads of the viewers


class _Shown:
    """A result in the forms that viewers want, each made once, by the first who asks."""

    def __init__(self, result: LiveResult) -> None:
        self._result = result
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}

    def jpeg(self) -> bytes:
        return self._once("jpeg", self._encode)

    def record(self) -> bytes:
        return self._once("record", self._describe)

    def _once(self, form: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if form not in self._made:
                self._made[form] = make()
            return self._made[form]

    def _encode(self) -> bytes:
        image = cv2.cvtColor(self._result.annotated(), cv2.COLOR_RGB2BGR)
        _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return content.tobytes()

    def _describe(self) -> bytes:
        height, width = self._result.frame.image.shape[:2]
        return json.dumps({**self._result.people.to_dict(), "width": width, "height": height}).encode()


class _Feed:
    """The newest result."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self.newest: _Shown | None = None

    def put(self, shown: _Shown) -> None:
        with self._changed:
            self.newest = shown
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[_Shown]:
        """The newest result, then, each time, the one that is the newest by then; ends with `close`."""
        last: _Shown | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda last=last: self._closed or self.newest is not last)  # type: ignore[misc]
                last = self.newest
                if self._closed or last is None:
                    return
            yield last


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each connection; at most MAX_VIEWERS of them."""

    allow_reuse_address = os.name == "posix"  # elsewhere this would let two programs listen at one port
    request_queue_size = MAX_VIEWERS

    def __init__(self, host: str, port: int, feed: _Feed) -> None:
        self.feed, self.host = feed, host
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            if len(self._connections) >= MAX_VIEWERS:
                return False
            self._connections.add(request)
        request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        return True

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def disconnect_all(self) -> None:
        """End what the threads of the viewers wait for."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the viewer was faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a viewer of the web page is gone", exc_info=True)

    def is_own_name(self, name: str) -> bool:
        """Whether the host of a request is this machine."""
        host = name.removeprefix("[").partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        machine = socket.gethostname().lower()
        if host.lower() in {"localhost", self.host.lower(), machine, f"{machine.partition('.')[0]}.local"}:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


class _Handler(BaseHTTPRequestHandler):
    """One request; the connection ends with it."""

    server: _Server
    timeout = VIEWER_TIMEOUT_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        answers = {"/": self._page, "/stream.mjpg": self._stream, "/poses": self._poses, "/events": self._events}
        answer = answers.get(self.path.partition("?")[0])
        if not self.server.is_own_name(self.headers.get("Host", "")):
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        elif answer is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            answer()

    def _page(self) -> None:
        self._whole("text/html; charset=utf-8", _PAGE.encode())

    def _poses(self) -> None:
        newest = self.server.feed.newest
        if newest is None:
            self._refuse(HTTPStatus.NO_CONTENT)
        else:
            self._whole("application/json", newest.record())

    def _stream(self) -> None:
        self._start("multipart/x-mixed-replace; boundary=frame")
        for shown in self.server.feed:
            jpeg = shown.jpeg()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")

    def _events(self) -> None:
        self._start("text/event-stream")
        for shown in self.server.feed:
            self.wfile.write(b"data: " + shown.record() + b"\n\n")

    def _whole(self, content_type: str, content: bytes) -> None:
        self._start(content_type, len(content))
        self.wfile.write(content)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _start(self, content_type: str, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        logger.debug("web page: %s", format % arguments)
