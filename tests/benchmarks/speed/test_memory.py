"""The memory of another process over a long video, the video that is made for it, and tools/benchmark.py memory."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_posetrack import run_tool

from pose_track.benchmarks.speed import memory as tested
from pose_track.benchmarks.speed.long_video import soak_video, walkers_scene
from pose_track.benchmarks.speed.memory import MemorySample, MemoryUse, memory_use, plot_memory, resident_mb
from pose_track.benchmarks.speed.subprocess_run import TrackRun
from pose_track.cli.parser import EXIT_FAULT
from pose_track.video.reader import open_video

STUB = (sys.executable, str(Path(__file__).with_name("stub_main_job.py")))
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory of other processes is told by /proc")
LOOKS = [
    MemorySample(0, 5, 5),
    MemorySample(11, 100, 140),
    MemorySample(30, 90, 150),
    MemorySample(39, 120, 150),
    MemorySample(40, 1, 150),
]
USE = MemoryUse(TrackRun(10.0, 1.0, 40), 10, LOOKS)


def test_video_repeats_what_is_drawn(tmp_path: Path) -> None:
    assert soak_video(tmp_path / "soak.mp4", 14, (160, 90)) == 14
    with open_video(tmp_path / "soak.mp4") as reader:
        frames = list(reader)
        assert (reader.info.width, reader.info.height, float(reader.info.fps)) == (160, 90, 25)
    assert len(frames) == 14
    assert [path.name for path in tmp_path.iterdir()] == ["soak.mp4"]


def test_loops_follow_each_other_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_track.benchmarks.speed.long_video.LOOP", 6)
    assert soak_video(tmp_path / "soak.mp4", 14, (160, 90), num_people=1) == 18
    with open_video(tmp_path / "soak.mp4") as reader:
        frames = list(reader)
    steps = [b.pts_seconds - a.pts_seconds for a, b in pairwise(frames)]
    np.testing.assert_allclose(steps, 0.04, atol=1e-4)
    for first, again in zip(frames[:6], frames[6:], strict=False):
        np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(frames[0].image, frames[3].image)


def test_people_walk_to_and_fro_within_the_picture() -> None:
    scene = walkers_scene(3, 100)
    places = np.array([[person.position for person in scene.people(n / 25)[1]] for n in range(101)])
    assert len(np.unique(places[0, :, 1])) == 3
    np.testing.assert_allclose(places[100], places[0], atol=1e-9)
    assert (np.ptp(places[:, :, 0], axis=0) > 3).all()
    shot, ids = scene.frame(40)
    assert ids == [0, 1, 2]
    assert (shot.visibility > 0).mean() > 0.95


@pytest.mark.parametrize(
    ("frames", "size", "people", "name"),
    [(0, (64, 64), 1, "frames"), (1, (0, 64), 1, "width"), (1, (64, 64), 0, "people")],
)
def test_videos_that_cannot_be(tmp_path: Path, frames: int, size: tuple[int, int], people: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        soak_video(tmp_path / "soak.mp4", frames, size, people)


def test_growth_and_peak() -> None:
    assert USE.summary() == {
        "frames": 40,
        "settled_after": 10,
        "settled_mb": 100,
        "end_mb": 120,
        "growth_mb": 20,
        "peak_mb": 150,
        "frames_per_second": 4,
    }
    assert USE.words() == ["100 MB after 10 frames, 120 MB after 40: +20 MB; 150 MB at most; 4.0 frames a second"]


def test_plot(tmp_path: Path) -> None:
    plot_memory(USE, tmp_path / "memory.png")
    picture = cv2.imread(str(tmp_path / "memory.png"))
    assert picture is not None
    assert picture.shape == (540, 1200, 3)


@on_linux
def test_memory_of_a_process() -> None:
    found = resident_mb(os.getpid())
    assert found is not None
    assert 10 < found[0] <= found[1] + 1


def test_memory_of_no_process() -> None:
    assert resident_mb(2**30) is None


@on_linux
def test_memory_that_a_run_takes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "_INTERVAL", 0.01)
    words = ["clip.mp4", "--stub_frames", "60", "--stub_memory", "60"]
    found = memory_use(words, tmp_path / "out", settled_after=5, command=STUB).summary()
    assert 50 < found["growth_mb"] < 80
    assert found["peak_mb"] > 60


@on_linux
def test_tool_tells_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory_use, "__defaults__", (1000, STUB))
    words = ["--frames", 10, "--size", 96, 64, "--people", 1, "--plot", tmp_path / "memory.png"]
    assert run_tool("benchmark", "memory", *words, "--stub_frames", 30, "--json", tmp_path / "found.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "memory with 1 people at 96x64 --no-render --stub_frames 30"
    assert " MB after 5 frames, " in lines[1]
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["frames"], found["settled_after"], found["size"]) == (30, 5, [96, 64])
    assert found["samples"][-1]["mb"] > 0
    assert (tmp_path / "memory.png").stat().st_size > 1000


def test_tool_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("benchmark", "memory", "--frames", 0) == EXIT_FAULT
    assert "frames must be 1 or more, got 0" in capsys.readouterr().err


def test_without_proc_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "Path", lambda name: tmp_path / "nothing")
    with pytest.raises(ValueError, match="on Linux only"):
        memory_use(["clip.mp4"], tmp_path / "out", command=STUB)
