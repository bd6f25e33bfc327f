"""The cache folder, and what stands in for it where there is no home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pose_track.utils.cache_dir import VARIABLE, cache_folder


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("HOME", "")
    assert cache_folder() == tmp_path


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder has another name there")
def test_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "pose_track"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / "pose_track"


@pytest.mark.parametrize("home", ["", None])
def test_without_a_home_folder(home: str | None, tmp_path: Path) -> None:
    """A folder that lasts as long as the program; None: neither the variable nor the list of users knows one."""
    code = """
import pathlib
from pose_track.utils.cache_dir import cache_folder
def no_home(): raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = no_home
folder = cache_folder()
assert folder == cache_folder() and folder.is_dir() and folder.stat().st_mode & 0o077 == 0
print(folder)
"""
    environment = {
        name: value for name, value in os.environ.items() if name not in (VARIABLE, "XDG_CACHE_HOME", "HOME")
    }
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    environment |= {} if home is None else {"HOME": home}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path
    assert not folder.exists()
    assert done.stderr.count("\n") == 1
    assert VARIABLE in done.stderr
