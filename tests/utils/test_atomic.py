"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pose_track.utils.atomic import atomic_folder, atomic_path, atomic_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sync", [False, True])
def test_file_is_replaced_at_the_end(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with atomic_path(path, sync) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == tmp_path
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with atomic_text(tmp_path / "a.txt") as file:
        file.write("\u00e9")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9"


@pytest.mark.parametrize("content", [None, "old"])
def test_error_leaves_the_old_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_text(content)

    def write() -> None:
        with atomic_text(path) as file:
            file.write("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert names(tmp_path) == ([] if content is None else ["a.txt"])
    assert content is None or path.read_text() == content


def test_concurrent_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_text(path) as one:
        one.write("first")
        with atomic_text(path) as other:
            other.write("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_sync_forces_the_content_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    for sync in (False, True):
        with atomic_path(tmp_path / "a", sync) as temporary:
            temporary.write_bytes(b"1234")
    assert synced == [4]


def test_single_writer_replaces_what_a_killed_run_left(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a", single_writer=True) as temporary:
        killed = temporary
        temporary.write_bytes(b"1")
    killed.write_bytes(b"of a killed run")
    with atomic_path(tmp_path / "a", single_writer=True) as temporary:
        temporary.write_bytes(b"2")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"2"


def test_folder_of_another_writer_stays(tmp_path: Path) -> None:
    folder = tmp_path / "entry"
    with atomic_folder(folder) as one:
        (one / "a").write_text("second")
        with atomic_folder(folder) as other:
            (other / "a").write_text("first")
    assert (folder / "a").read_text() == "first"
    assert names(tmp_path) == ["entry"]


def test_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic_folder(tmp_path / "entry") as folder:
            (folder / "a").write_text("1")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fill()
    assert names(tmp_path) == []


def test_path_is_a_folder_with_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    with pytest.raises(OSError), atomic_path(tmp_path / "a") as temporary:  # noqa: PT011 (its text is the system's)
        temporary.write_text("1")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_killed_writer_left_is_removed_by_the_next_one(folder: bool, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from pose_track.utils.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        f"    path.mkdir() if {folder} else path.touch()\n"
        "    os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, tmp_path / "result"], check=False, cwd=root)
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_path(tmp_path / "result") as mine, atomic_path(tmp_path / "result") as other:
        mine.write_text("one")
        other.write_text("two")  # a writer that runs keeps its file
    assert [path.name for path in tmp_path.iterdir()] == ["result"]
