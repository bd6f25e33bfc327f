"""Where compiled networks are kept, and that what is there is whole."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from pose_track.runtime import cache
from pose_track.runtime.cache import entry_name, keep
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


def test_names_tell_people_what_and_keys_apart() -> None:
    keys = ["hrnet_compact a", "hrnet_compact b", "hrnet_w32 a", "a/b:c d"]
    names = [entry_name(key) for key in keys]
    assert len(set(names)) == 4
    assert [name.rpartition("-")[0] for name in names] == ["hrnet_compact", "hrnet_compact", "hrnet_w32", "a-b-c"]


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_an_entry_is_whole_or_not_there(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        (folder / "a").write_text("1")
        assert not (tmp_path / "in" / "entry").exists()
        (folder / "b").write_text("2")

    def killed(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(tmp_path / "in" / "entry", killed)
    assert content(tmp_path) == {}
    keep(tmp_path / "in" / "entry", write)
    assert content(tmp_path) == {"in/entry/a": "1", "in/entry/b": "2"}


def test_two_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The entry of the first one stays, and nothing of the other is left."""

    def write(folder: Path) -> None:
        keep(tmp_path / "entry", lambda other: (other / "a").write_text("first") and None)
        (folder / "a").write_text("second")

    keep(tmp_path / "entry", write)
    assert content(tmp_path) == {"entry/a": "first"}
    assert not caplog.records


def fails(folder: Path) -> None:
    raise RuntimeError("no space\nleft")


def test_what_cannot_be_kept_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache._warn.cache_clear()
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        for entry in ("a", "b"):
            keep(tmp_path / "file" / entry, lambda folder: None)
        keep(tmp_path / "c", fails)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"compiled networks cannot be kept in {tmp_path / 'file'} (")
    assert first.endswith(f"so every start is slow; set {VARIABLE} to a folder that can be written to")
    assert "(no space left)" in second
    assert content(tmp_path) == {"file": ""}
