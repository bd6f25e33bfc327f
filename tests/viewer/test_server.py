"""Who may ask the server, and for what."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from pose_track.viewer.open_content import open_content
from pose_track.viewer.server import MAX_EDIT_BYTES, ViewerServer

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server(result: Path) -> Iterator[ViewerServer]:
    with ViewerServer(open_content(result)) as server:
        yield server


def ask(
    server: ViewerServer, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and content of a path below the token."""
    return ask_raw(server, urlsplit(server.url).path + path, method, body, headers)


def ask_raw(
    server: ViewerServer, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def test_the_page_and_its_files(server: ViewerServer) -> None:
    status, page = ask(server, "")
    assert status == 200
    assert page.startswith(b"<!doctype html>")
    for name in ("app.js", "style.css", "stage.js"):
        assert ask(server, f"static/{name}")[0] == 200
    assert ask(server, "images/3")[1].startswith(b"\xff\xd8")
    assert json.loads(ask(server, "content")[1])["frames"] == list(range(60))
    assert [person["id"] for person in json.loads(ask(server, "people/0")[1])["people"]] == [1, 2, 3]
    assert ask(server, "thumbnails/0/1")[1].startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "path",
    ["/", "/content", "/static/app.js", "/wrong/", "/wrong/content", "//content", "/%2e%2e/etc/passwd", "/é/content"],
)
def test_nothing_without_the_token(server: ViewerServer, path: str) -> None:
    assert ask_raw(server, path.encode("latin-1").decode("latin-1").replace("é", "%C3%A9"))[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "static/index.html", "static/../content", "static/..%2fserver.py", "static//etc/passwd", "../x", "x",
        "blocks/0/1", "blocks/7/0", "images/60", "images/-1", "thumbnails/0/9", "thumbnails/3/1", "edits",
        "tracks.jsonl", "people/-1", "blocks/-1/0", "blocks/0/-1",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: ViewerServer, path: str) -> None:
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("path", ["blocks/0/x", "images/1e3", "differences/x"])
def test_nonsense_is_refused(server: ViewerServer, path: str) -> None:
    assert ask(server, path)[0] == 422


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", ""])
def test_another_host_is_refused(server: ViewerServer, host: str) -> None:
    assert ask(server, "content", headers={"Host": host.format(port=server.port)})[0] == 421


def test_another_page_cannot_edit(server: ViewerServer, result: Path) -> None:
    edit = json.dumps({"op": "delete", "id": 1})
    assert ask(server, "edits", "POST", edit, {**JSON, "Origin": "http://evil.example"})[0] == 403
    assert ask(server, "edits", "POST", edit, {"Content-Type": "text/plain"})[0] == 404  # what a form could send
    assert ask(server, "content", "POST", edit, JSON)[0] == 404
    assert not (result / "edits.jsonl").exists()
    own = {**JSON, "Origin": f"http://127.0.0.1:{server.port}"}
    status, answer = ask(server, "edits", "POST", edit, own)
    assert (status, json.loads(answer)["edits"]["list"]) == (200, ["delete 1"])
    assert (result / "edits.jsonl").exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"op": "undo", "x": 1}', b'{"op": "format"}', b'{"op": "delete", "id": "../x"}', b"\xff"],
)
def test_what_is_no_edit_is_refused(server: ViewerServer, result: Path, body: bytes) -> None:
    assert ask(server, "edits", "POST", body, JSON)[0] == 422
    assert not (result / "edits.jsonl").exists()


def test_a_long_edit_is_refused(server: ViewerServer) -> None:
    assert ask(server, "edits", "POST", b" " * (MAX_EDIT_BYTES + 1), JSON)[0] == 413


def test_it_listens_at_the_loopback_only(server: ViewerServer) -> None:
    assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_the_video_is_served_in_ranges(server: ViewerServer, tmp_path: Path) -> None:
    content = (tmp_path / "clip.mp4").read_bytes()
    assert ask(server, "video") == (200, content)
    for text, part in (("0-99", content[:100]), ("100-", content[100:]), ("-50", content[-50:])):
        assert ask(server, "video", headers={"Range": f"bytes={text}"}) == (206, part)
    for text in ("bytes=", "bytes=9-3", f"bytes={len(content)}-", "lines=1-2", "bytes=0-1,4-5"):
        assert ask(server, "video", headers={"Range": text})[0] == 416


def test_answers_tell_browsers_to_keep_to_themselves(server: ViewerServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", urlsplit(server.url).path)
    headers = connection.getresponse().headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_a_block_has_the_records(server: ViewerServer) -> None:
    content = ask(server, "blocks/0/0")[1]
    num_frames, num_people = np.frombuffer(content, "<i4", 2)
    assert (num_frames, num_people) == (60, 120)
    integers = np.frombuffer(content, "<i4", 2 + 60 + 2 * 120)
    assert integers[2:62].tolist() == [2] * 60
    assert integers[62:66].tolist() == [1, 2, 1, 2]
    floats = np.frombuffer(content, "<f4", offset=integers.nbytes)
    assert len(floats) == 120 * (1 + 4 + 17 * 3)
    assert floats[:2].tolist() == pytest.approx([0.9, 0.9])
    assert floats[120 * 5 : 120 * 5 + 3].tolist() == pytest.approx([30, 26, 0.8])  # the nose of person 1
