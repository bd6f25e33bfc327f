"""`pose-track live`, and `track` with sources that are no files."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import cv2
import pytest
from command_line import run_command
from make_video import make_video, numbered_image
from stub_stages import stub_stages

import pose_track.build.stages
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.formats.tracks_jsonl import read_tracks

LIVE = ("--tracker.flow.method", "none")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings))
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "clip.mp4", 12)
    return tmp_path


def test_live_writes_no_files_unless_asked(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command("live", "clip.mp4", "--jsonl", "-", *LIVE) == 0
    out, err = capfd.readouterr()
    header, *records = [json.loads(line) for line in out.splitlines()]
    assert header["type"] == "header"
    assert records[-1]["frame"] == 11
    assert records[1]["people"][0]["confirmed"] is False
    assert "clip.mp4: 12 frames, 0 skipped, latency " in err
    assert sorted(path.name for path in folder.iterdir()) == ["clip.mp4"]


def test_live_with_out(folder: Path) -> None:
    assert run_command("live", "clip.mp4", "--out", "runs", "--max-frames", "5", *LIVE) == 0
    _, records = read_tracks(folder / "runs/clip/tracks.jsonl")
    assert [people.frame_index for people in records] == [0, 1, 2, 3, 4]
    assert records.live is not None
    assert run_command("live", "clip.mp4", "--out", "runs", *LIVE) == EXIT_ERROR  # results exist
    assert run_command("live", "clip.mp4", "--out", "runs", "--overwrite", *LIVE) == 0


@pytest.mark.parametrize(("option", "frames"), [(("--max-frames", "4"), 4), (("--duration", "0.35"), 4)])
def test_track_ends_early(option: tuple[str, str], frames: int, folder: Path) -> None:
    assert run_command("track", "clip.mp4", *option) == 0
    _, records = read_tracks(folder / "runs/clip/tracks.jsonl")
    assert len(list(records)) == frames


def test_duration_counts_from_the_start(folder: Path) -> None:
    assert run_command("track", "clip.mp4", "--start", "0.5", "--duration", "0.2") == 0
    _, records = read_tracks(folder / "runs/clip/tracks.jsonl")
    assert [people.frame_index for people in records] == [5, 6]
    assert run_command("track", "clip.mp4", "--end", "0.5", "--duration", "0.2") == EXIT_ERROR
    assert run_command("track", "clip.mp4", "--duration", "soon") == EXIT_ERROR


def test_patterns_of_images_and_of_videos(folder: Path) -> None:
    images = folder / "images"
    images.mkdir()
    for number in range(3):
        cv2.imwrite(str(images / f"{number}.png"), numbered_image(number))
    make_video(folder / "other.mp4", 3)
    assert run_command("track", "images/*.png", "*.mp4", "--no-render") == 0
    frames = {path.parent.name: len(list(read_tracks(path)[1])) for path in folder.glob("runs/*/tracks.jsonl")}
    assert frames == {"images": 3, "clip": 12, "other": 3}


def test_track_live_of_a_file_and_keep_all_are_exclusive(folder: Path) -> None:
    assert run_command("track", "--live", "clip.mp4", "--no-render", *LIVE) == 0
    assert read_tracks(folder / "runs/clip/tracks.jsonl")[1] is not None
    assert run_command("track", "--live", "--keep-all", "clip.mp4") == EXIT_ERROR


def test_what_cannot_be_resumed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("track", "--live", "--resume", "clip.mp4") == EXIT_ERROR
    assert run_command("track", "--resume", "http://user:secret@127.0.0.1:1/a.mp4") == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.count("--resume cannot go on with it") == 2
    assert "secret" not in err


def test_ctrl_c_ends_a_live_run_with_complete_results(folder: Path) -> None:
    make_video(folder / "long.mp4", 100)  # ten seconds
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    assert run_command("live", "long.mp4", "--out", "runs", *LIVE) == 0
    assert time.monotonic() - started < 8
    _, records = read_tracks(folder / "runs/long/tracks.jsonl")
    assert 0 < len(list(records)) < 100
    assert records.fault is None


def test_a_camera_that_is_not_there(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run_command("live", "97") == EXIT_ERROR
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("error: ")
    assert "camera 97" in line
