"""Where `pose-track track` puts the results of a video, whatever its name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command_line import run_command
from make_video import make_video
from stub_stages import stub_stages

import pose_track.build.stages
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.track_jobs import result_folders
from pose_track.video.locations import parse_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("video", "name"),
    [
        ("clip.mp4", "clip"),
        ("...mp4", "...mp4"),  # without its suffix it would be "..", the folder above
        ("..mp4", "..mp4"),
        ("....mp4", "....mp4"),
        (".mp4", ".mp4"),
        ("a..mp4", "a."),
        ("a/../clip.mp4", "clip"),
        ("-clip.mp4", "-clip"),
        ("concat:a.mp4", "concat:a"),
    ],
)
def test_results_stay_below_out(video: str, name: str, folder: Path) -> None:
    make_video(folder / "any.mp4", 2).rename(folder / Path(os.path.normpath(video)))
    (folder / "a").mkdir()
    before = set(folder.rglob("*"))
    assert run_command("track", "--out", "deep/out", "--no-render", "--", video) == 0
    written = {path for path in set(folder.rglob("*")) - before if path.is_file()}
    assert written
    assert {path.parent for path in written} == {folder / "deep" / "out" / name}


def test_a_path_without_a_name() -> None:
    with pytest.raises(ValueError, match="'/'"):
        result_folders([parse_source("/")], Path("out"))


def test_links_have_their_own_names(folder: Path) -> None:
    """As in stores of data, where files are named by their content."""
    (folder / "store").mkdir()
    make_video(folder / "store" / "MD5-abc.mp4", 2)
    for name in ("left.mp4", "right.mp4"):
        (folder / name).symlink_to("store/MD5-abc.mp4")
    assert run_command("track", "left.mp4", "right.mp4", "--no-render") == 0
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["left", "right"]


def test_a_link_to_itself(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "loop.mp4").symlink_to("loop.mp4")
    assert run_command("track", "loop.mp4") == EXIT_ERROR
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "loop.mp4" in err


@pytest.mark.parametrize("words", [["--", "-clip.mp4"], ["--no-render", "--", "-clip.mp4", "--x.y"]])
def test_names_that_begin_with_a_dash(words: list[str], folder: Path) -> None:
    make_video(folder / "any.mp4", 2).rename(folder / "-clip.mp4")
    make_video(folder / "any.mp4", 2).rename(folder / "--x.y")
    assert run_command("track", *words) == 0
    lines = (folder / "runs" / "-clip" / "tracks.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["source"] == "-clip.mp4"
    assert len(lines) == 3
