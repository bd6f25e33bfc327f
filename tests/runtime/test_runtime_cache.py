"""The cache of compiled networks: its folder, and complete entries."""

from __future__ import annotations

import logging
import os
import random
import sys
from pathlib import Path

import pytest

from pose_track.runtime.cache import CHECKSUMS, entry_name, load_entry, store_entry
from pose_track.utils.cache_dir import VARIABLE, cache_folder


@pytest.mark.parametrize(
    ("platform", "given", "expected"),
    [
        ("linux", {}, "home/.cache/pose_track"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/pose_track"),
        ("darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/pose_track"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/pose_track"),
        ("win32", {}, "home/AppData/Local/pose_track"),
        ("linux", {VARIABLE: "mine", "XDG_CACHE_HOME": "xdg"}, "mine"),
    ],
)
def test_the_folder(platform: str, given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    for name in (VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_names_are_readable_and_unique() -> None:
    keys = ["hrnet_compact a", "hrnet_compact b", "hrnet_w32 a", "a/b:c d"]
    names = [entry_name(key) for key in keys]
    assert len(set(names)) == 4
    assert [name.rpartition("-")[0] for name in names] == ["hrnet_compact", "hrnet_compact", "hrnet_w32", "a-b-c"]


def content(folder: Path) -> dict[str, str]:
    """The files below a folder, without those of hashes."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_an_entry_is_complete_or_missing(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        (folder / "a").write_text("1")
        assert not (tmp_path / "in" / "entry").exists()
        (folder / "b").write_text("2")

    def interrupted(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_entry(tmp_path / "in" / "entry", interrupted)
    assert content(tmp_path) == {}
    store_entry(tmp_path / "in" / "entry", write)
    assert content(tmp_path) == {"in/entry/a": "1", "in/entry/b": "2"}


def test_two_writers_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first entry stays, and nothing of the other is left."""

    def write(folder: Path) -> None:
        store_entry(tmp_path / "entry", lambda other: (other / "a").write_text("first") and None)
        (folder / "a").write_text("second")

    store_entry(tmp_path / "entry", write)
    assert content(tmp_path) == {"entry/a": "first"}
    assert not caplog.records


def fails(folder: Path) -> None:
    raise RuntimeError("no space\nleft")


def test_a_cache_that_cannot_be_written_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        for entry in ("a", "b"):
            store_entry(tmp_path / "file" / entry, lambda folder: None)
        store_entry(tmp_path / "c", fails)
    first, second = (record.getMessage() for record in caplog.records)
    assert str(tmp_path / "file") in first
    assert VARIABLE in first
    assert "(no space left)" in second
    assert content(tmp_path) == {"file": ""}


@pytest.mark.parametrize("file", ["network", CHECKSUMS])
@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_byte_makes_the_entry_again(
    file: str, seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write(folder: Path) -> None:
        (folder / "network").write_bytes(bytes(range(256)) * 40)

    entry, read = tmp_path / "entry", lambda folder: (folder / "network").read_bytes()
    store_entry(entry, write)
    assert load_entry(entry, read) == bytes(range(256)) * 40
    content, generator = bytearray((entry / file).read_bytes()), random.Random(seed)
    content[generator.randrange(len(content))] ^= generator.randrange(1, 256)
    status = (entry / file).stat()
    (entry / file).write_bytes(content)
    os.utime(entry / file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a failing disk leaves it

    assert load_entry(entry, read) is None
    assert [str(entry) in record.getMessage() for record in caplog.records] == [True]
    store_entry(entry, write)
    assert load_entry(entry, read) == bytes(range(256)) * 40


def test_an_entry_without_hashes_is_made_again(tmp_path: Path) -> None:
    store_entry(tmp_path / "entry", lambda folder: (folder / "network").write_text("kept") and None)
    (tmp_path / "entry" / CHECKSUMS).unlink()
    assert load_entry(tmp_path / "entry", lambda folder: (folder / "network").read_text()) is None
    assert not (tmp_path / "entry").exists()
