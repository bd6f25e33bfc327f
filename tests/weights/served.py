"""A server on this machine that gives one file, and fails in the ways a test asks for."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener


@dataclass
class Served:
    """What the server has, how it behaves, and what it was asked for.

    cut: each answer ends after so many bytes. tag: the ETag; modified: Last-Modified. ranges: whether it can go on
    from a place. status: instead of an answer. by_chunks: no Content-Length. gate: answers wait for it.
    """

    content: bytes
    url: str = ""
    kind: str = "application/octet-stream"
    cut: int | None = None
    tag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    shifted: int = 0
    status: int | None = None
    by_chunks: bool = False
    gate: threading.Event | None = None
    asked: list[str | None] = field(default_factory=list)


def answer(served: Served, request: BaseHTTPRequestHandler) -> None:
    wanted = request.headers.get("Range")
    served.asked.append(wanted)
    if served.gate is not None:
        served.gate.wait(10)
    if served.status is not None:
        return request.send_error(served.status)
    start = 0
    strong = None if served.tag is None or served.tag.startswith("W/") else served.tag
    if wanted and served.ranges and request.headers.get("If-Range") in {strong, served.modified} - {None}:
        start = int(re.findall(r"\d+", wanted)[0])
    if start and start >= len(served.content):
        return request.send_error(416)
    body, whole = served.content[start:], len(served.content)
    request.send_response(206 if start else 200)
    request.send_header("Content-Type", served.kind)
    for name, value in (("ETag", served.tag), ("Last-Modified", served.modified)):
        if value is not None:
            request.send_header(name, value)
    if start:
        request.send_header("Content-Range", f"bytes {start + served.shifted}-{whole - 1}/{whole}")
    if not served.by_chunks:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[: served.cut])
    request.close_connection = True
    return None


@contextmanager
def serving(content: bytes, **behaviour: Any) -> Iterator[Served]:
    served = Served(content, **behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(served, self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/weights.pth"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def open_local(request: Request) -> HTTPResponse:
    """An opener that speaks with the server on this machine, whatever proxies there are."""
    found: HTTPResponse = build_opener(ProxyHandler({})).open(request, timeout=5)
    return found
