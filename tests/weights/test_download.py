"""Downloads, with servers and disks that fail."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections import namedtuple
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import Served, open_local, serving

from pose_track.weights import download as downloading
from pose_track.weights.download import MAX_ATTEMPTS, download, open_web
from pose_track.weights.partial_download import PartialDownload

CONTENT = b"PK" + bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def fetch(served: Served, file: Path, sha256: str = SHA256[:8]) -> None:
    download(served.url, file, sha256, open_local)


def names(file: Path) -> set[str]:
    return {path.name for path in file.parent.iterdir()}


PART, STATE = ".weights.pth.part", ".weights.pth.part.json"


def error_message(served: Served, file: Path, error: type[Exception] = ConnectionError) -> str:
    """The message of a failed download, in one line."""
    with pytest.raises(error) as caught:
        fetch(served, file)
    message = str(caught.value)
    assert "\n" not in message
    assert not file.exists()
    return message


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], ""])
@pytest.mark.parametrize("by_chunks", [False, True])
def test_a_complete_download(file: Path, sha256: str, by_chunks: bool) -> None:
    with serving(CONTENT, by_chunks=by_chunks) as served:
        fetch(served, file, sha256)
    assert file.read_bytes() == CONTENT
    assert names(file) == {file.name}
    assert served.ranges_requested == [None]


def test_a_progress_bar(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(CONTENT) as served:
        fetch(served, file)
    out, err = capfd.readouterr()
    assert not out
    assert "weights.pth: 100%" in err
    assert "250k/250k" in err


@pytest.mark.parametrize(
    "validators",
    [
        {"tag": '"one"'},
        {"tag": None, "modified": "Tue, 01 Sep 2026 10:00:00 GMT"},
        {"tag": 'W/"weak"', "modified": "Tue, 01 Sep 2026 10:00:00 GMT"},
    ],
)
def test_an_interrupted_connection_is_resumed(file: Path, validators: dict[str, Any]) -> None:
    with serving(CONTENT, cut=100_000, **validators) as served:
        fetch(served, file)
    assert file.read_bytes() == CONTENT
    assert served.ranges_requested == [None, "bytes=100000-", "bytes=200000-"]
    assert names(file) == {file.name}


def test_the_next_program_resumes(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        message = error_message(served, file)
        assert served.url in message
        assert f"{MAX_ATTEMPTS * 1000} of {len(CONTENT)} bytes" in message
        assert names(file) == {PART, STATE}
        served.cut = None
        fetch(served, file)
    assert served.ranges_requested[-1] == f"bytes={MAX_ATTEMPTS * 1000}-"
    assert file.read_bytes() == CONTENT


def interrupt_after(blocks: int) -> Callable[[PartialDownload, bytes], None]:
    append, remaining = PartialDownload.append, [blocks]

    def stop(self: PartialDownload, block: bytes) -> None:
        if not remaining[0]:
            raise KeyboardInterrupt
        remaining[0] -= 1
        append(self, block)

    return stop


def test_an_interrupt_keeps_the_received_part(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT) as served, monkeypatch.context() as patch:
        patch.setattr(PartialDownload, "append", interrupt_after(1))
        with pytest.raises(KeyboardInterrupt):
            fetch(served, file)
        patch.undo()
        assert not file.exists()
        fetch(served, file)
    assert file.read_bytes() == CONTENT
    assert served.ranges_requested == [None, f"bytes={1 << 16}-"]


CHANGES: dict[str, Callable[[Served], object]] = {
    "other content": lambda served: setattr(served, "tag", '"two"'),
    "no ranges": lambda served: setattr(served, "ranges", False),
    "ranges that start elsewhere": lambda served: setattr(served, "shifted", 7),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_downloads_that_cannot_be_resumed_start_again(file: Path, change: Callable[[Served], object]) -> None:
    with serving(b"old" + CONTENT[3:], cut=1000) as served:
        error_message(served, file)
        served.content, served.cut = CONTENT, None
        change(served)
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_without_a_validator_it_starts_again(file: Path) -> None:
    with serving(CONTENT, cut=1000, tag=None) as served:
        error_message(served, file)
        served.cut = None
        fetch(served, file)
    assert set(served.ranges_requested) == {None}
    assert file.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_starts_again(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        error_message(served, file)
        (file.parent / PART).write_bytes(bytes(2 * len(CONTENT)))
        served.cut = None
        fetch(served, file)
    assert served.ranges_requested[-2:] == [f"bytes={2 * len(CONTENT)}-", None]
    assert file.read_bytes() == CONTENT


def test_a_part_from_another_address_is_discarded(file: Path) -> None:
    with serving(bytes(5000), cut=100) as elsewhere:
        error_message(elsewhere, file)
    with serving(CONTENT) as served:
        fetch(served, file)
    assert served.ranges_requested == [None]


def test_a_complete_part_is_only_renamed(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        error_message(served, file)
        (file.parent / PART).write_bytes(CONTENT)
        served.status = 500
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_a_broken_state_file_starts_again(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        error_message(served, file)
        (file.parent / STATE).write_text('{"url": "http')
        served.cut = None
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_other_content_is_set_aside(file: Path) -> None:
    other = CONTENT + b"!"
    with serving(other) as served:
        message = error_message(served, file, ValueError)
    for part in (served.url, hashlib.sha256(other).hexdigest()[:8], SHA256[:8], "weights.pth.mismatch", "not used"):
        assert part in message
    assert names(file) == {"weights.pth.mismatch"}
    assert (file.parent / "weights.pth.mismatch").read_bytes() == other


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"  <!DOCTYPE html><html>log in</html>", "application/octet-stream"),
        (b"Please log in", "text/html; charset=utf-8"),
    ],
)
def test_an_html_page_is_refused(file: Path, content: bytes, content_type: str) -> None:
    with serving(content, content_type=content_type) as served:
        assert "HTML page" in error_message(served, file)
    assert names(file) == set()


def test_an_html_page_does_not_discard_the_part(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        error_message(served, file)
        served.content, served.content_type, served.tag, served.cut = b"<html>", "text/html", None, None
        assert "HTML page" in error_message(served, file)
    assert (file.parent / PART).stat().st_size == MAX_ATTEMPTS * 1000


def test_error_responses(file: Path) -> None:
    with serving(CONTENT, status=404) as served:
        assert f"{served.url} answers 404" in error_message(served, file)
        assert len(served.ranges_requested) == 1
        served.status = 416  # although no range was requested
        assert "answers 416" in error_message(served, file)
        served.status = 204
        assert "answers 204" in error_message(served, file)


def test_no_server(file: Path) -> None:
    with serving(CONTENT) as served:
        pass
    message = error_message(served, file)
    assert served.url in message
    assert "[Errno" in message


def test_disk_space_is_checked_before_the_download(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with serving(CONTENT) as served:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 9 * 10**5, 10**5))
            message = error_message(served, file, OSError)
        for part in ("[Errno 28]", "weights.pth", str(file.parent), "0.3 MB", "0.1 MB"):
            assert part in message
        fetch(served, file)


def test_a_disk_that_becomes_full(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, remaining = PartialDownload.append, [150_000]

    def until_full(self: PartialDownload, block: bytes) -> None:
        append(self, block[: remaining[0]])
        remaining[0] -= len(block)
        if remaining[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with serving(CONTENT) as served:
        with monkeypatch.context() as patch:
            patch.setattr(PartialDownload, "append", until_full)
            message = error_message(served, file, OSError)
        for part in (str(file.parent), "No space left on device", "0.1 MB"):
            assert part in message
        fetch(served, file)
    assert served.ranges_requested == [None, "bytes=150000-"]
    assert file.read_bytes() == CONTENT


def test_other_disk_errors_are_not_changed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: PartialDownload, block: bytes) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(PartialDownload, "append", broken)
    with serving(CONTENT) as served:
        assert error_message(served, file, OSError) == "[Errno 5] Input/output error"


@settings(derandomize=True, deadline=None, max_examples=15)
@given(
    content=st.binary(min_size=1, max_size=300).filter(lambda x: not x.lstrip().startswith(b"<")),
    cut=st.integers(1, 200),
)
def test_any_interruption_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int
) -> None:
    file = tmp_path_factory.mktemp("any") / "weights.pth"
    with serving(content, cut=cut) as served:
        for _ in range(-(-len(content) // cut // MAX_ATTEMPTS) + 1):
            try:
                fetch(served, file, hashlib.sha256(content).hexdigest())
            except ConnectionError:
                continue
            break
    assert file.read_bytes() == content


def test_only_web_addresses() -> None:
    for url in ("file:///etc/hostname", "ftp://127.0.0.1/a"):
        with pytest.raises(ValueError, match=re.escape(url)):
            open_web(Request(url))


def test_redirects_to_http_are_refused() -> None:
    handler = downloading._HttpsOnlyRedirects()
    request = Request("https://somewhere/a")
    with pytest.raises(URLError, match="http://elsewhere/a"):
        handler.redirect_request(request, None, 302, "Found", {}, "http://elsewhere/a")  # type: ignore[arg-type]
    redirected = handler.redirect_request(request, None, 302, "Found", {}, "https://elsewhere/a")  # type: ignore[arg-type]
    assert redirected is not None
    assert redirected.full_url == "https://elsewhere/a"


def test_the_user_agent(file: Path) -> None:
    requests: list[Request] = []

    def record(request: Request) -> HTTPResponse:
        requests.append(request)
        return open_local(request)

    with serving(CONTENT) as served:
        download(served.url, file, SHA256, record)
    assert requests[0].get_header("User-agent", "").startswith("pose_track/")
