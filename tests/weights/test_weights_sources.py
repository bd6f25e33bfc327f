"""Where weights come from: several addresses, mirrors, archives, and digests that are pinned."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request

import pytest
from served import open_local, serving

from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights import download as downloading
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.pins import expected_digest, pin_path
from pose_track.weights.sources import MIRROR_VARIABLE, Mirror, chosen_mirror, sources_of
from pose_track.weights.store import fetch_weights, find_problem, stored_path
from pose_track.weights.zoo import ZOO

CONTENT = b"PK" + bytes(range(256)) * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "https://nowhere.invalid/a.onnx"
GRAPH = ZOO["rtmpose_t_256x192"]

Opener = Callable[[Request], HTTPResponse]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.0)
    return tmp_path / "cache"


def open_some(request: Request) -> HTTPResponse:
    """Only the local server can be reached."""
    if request.host is None or not request.host.startswith("127.0.0.1"):
        raise URLError(OSError(-2, "Name or service not known"))
    return open_local(request)


def entry_at(*urls: str, sha256: str = SHA256) -> PublishedWeights:
    return replace(GRAPH, urls=urls, sha256=sha256)


def zipped(content: bytes, name: str = "some/folder/end2end.onnx") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, content)
    return archive.getvalue()


def error_message(entry: PublishedWeights, error: type[Exception], mirror: Mirror | None = None) -> str:
    with pytest.raises(error) as caught:
        fetch_weights(entry, open_some, mirror)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def hidden_files(entry: PublishedWeights) -> list[str]:
    return [path.name for path in stored_path(entry).parent.glob(".*") if not path.name.endswith(".lock")]


def test_the_next_address_is_tried() -> None:
    with serving(b"", status=503) as broken, serving(CONTENT) as served:
        entry = entry_at(NOWHERE, broken.url, served.url)
        assert fetch_weights(entry, open_some).read_bytes() == CONTENT
    assert broken.ranges_requested == [None]


def test_an_address_that_serves_other_content_is_passed_over() -> None:
    with serving(b"other") as other, serving(b"<html>", content_type="text/html") as page, serving(CONTENT) as served:
        path = fetch_weights(entry_at(other.url, page.url, served.url), open_some)
    assert path.read_bytes() == CONTENT
    assert path.with_name(f"{path.name}.mismatch").read_bytes() == b"other"


def test_the_error_names_every_address() -> None:
    with serving(b"", status=404) as missing, serving(b"other") as other:
        message = error_message(entry_at(NOWHERE, missing.url, other.url), ConnectionError)
    hosts = [url.split("/")[2] for url in (NOWHERE, missing.url, other.url)]
    reasons = [f"{hosts[0]} cannot be reached", f"{hosts[1]} answers 404", f"{hosts[2]} has the SHA-256"]
    for part in (*reasons, f"download {NOWHERE}", MIRROR_VARIABLE, "fast"):
        assert part in message


def test_a_download_goes_on_at_the_address_where_it_began() -> None:
    with serving(CONTENT, cut=1000) as first, serving(CONTENT) as second:
        error_message(entry_at(NOWHERE, first.url), ConnectionError)
        first.cut = None
        fetch_weights(entry_at(second.url, first.url), open_some)
    assert second.ranges_requested == []
    assert first.ranges_requested[-1] == "bytes=5000-"


def test_a_network_in_an_archive() -> None:
    with serving(zipped(CONTENT)) as served:
        served.url += "/a.zip"
        entry = entry_at(served.url)
        path = fetch_weights(entry, open_some)
    assert path.name == GRAPH.file
    assert path.read_bytes() == CONTENT
    assert hidden_files(entry) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(CONTENT, "model.onnx"), "is a zip archive that holds model.onnx, instead of one end2end.onnx"),
        (zipped(CONTENT)[:-30], "is not a whole zip archive"),
        (zipped(b"other"), "has the SHA-256"),
    ],
)
def test_archives_that_are_refused(content: bytes, message: str) -> None:
    with serving(content) as served:
        served.url += "/a.zip"
        entry = entry_at(served.url)
        text = error_message(entry, ValueError)
    assert message in text
    assert served.url in text
    assert not stored_path(entry).exists()
    assert hidden_files(entry) == []


def test_a_page_in_place_of_an_archive() -> None:
    with serving(b"<!DOCTYPE html><title>log in</title>", content_type="text/html") as served:
        served.url += "/a.zip"
        entry = entry_at(served.url)
        assert "sends an HTML page" in error_message(entry, ConnectionError)
    assert hidden_files(entry) == []


def test_an_interrupted_archive_is_resumed() -> None:
    content = zipped(CONTENT)
    with serving(content, cut=1000) as served:
        served.url += "/a.zip"
        error_message(entry_at(served.url), ConnectionError)
        served.cut = None
        assert fetch_weights(entry_at(served.url), open_some).read_bytes() == CONTENT
    assert served.ranges_requested[-1] == "bytes=5000-"


@pytest.mark.parametrize("sha256", ["", SHA256[:8]])
def test_the_digest_of_the_first_download_is_pinned(caplog: pytest.LogCaptureFixture, sha256: str) -> None:
    with serving(CONTENT) as served:
        entry = entry_at(served.url, sha256=sha256)
        path = fetch_weights(entry, open_some)
        assert pin_path(path).read_text() == f"{SHA256}  {path.name}\n"
        (message,) = caplog.messages
        assert SHA256 in message
        assert served.url in message
        assert fetch_weights(entry, open_some) == path
        assert len(caplog.messages) == 1  # once

        path.write_bytes(CONTENT[:-1])
        assert "which is pinned in" in str(find_problem(path, entry))
        assert fetch_weights(entry, open_some).read_bytes() == CONTENT  # again, since it was damaged

        path.unlink()
        served.content = CONTENT[:-1]
        assert SHA256[:8] in error_message(entry, ValueError)


def test_a_whole_published_digest_is_not_pinned(caplog: pytest.LogCaptureFixture) -> None:
    with serving(CONTENT) as served:
        path = fetch_weights(entry_at(served.url), open_some)
    assert not pin_path(path).exists()
    assert caplog.messages == []


@pytest.mark.parametrize("pinned", ["", "no digest", f"{'0' * 64}  file\n"])
def test_a_pin_that_says_nothing_of_the_published_digits(pinned: str) -> None:
    entry = entry_at(NOWHERE, sha256=SHA256[:8])
    path = stored_path(entry)
    path.parent.mkdir(parents=True)
    pin_path(path).write_text(pinned)
    assert expected_digest(path, entry) == SHA256[:8]


def test_a_file_saved_by_hand_is_pinned() -> None:
    entry = entry_at(sha256="")
    path = stored_path(entry)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch_weights(entry, open_some) == path
    assert expected_digest(path, entry) == SHA256


def test_a_folder_as_a_mirror(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / GRAPH.file).write_bytes(CONTENT)
    path = fetch_weights(entry_at(NOWHERE), open_some, Mirror(str(folder)))
    assert path.read_bytes() == CONTENT


def test_an_address_as_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT) as served:
        monkeypatch.setenv(MIRROR_VARIABLE, served.url.rpartition("/")[0])
        path = fetch_weights(entry_at(NOWHERE), open_some)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["folder", "address"])
def test_a_mirror_that_has_another_file(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and the publisher's own address is tried."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / GRAPH.file).write_bytes(b"other")
    with serving(b"other") as served, serving(CONTENT) as publisher:
        mirror = Mirror(str(folder) if kind == "folder" else served.url.rpartition("/")[0])
        message = error_message(entry_at(NOWHERE), ConnectionError, mirror)
        assert (str(folder / GRAPH.file) if kind == "folder" else served.url.split("/")[2]) in message
        assert f"instead of {SHA256[:8]}" in message
        assert fetch_weights(entry_at(publisher.url), open_some, mirror).read_bytes() == CONTENT
    assert str(mirror.source(GRAPH.file)) in caplog.text


def test_a_mirror_that_lacks_the_file(tmp_path: Path) -> None:
    message = error_message(entry_at(NOWHERE), ConnectionError, Mirror(str(tmp_path)))
    assert f"there is no {str(tmp_path / GRAPH.file)!r}" in message
    (tmp_path / GRAPH.file).write_bytes(b"<html>log in")
    assert "HTML page" in error_message(entry_at(NOWHERE), ConnectionError, Mirror(str(tmp_path)))


@pytest.mark.parametrize("location", ["ftp://somewhere", "missing", "file:///tmp"])
def test_a_mirror_that_cannot_be(location: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=location):
        chosen_mirror(location)


def test_a_mirror_that_is_gone_does_not_matter_to_stored_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(CONTENT) as served:
        entry = entry_at(served.url)
        path = fetch_weights(entry, open_some)
    monkeypatch.setenv(MIRROR_VARIABLE, "gone")
    assert fetch_weights(entry, open_some) == path
    path.unlink()
    assert "the mirror 'gone' does not exist" in error_message(entry, ValueError)


def test_an_entry_by_hand_can_come_from_a_mirror(tmp_path: Path) -> None:
    entry = replace(ZOO["pose_hrnet_w32_256x192"], sha256=SHA256)
    (tmp_path / entry.file).write_bytes(CONTENT)
    assert fetch_weights(entry, open_some, Mirror(str(tmp_path))).read_bytes() == CONTENT


def test_the_order_of_sources(tmp_path: Path) -> None:
    entry, mirror = entry_at("https://a/f.zip", "https://b/f.onnx"), Mirror(str(tmp_path))
    path = tmp_path / entry.file
    assert sources_of(entry, mirror) == [path, *entry.urls]
    assert sources_of(entry, mirror, first="https://b/f.onnx") == ["https://b/f.onnx", path, "https://a/f.zip"]
    assert sources_of(entry, None) == [*entry.urls]
