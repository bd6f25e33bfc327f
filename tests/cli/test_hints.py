"""The line on better presets, which a user sees once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pose_track.cli.hints import better_preset
from pose_track.config.load import preset_path
from pose_track.utils.cache_dir import VARIABLE


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("terminal")
def test_it_is_given_once_and_names_a_preset() -> None:
    line = better_preset()
    assert line is not None
    assert preset_path(line.partition("--preset ")[2].partition(",")[0]).is_file()
    assert better_preset() is None


@pytest.mark.usefixtures("terminal")
def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert better_preset() is None


def test_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert better_preset() is None
    assert not (tmp_path / "cache").exists()
