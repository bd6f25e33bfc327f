"""One URL to one file, with servers and disks that fail."""

from __future__ import annotations

import errno
import hashlib
import os
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
from pose_track.weights.download import TRIES, download, open_https
from pose_track.weights.partial_download import Part

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


PART, NOTES = ".weights.pth.part", ".weights.pth.part.json"


def refused(served: Served, file: Path, error: type[Exception] = ConnectionError) -> str:
    """The one line that a download ends with."""
    with pytest.raises(error) as caught:
        fetch(served, file)
    message = str(caught.value)
    assert "\n" not in message
    assert not file.exists()
    return message


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], ""])
@pytest.mark.parametrize("by_chunks", [False, True])
def test_a_file_comes_whole(file: Path, sha256: str, by_chunks: bool) -> None:
    with serving(CONTENT, by_chunks=by_chunks) as served:
        fetch(served, file, sha256)
    assert file.read_bytes() == CONTENT
    assert names(file) == {file.name}
    assert served.asked == [None]


def test_a_progress_bar(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(CONTENT) as served:
        fetch(served, file)
    out, err = capfd.readouterr()
    assert not out
    assert "weights.pth: 100%" in err
    assert "250k/250k" in err


@pytest.mark.parametrize(
    "marks",
    [
        {"tag": '"one"'},
        {"tag": None, "modified": "Tue, 01 Sep 2026 10:00:00 GMT"},
        {"tag": 'W/"weak"', "modified": "Tue, 01 Sep 2026 10:00:00 GMT"},
    ],
)
def test_a_connection_that_breaks_off_is_taken_up(file: Path, marks: dict[str, Any]) -> None:
    with serving(CONTENT, cut=100_000, **marks) as served:
        fetch(served, file)
    assert file.read_bytes() == CONTENT
    assert served.asked == [None, "bytes=100000-", "bytes=200000-"]
    assert names(file) == {file.name}


def test_what_came_before_an_end_of_the_program_is_kept(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        message = refused(served, file)
        assert f"{served.url} broke off {TRIES} times" in message
        assert f"after {TRIES * 1000} of {len(CONTENT)} bytes" in message
        assert names(file) == {PART, NOTES}
        served.cut = None
        fetch(served, file)
    assert served.asked[-1] == f"bytes={TRIES * 1000}-"
    assert file.read_bytes() == CONTENT


def interrupt_after(blocks: int) -> Callable[[Part, bytes], None]:
    append, left = Part.append, [blocks]

    def stop(self: Part, block: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        append(self, block)

    return stop


def test_an_interrupt_keeps_what_has_come(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT) as served, monkeypatch.context() as patch:
        patch.setattr(Part, "append", interrupt_after(1))
        with pytest.raises(KeyboardInterrupt):
            fetch(served, file)
        patch.undo()
        assert not file.exists()
        fetch(served, file)
    assert file.read_bytes() == CONTENT
    assert served.asked == [None, f"bytes={1 << 16}-"]


CHANGES: dict[str, Callable[[Served], object]] = {
    "another content": lambda served: setattr(served, "tag", '"two"'),
    "no ranges": lambda served: setattr(served, "ranges", False),
    "ranges that begin elsewhere": lambda served: setattr(served, "shifted", 7),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_cannot_be_gone_on_with_starts_again(file: Path, change: Callable[[Served], object]) -> None:
    with serving(b"old" + CONTENT[3:], cut=1000) as served:
        refused(served, file)
        served.content, served.cut = CONTENT, None
        change(served)
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_without_a_mark_of_the_content_it_starts_again(file: Path) -> None:
    with serving(CONTENT, cut=1000, tag=None) as served:
        refused(served, file)
        served.cut = None
        fetch(served, file)
    assert set(served.asked) == {None}
    assert file.read_bytes() == CONTENT


def test_more_than_the_server_has_starts_again(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        refused(served, file)
        (file.parent / PART).write_bytes(bytes(2 * len(CONTENT)))
        served.cut = None
        fetch(served, file)
    assert served.asked[-2:] == [f"bytes={2 * len(CONTENT)}-", None]
    assert file.read_bytes() == CONTENT


def test_a_part_from_another_address_does_not_count(file: Path) -> None:
    with serving(bytes(5000), cut=100) as elsewhere:
        refused(elsewhere, file)
    with serving(CONTENT) as served:
        fetch(served, file)
    assert served.asked == [None]


def test_a_whole_part_only_gets_its_name(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        refused(served, file)
        (file.parent / PART).write_bytes(CONTENT)
        served.status = 500
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_broken_notes_start_again(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        refused(served, file)
        (file.parent / NOTES).write_text('{"url": "http')
        served.cut = None
        fetch(served, file)
    assert file.read_bytes() == CONTENT


def test_another_content_is_kept_aside(file: Path) -> None:
    other = CONTENT + b"!"
    with serving(other) as served:
        message = refused(served, file, ValueError)
    for part in (served.url, hashlib.sha256(other).hexdigest()[:8], SHA256[:8], "weights.pth.mismatch", "not used"):
        assert part in message
    assert names(file) == {"weights.pth.mismatch"}
    assert (file.parent / "weights.pth.mismatch").read_bytes() == other


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"  <!DOCTYPE html><html>log in</html>", "application/octet-stream"),
        (b"Please log in", "text/html; charset=utf-8"),
    ],
)
def test_a_page_is_not_taken_for_weights(file: Path, content: bytes, kind: str) -> None:
    with serving(content, kind=kind) as served:
        assert "gives a page instead of the file, as a proxy or a login does" in refused(served, file)
    assert names(file) == set()


def test_a_page_does_not_cost_what_has_come(file: Path) -> None:
    with serving(CONTENT, cut=1000) as served:
        refused(served, file)
        served.content, served.kind, served.tag, served.cut = b"<html>", "text/html", None, None
        assert "gives a page" in refused(served, file)
    assert (file.parent / PART).stat().st_size == TRIES * 1000


def test_the_server_says_no(file: Path) -> None:
    with serving(CONTENT, status=404) as served:
        assert f"{served.url} answers 404 Not Found" in refused(served, file)
        assert len(served.asked) == 1
        served.status = 416  # although nothing was said of a place
        assert "answers 416" in refused(served, file)
        served.status = 204
        assert "answers 204" in refused(served, file)


def test_nobody_is_there(file: Path) -> None:
    with serving(CONTENT) as served:
        pass
    assert f"{served.url} cannot be reached ([Errno" in refused(served, file)


def test_a_disk_without_room_is_known_before(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with serving(CONTENT) as served:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 9 * 10**5, 10**5))
            message = refused(served, file, OSError)
        assert "[Errno 28] no room for weights.pth" in message
        assert f"in {str(file.parent)!r}: 0.3 MB are needed, 0.1 MB are free" in message
        fetch(served, file)


def test_a_disk_that_fills(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, left = Part.append, [150_000]

    def until_full(self: Part, block: bytes) -> None:
        append(self, block[: left[0]])
        left[0] -= len(block)
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with serving(CONTENT) as served:
        with monkeypatch.context() as patch:
            patch.setattr(Part, "append", until_full)
            message = refused(served, file, OSError)
        assert f"in {str(file.parent)!r}: No space left on device after 0.1 MB" in message
        assert "what has come is kept" in message
        fetch(served, file)
    assert served.asked == [None, "bytes=150000-"]
    assert file.read_bytes() == CONTENT


def test_other_faults_of_the_disk_are_not_hidden(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Part, block: bytes) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Part, "append", broken)
    with serving(CONTENT) as served:
        assert refused(served, file, OSError) == "[Errno 5] Input/output error"


@settings(derandomize=True, deadline=None, max_examples=15)
@given(
    content=st.binary(min_size=1, max_size=300).filter(lambda x: not x.lstrip().startswith(b"<")),
    cut=st.integers(1, 200),
)
def test_any_cut_gives_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int) -> None:
    file = tmp_path_factory.mktemp("any") / "weights.pth"
    with serving(content, cut=cut) as served:
        for _ in range(-(-len(content) // cut // TRIES) + 1):
            try:
                fetch(served, file, hashlib.sha256(content).hexdigest())
            except ConnectionError:
                continue
            break
    assert file.read_bytes() == content


def test_only_https() -> None:
    for url in ("http://127.0.0.1/a", "file:///etc/hostname", "ftp://127.0.0.1/a"):
        with pytest.raises(ValueError, match="is not an https address"):
            open_https(Request(url))


def test_no_way_from_https_to_http() -> None:
    handler = downloading._StaysSecure()
    asked = Request("https://somewhere/a")
    with pytest.raises(URLError, match="leads to http://elsewhere/a, which is not an https address"):
        handler.redirect_request(asked, None, 302, "Found", {}, "http://elsewhere/a")  # type: ignore[arg-type]
    followed = handler.redirect_request(asked, None, 302, "Found", {}, "https://elsewhere/a")  # type: ignore[arg-type]
    assert followed is not None
    assert followed.full_url == "https://elsewhere/a"


def test_what_is_sent(file: Path) -> None:
    sent: list[Request] = []

    def note(request: Request) -> HTTPResponse:
        sent.append(request)
        return open_local(request)

    with serving(CONTENT) as served:
        download(served.url, file, SHA256, note)
    assert sent[0].get_header("User-agent", "").startswith("pose_track/")
