"""A local server of one file, which fails in the ways that a test wants."""

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
    """The server's file and behaviour, and the requests that it received.

    cut: each response ends after this many bytes.
    tag: the ETag header; modified: the Last-Modified header.
    ranges: whether range requests are supported. shifted: error in bytes of the ranges that it states.
    status: of an error response, in place of the file.
    by_chunks: whether Content-Length is missing.
    gate: responses wait for it.
    ranges_requested: the Range header of each request.
    """

    content: bytes
    url: str = ""
    content_type: str = "application/octet-stream"
    cut: int | None = None
    tag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    shifted: int = 0
    status: int | None = None
    by_chunks: bool = False
    gate: threading.Event | None = None
    ranges_requested: list[str | None] = field(default_factory=list)


def respond(served: Served, request: BaseHTTPRequestHandler) -> None:
    range_header = request.headers.get("Range")
    served.ranges_requested.append(range_header)
    if served.gate is not None:
        served.gate.wait(10)
    if served.status is not None:
        return request.send_error(served.status)
    start = 0
    strong = None if served.tag is None or served.tag.startswith("W/") else served.tag
    if range_header and served.ranges and request.headers.get("If-Range") in {strong, served.modified} - {None}:
        start = int(re.findall(r"\d+", range_header)[0])
    if start and start >= len(served.content):
        return request.send_error(416)
    body, whole = served.content[start:], len(served.content)
    request.send_response(206 if start else 200)
    request.send_header("Content-Type", served.content_type)
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
            respond(served, self)

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
    """An opener that reaches the local server without proxies."""
    response: HTTPResponse = build_opener(ProxyHandler({})).open(request, timeout=5)
    return response
