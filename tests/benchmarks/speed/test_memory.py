"""Memory of another process over a long video, the video itself, and `pose-track benchmark memory`."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import run_command

from pose_track.benchmarks.speed import memory
from pose_track.benchmarks.speed.long_video import make_long_video, walking_scene
from pose_track.benchmarks.speed.memory import MemorySample, MemoryUse, measure_memory, plot_memory, resident_mb
from pose_track.benchmarks.speed.subprocess_run import TrackRun
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.video.reader import open_video

FAKE = (sys.executable, str(Path(__file__).with_name("fake_track.py")))
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of a process from /proc")
SAMPLES = [
    MemorySample(0, 5, 5),
    MemorySample(11, 100, 140),
    MemorySample(30, 90, 150),
    MemorySample(39, 120, 150),
    MemorySample(40, 1, 150),
]
USE = MemoryUse(TrackRun(10.0, 1.0, 40), 10, SAMPLES)


def test_video_of_one_loop(tmp_path: Path) -> None:
    assert make_long_video(tmp_path / "long.mp4", 14, (160, 90)) == 14
    with open_video(tmp_path / "long.mp4") as reader:
        frames = list(reader)
        assert (reader.info.width, reader.info.height, float(reader.info.fps)) == (160, 90, 25)
    assert len(frames) == 14
    assert [path.name for path in tmp_path.iterdir()] == ["long.mp4"]


def test_loops_follow_each_other_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_track.benchmarks.speed.long_video.LOOP", 6)
    assert make_long_video(tmp_path / "long.mp4", 14, (160, 90), num_people=1) == 18
    with open_video(tmp_path / "long.mp4") as reader:
        frames = list(reader)
    steps = [b.pts_seconds - a.pts_seconds for a, b in pairwise(frames)]
    np.testing.assert_allclose(steps, 0.04, atol=1e-4)
    for first, repeated in zip(frames[:6], frames[6:], strict=False):
        np.testing.assert_array_equal(first.image, repeated.image)
    assert not np.array_equal(frames[0].image, frames[3].image)


def test_people_walk_back_and_forth_inside_the_image() -> None:
    scene = walking_scene(3, 100)
    positions = np.array([[person.position for person in scene.people(n / 25)[1]] for n in range(101)])
    assert len(np.unique(positions[0, :, 1])) == 3
    np.testing.assert_allclose(positions[100], positions[0], atol=1e-9)
    assert (np.ptp(positions[:, :, 0], axis=0) > 3).all()
    shot, ids = scene.frame(40)
    assert ids == [0, 1, 2]
    assert (shot.visibility > 0).mean() > 0.95


@pytest.mark.parametrize(
    ("frames", "size", "people", "name"),
    [(0, (64, 64), 1, "frames"), (1, (0, 64), 1, "width"), (1, (64, 64), 0, "people")],
)
def test_invalid_video(tmp_path: Path, frames: int, size: tuple[int, int], people: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} .*got 0"):
        make_long_video(tmp_path / "long.mp4", frames, size, people)


def test_growth_and_peak() -> None:
    assert USE.summary() == {
        "frames": 40,
        "warmup_frames": 10,
        "warmup_mb": 100,
        "end_mb": 120,
        "growth_mb": 20,
        "peak_mb": 150,
        "frames_per_second": 4,
    }
    assert USE.lines() == ["100 MB after 10 frames, 120 MB after 40: +20 MB; 150 MB at most; 4.0 frames a second"]


def test_plot(tmp_path: Path) -> None:
    plot_memory(USE, tmp_path / "memory.png")
    image = cv2.imread(str(tmp_path / "memory.png"))
    assert image is not None
    assert image.shape == (540, 1200, 3)


@on_linux
def test_memory_of_a_process() -> None:
    used = resident_mb(os.getpid())
    assert used is not None
    assert 10 < used[0] <= used[1] + 1


def test_memory_of_an_absent_process() -> None:
    assert resident_mb(2**30) is None


@on_linux
def test_allocated_memory_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_INTERVAL", 0.01)
    arguments = ["clip.mp4", "--fake_frames", "60", "--fake_memory", "60"]
    summary = measure_memory(arguments, tmp_path / "out", warmup_frames=5, command=FAKE).summary()
    assert 50 < summary["growth_mb"] < 80
    assert summary["peak_mb"] > 60


@on_linux
def test_command_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure_memory, "__defaults__", (1000, FAKE))
    words = ["--frames", 10, "--size", 96, 64, "--people", 1, "--plot", tmp_path / "memory.png"]
    json_file = tmp_path / "memory.json"
    assert run_command("benchmark", "memory", *words, "--fake_frames", 30, "--json", json_file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "memory with 1 people at 96x64 --no-render --fake_frames 30"
    assert " MB after 5 frames, " in lines[1]
    written = json.loads(json_file.read_text())
    assert (written["frames"], written["warmup_frames"], written["size"]) == (30, 5, [96, 64])
    assert written["samples"][-1]["mb"] > 0
    assert (tmp_path / "memory.png").stat().st_size > 1000


def test_command_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "memory", "--frames", 0) == EXIT_ERROR
    assert "frames must be 1 or more, got 0" in capsys.readouterr().err


def test_system_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path / "nothing")
    with pytest.raises(ValueError, match="Linux only"):
        measure_memory(["clip.mp4"], tmp_path / "out", command=FAKE)
