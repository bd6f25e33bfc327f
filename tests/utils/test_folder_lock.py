from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pose_track.utils.folder_lock import is_locked, locked_folder

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from pose_track.utils.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has locked the folder; at the end it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_second_process_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert is_locked(tmp_path)
        with pytest.raises(BlockingIOError, match=str(process.pid)), locked_folder(tmp_path):
            pass


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not is_locked(tmp_path)
        with locked_folder(tmp_path):
            pass
    assert not tmp_path.exists()  # it was empty


def test_nothing_stays_beside_the_results(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "missing")
    with locked_folder(tmp_path / "new" / "folder"):
        (tmp_path / "new" / "folder" / "result").touch()
    assert list((tmp_path / "new").rglob("*")) == [tmp_path / "new" / "folder", tmp_path / "new" / "folder" / "result"]
