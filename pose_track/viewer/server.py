"""Serving a viewer's page to browsers of this machine.

    /TOKEN/                      the page
    /TOKEN/static/NAME           its scripts and its style
    /TOKEN/content               what is shown, see `Content.description`
    /TOKEN/people/R              the people of result R
    /TOKEN/blocks/R/B            the records of some frames
    /TOKEN/measures/R/ID         angles and speeds of a person
    /TOKEN/images/P              the image at a position, as JPEG
    /TOKEN/video                 the video, for playing; also in ranges of bytes
    /TOKEN/thumbnails/R/ID       an image of a person
    /TOKEN/differences/PIXELS    where the results differ
    /TOKEN/marks                 errors against ground truth
    /TOKEN/edits                 POST: an edit

Nothing else is served, and nothing is written but the edits. The server listens at the loopback address only. A request
needs the token, which only the printed address has, and must name this machine as its host, so that no foreign web
page can read or change anything (DNS rebinding).
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pose_track.viewer.content import Content
from pose_track.viewer.images import MissingFrameError
from pose_track.viewer.page import page, static_file, static_names

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_EDIT_BYTES = 4096

_JSON, _BYTES, _JPEG = "application/json", "application/octet-stream", "image/jpeg"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_IDLE_SECONDS = 30.0
_CHUNK_BYTES = 2**18


class ViewerServer:
    """Serves a `Content` until it is closed; a context manager.

    port: 0 takes a free one. url: the address of the page, with the token. Raises OSError where the port is taken.
    """

    def __init__(self, content: Content, port: int = 0) -> None:
        self._token = secrets.token_urlsafe(24)
        self._server = _Server(content, self._token, port)
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}/{self._token}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="viewer", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until it is closed by another thread, or by a signal."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.content.close()

    def __enter__(self) -> ViewerServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, content: Content, token: str, port: int) -> None:
        self.content, self.token = content, token
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("the browser is gone", exc_info=True)

    @property
    def names(self) -> set[str]:
        """The hosts of a request that are this server."""
        return {f"{name}:{self.server_address[1]}" for name in (HOST, "localhost")}


class _Refused(Exception):
    """A request that gets an error. status: of the answer."""

    def __init__(self, status: HTTPStatus, message: str = "") -> None:
        super().__init__(message or status.phrase)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, find: Callable[[list[str]], tuple[str, bytes]]) -> None:
        try:
            parts = self._checked_path()
            if parts == ["video"] and self.command == "GET":
                self._send_video()
                return
            kind, content = find(parts)
            self._send(HTTPStatus.OK, kind, content)
        except _Refused as refused:
            self._refuse(refused.status, str(refused))
        except (LookupError, MissingFrameError) as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except ValueError as error:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except OSError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _checked_path(self) -> list[str]:
        """The parts of the path after the token. Raises _Refused for a request from elsewhere or without the token."""
        if self.headers.get("Host", "") not in self.server.names:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST)
        token, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "the address lacks the token; use the one that pose-track view prints")
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.server.names:
            raise _Refused(HTTPStatus.FORBIDDEN)
        return rest.split("/")

    def _get(self, parts: list[str]) -> tuple[str, bytes]:
        content = self.server.content
        match parts:
            case [""]:
                return "text/html; charset=utf-8", page().encode()
            case ["static", name] if name in static_names():
                return _TYPES[name[name.rindex(".") :]], static_file(name)
            case ["content"]:
                return _JSON, _json(content.description())
            case ["people", result]:
                return _JSON, _json(content.people(int(result)))
            case ["blocks", result, block]:
                return _BYTES, content.block(int(result), int(block))
            case ["measures", result, track_id]:
                return _JSON, _json(content.measures(int(result), int(track_id)))
            case ["images", position] if content.images is not None:
                return _JPEG, content.images.jpeg(int(position))
            case ["thumbnails", result, track_id]:
                return _JPEG, content.thumbnail(int(result), int(track_id))
            case ["differences", pixels]:
                return _JSON, _json(content.differences(float(pixels)))
            case ["marks"]:
                return _JSON, _json(content.marks())
        raise _Refused(HTTPStatus.NOT_FOUND)

    def _post(self, parts: list[str]) -> tuple[str, bytes]:
        if parts != ["edits"] or self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.NOT_FOUND)
        length = int(self.headers.get("Content-Length", "-1"))
        if not 0 <= length <= MAX_EDIT_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        values = json.loads(self.rfile.read(length))
        if not isinstance(values, dict):
            raise ValueError("an edit is a JSON object")
        return _JSON, _json(self.server.content.edit(values))

    def _send_video(self) -> None:
        """The file, or the range of it that is asked for (RFC 9110, 14)."""
        path = self.server.content.video
        if path is None:
            raise _Refused(HTTPStatus.NOT_FOUND)
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            first, last = _byte_range(self.headers.get("Range", ""), size)
            is_part = "Range" in self.headers
            self.send_response(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK)
            headers = {"Content-Type": "video/webm" if path.suffix.lower() == ".webm" else "video/mp4"}
            headers |= {"Content-Length": str(last - first + 1), "Accept-Ranges": "bytes"}
            headers |= {"Content-Range": f"bytes {first}-{last}/{size}"} if is_part else {}
            for name, value in (headers | _HEADERS).items():
                self.send_header(name, value)
            self.end_headers()
            file.seek(first)
            while first <= last and (chunk := file.read(min(_CHUNK_BYTES, last - first + 1))):
                self.wfile.write(chunk)
                first += len(chunk)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # what was sent along may not have been read
        self._send(status, _JSON, _json({"error": message}))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(content))), *_HEADERS.items()):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        logger.debug("viewer: %s", format % arguments)


_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def _byte_range(text: str, size: int) -> tuple[int, int]:
    """The first and the last byte of a Range header; of the whole file for "". Raises _Refused for another range.

    >>> _byte_range("bytes=2-", 10), _byte_range("bytes=2-4", 10), _byte_range("bytes=-3", 10)
    ((2, 9), (2, 4), (7, 9))
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text) if text else None
    if not text:
        return 0, size - 1
    if match is None or not any(match.groups()):
        raise _Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    start, end = match.groups()
    first = int(start) if start else max(0, size - int(end))
    last = min(size - 1, int(end)) if start and end else size - 1
    if not first <= last:
        raise _Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return first, last


def _json(values: Any) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()
