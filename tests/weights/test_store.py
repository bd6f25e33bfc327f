"""The folder of published weights: stored files, downloads, and errors."""

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
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.partial_download import PartialDownload
from pose_track.weights.store import fetch_weights, find_problem, stored_path, weights_folder
from pose_track.weights.zoo import ZOO

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


def must_not_be_requested(request: Request) -> None:
    raise AssertionError(f"{request.full_url} was requested")


def published(url: str, name: str = NAME) -> PublishedWeights:
    return replace(ZOO[name], urls=(url,), sha256=SHA256)


def store(entry: PublishedWeights, content: bytes) -> Path:
    path = stored_path(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def error_message(entry: PublishedWeights, expected: type[Exception], opener: object = offline) -> str:
    with pytest.raises(expected) as caught:
        fetch_weights(entry, opener)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_download(cache: Path) -> None:
    with serving(CONTENT) as served:
        entry = published(served.url)
        path = fetch_weights(entry, open_local)
    assert path == cache / "weights" / entry.file == stored_path(entry)
    assert path.read_bytes() == CONTENT
    assert fetch_weights(entry, must_not_be_requested) == path  # type: ignore[arg-type]


def test_a_file_saved_by_hand_is_used() -> None:
    entry = published("https://nowhere/a")
    path = store(entry, CONTENT)
    assert fetch_weights(entry, must_not_be_requested) == path  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "e3b0c442"),
        (CONTENT[:-1], "SHA-256"),
        (b"<!DOCTYPE html>", "HTML page"),
    ],
)
def test_a_file_with_other_content_is_set_aside(caplog: pytest.LogCaptureFixture, content: bytes, reason: str) -> None:
    with serving(CONTENT) as served:
        entry = published(served.url)
        path = store(entry, content)
        assert fetch_weights(entry, open_local) == path
    assert path.read_bytes() == CONTENT
    assert path.with_name(f"{path.name}.mismatch").read_bytes() == content
    (message,) = caplog.messages
    assert str(path) in message
    assert reason in message
    assert f"{path.name}.mismatch" in message


@pytest.mark.parametrize(
    ("name", "alternative"),
    [
        (NAME, "--preset fast"),
        ("fcos_resnet50_fpn", "--preset fast"),
        ("raft_small", "tracker.flow.method dis"),
        ("hrnet_w48_imagenet", "train from random weights"),
    ],
)
def test_no_network(cache: Path, name: str, alternative: str) -> None:
    message = error_message(ZOO[name], ConnectionError)
    for part in (ZOO[name].urls[0], "Name or service not known", str(cache / "weights"), ZOO[name].file, alternative):
        assert str(part) in message


def test_an_html_page_in_place_of_weights(cache: Path) -> None:
    with serving(b"<html>log in", content_type="text/html") as served:
        message = error_message(published(served.url), ConnectionError, open_local)
    assert "HTML page" in message
    assert str(cache / "weights") in message
    assert not stored_path(ZOO[NAME]).exists()


def test_a_download_by_hand(cache: Path) -> None:
    entry = ZOO["pose_hrnet_w32_384x288"]
    message = error_message(entry, FileNotFoundError)
    for part in ("by hand", entry.file, entry.source, str(cache / "weights"), "use hrnet_w32_coco_384x288, "):
        assert part in message
    assert "use hrnet_w32_mpii_256x256," in error_message(ZOO["pose_hrnet_w32_256x256"], FileNotFoundError)
    path = store(entry, CONTENT)  # its hash is not published
    assert fetch_weights(entry, must_not_be_requested) == path  # type: ignore[arg-type]


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"<html>", "HTML page")])
def test_a_wrong_file_saved_by_hand(caplog: pytest.LogCaptureFixture, content: bytes, reason: str) -> None:
    entry = ZOO["pose_hrnet_w32_384x288"]
    assert reason in str(find_problem(store(entry, content), entry))
    assert "by hand" in error_message(entry, FileNotFoundError)
    assert reason in caplog.text
    assert not stored_path(entry).exists()


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: PartialDownload, block: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(PartialDownload, "append", full)
    with serving(CONTENT) as served:
        message = error_message(published(served.url), OSError, open_local)
    for part in (ZOO[NAME].file, str(weights_folder()), "No space left on device", VARIABLE):
        assert part in message


def test_a_folder_that_cannot_be_created(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    message = error_message(ZOO[NAME], OSError)
    assert str(cache / "weights") in message
    assert VARIABLE in message


def test_a_folder_that_is_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert "not writable" in error_message(ZOO[NAME], PermissionError)


def test_other_threads_wait_for_the_download(caplog: pytest.LogCaptureFixture) -> None:
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
            if len(caplog.messages) == 2:  # both others wait
                break
            threading.Event().wait(0.005)
        gate.set()
        for thread in threads:
            thread.join(10)
    assert paths == [stored_path(entry)] * 3
    assert served.ranges_requested == [None]
    assert all("waiting" in message and entry.file in message for message in caplog.messages)


CHILD = """
import sys
from dataclasses import replace
from served import open_local
from pose_track.weights.store import fetch_weights
from pose_track.weights.zoo import ZOO
print(fetch_weights(replace(ZOO[sys.argv[1]], urls=(sys.argv[2],), sha256=sys.argv[3]), open_local))
"""


def test_two_processes_download_once() -> None:
    gate = threading.Event()
    with serving(CONTENT, gate=gate) as served:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        words = [sys.executable, "-c", CHILD, NAME, served.url, SHA256]
        processes = [
            subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        (waiting,), _, _ = select.select([process.stderr for process in processes], [], [], 10)
        assert "waiting" in waiting.readline()
        gate.set()
        outputs = [process.communicate(timeout=20) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [out.strip() for out, _ in outputs] == [str(stored_path(ZOO[NAME]))] * 2
    assert served.ranges_requested == [None]
    assert stored_path(ZOO[NAME]).read_bytes() == CONTENT
