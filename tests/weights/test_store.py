"""The folder of published weights: what is kept, what is fetched, and what is said where it cannot be."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import select
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request

import pytest
from served import open_local, serving

from pose_track.utils.cache_dir import VARIABLE
from pose_track.weights import download as downloading
from pose_track.weights.partial_download import Part
from pose_track.weights.store import fault, fetch_weights, stored_path, weights_folder
from pose_track.weights.zoo import ZOO, PublishedWeights

CONTENT = b"PK" + bytes(range(256)) * 300
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "hrnet_w32_coco_256x192_udp"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.0)
    return tmp_path / "cache"


def offline(request: Request) -> None:
    raise URLError(OSError(-2, "Name or service not known"))


def must_not_be_asked(request: Request) -> None:
    raise AssertionError(f"{request.full_url} was asked for")


def published(url: str, name: str = NAME) -> PublishedWeights:
    return replace(ZOO[name], url=url, sha256=SHA256[:8])


def put(entry: PublishedWeights, content: bytes) -> Path:
    path = stored_path(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refused(entry: PublishedWeights, error: type[Exception], opener: object = offline) -> str:
    with pytest.raises(error) as caught:
        fetch_weights(entry, opener)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_fetched_once(cache: Path) -> None:
    with serving(CONTENT) as served:
        entry = published(served.url)
        path = fetch_weights(entry, open_local)
    assert path == cache / "weights" / entry.file == stored_path(entry)
    assert path.read_bytes() == CONTENT
    assert fetch_weights(entry, must_not_be_asked) == path  # type: ignore[arg-type]


def test_a_file_put_there_by_hand_is_used() -> None:
    entry = published("https://nowhere/a")
    path = put(entry, CONTENT)
    assert fetch_weights(entry, must_not_be_asked) == path  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has the SHA-256 e3b0c442... instead of"),
        (CONTENT[:-1], "has the SHA-256"),
        (b"<!DOCTYPE html>", "is a page, as a proxy or a login gives, and no weights"),
    ],
)
def test_another_content_is_set_aside(caplog: pytest.LogCaptureFixture, content: bytes, reason: str) -> None:
    with serving(CONTENT) as served:
        entry = published(served.url)
        path = put(entry, content)
        assert fetch_weights(entry, open_local) == path
    assert path.read_bytes() == CONTENT
    assert path.with_name(f"{path.name}.mismatch").read_bytes() == content
    (message,) = caplog.messages
    assert str(path) in message
    assert reason in message
    assert f"kept as {path.name}.mismatch and not used" in message


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        (NAME, "--preset fast, which needs no download"),
        ("fcos_resnet50_fpn", "--preset fast"),
        ("raft_small", "tracker.flow.method dis"),
        ("hrnet_w48_imagenet", "train from random weights"),
    ],
)
def test_no_network(cache: Path, name: str, instead: str) -> None:
    message = refused(ZOO[name], ConnectionError)
    for part in (ZOO[name].url, "Name or service not known", str(cache / "weights"), ZOO[name].file, instead):
        assert str(part) in message


def test_a_page_in_place_of_weights(cache: Path) -> None:
    with serving(b"<html>log in", kind="text/html") as served:
        message = refused(published(served.url), ConnectionError, open_local)
    assert "gives a page instead of the file" in message
    assert str(cache / "weights") in message
    assert not stored_path(ZOO[NAME]).exists()


def test_by_hand(cache: Path) -> None:
    entry = ZOO["pose_hrnet_w32_256x192"]
    message = refused(entry, FileNotFoundError)
    for part in ("fetched by hand", entry.file, entry.source, str(cache / "weights"), "use hrnet_w32_coco_256x192, "):
        assert part in message
    assert "use hrnet_w32_mpii_256x256," in refused(ZOO["pose_hrnet_w32_256x256"], FileNotFoundError)
    path = put(entry, CONTENT)  # its hash is not published
    assert fetch_weights(entry, must_not_be_asked) == path  # type: ignore[arg-type]


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"<html>", "is a page")])
def test_by_hand_and_wrong(caplog: pytest.LogCaptureFixture, content: bytes, reason: str) -> None:
    entry = ZOO["pose_hrnet_w32_256x192"]
    assert reason in str(fault(put(entry, content), entry))
    assert "fetched by hand" in refused(entry, FileNotFoundError)
    assert reason in caplog.text
    assert not stored_path(entry).exists()


def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Part, block: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Part, "append", full)
    with serving(CONTENT) as served:
        message = refused(published(served.url), OSError, open_local)
    assert message.startswith(f"no room for {ZOO[NAME].file} in {str(weights_folder())!r}: No space left on device")
    assert f"or set {VARIABLE} to a folder with more room" in message


def test_a_folder_that_cannot_be(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    message = refused(ZOO[NAME], OSError)
    assert str(cache / "weights") in message
    assert f"set {VARIABLE} to a folder that can be written to" in message


def test_a_folder_that_is_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert "which is not writable" in refused(ZOO[NAME], PermissionError)


def test_the_second_of_two_waits_and_finds_the_file(caplog: pytest.LogCaptureFixture) -> None:
    paths: list[Path] = []
    gate = threading.Event()
    with serving(CONTENT, gate=gate) as served, caplog.at_level(logging.WARNING):
        entry = published(served.url)
        threads = [
            threading.Thread(target=lambda: paths.append(fetch_weights(entry, open_local)), daemon=True)
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for _ in range(1000):
            if len(caplog.messages) == 2:  # both others have said that they wait
                break
            threading.Event().wait(0.005)
        gate.set()
        for thread in threads:
            thread.join(10)
    assert paths == [stored_path(entry)] * 3
    assert served.asked == [None]
    assert caplog.messages == [f"{entry.file} is being downloaded by another process: waiting for it"] * 2


CHILD = """
import sys
from dataclasses import replace
from served import open_local
from pose_track.weights.store import fetch_weights
from pose_track.weights.zoo import ZOO
print(fetch_weights(replace(ZOO[sys.argv[1]], url=sys.argv[2], sha256=sys.argv[3]), open_local))
"""


def test_two_processes_download_once() -> None:
    gate = threading.Event()
    with serving(CONTENT, gate=gate) as served:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        words = [sys.executable, "-c", CHILD, NAME, served.url, SHA256[:8]]
        both = [
            subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        (waiting,), _, _ = select.select([process.stderr for process in both], [], [], 10)
        assert "is being downloaded by another process: waiting" in waiting.readline()
        gate.set()
        ends = [process.communicate(timeout=20) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert [out.strip() for out, _ in ends] == [str(stored_path(ZOO[NAME]))] * 2
    assert served.asked == [None]
    assert stored_path(ZOO[NAME]).read_bytes() == CONTENT
