"""Batches that lose workers, drivers, time, memory and disks."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from batch_runs import batch, contents, failures, make_videos, serial, start_batch, summary
from batch_stages import DEADLY, ENDLESS, GREEDY, NOTES
from make_video import make_video

from pose_track.cli.exit_codes import EXIT_ERROR

MISBEHAVING, SLOW = "batch_stages:misbehaving_stages", "batch_stages:slow_stages"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_of(videos: Path) -> dict[str, str]:
    """The names of results whose stems are all different."""
    places = [path.relative_to(videos) for path in sorted(videos.rglob("*.mp4"))]
    return {place.as_posix(): place.with_suffix("").as_posix() for place in places}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory of other processes is known on Linux only")
def test_poisonous_videos(folder: Path) -> None:
    """Those that kill, hang or eat memory fail; the others are done."""
    make_videos(Path("in"), "a.mp4", "z.mp4")
    for name, width in (("deadly", DEADLY), ("endless", ENDLESS), ("greedy", GREEDY)):
        make_video(Path(f"in/{name}.mp4"), 40, size=(width, 128))
    limits = ("--stall-limit", 6, "--memory-limit", 0.6, "--attempts", 2)
    assert batch("in", "--out", "out", *limits, stages=MISBEHAVING) == EXIT_ERROR
    failed = failures(Path("out"))
    assert sorted(failed) == ["deadly", "endless", "greedy"]
    assert failed["deadly"]["reason"] == "its process died: killed by SIGKILL"
    assert failed["endless"]["reason"].startswith("no frame came in 6 seconds, after ")
    assert failed["greedy"]["reason"].startswith("it used 0.")
    assert {failure["attempts"] for failure in failed.values()} == {2}
    assert {name for name, row in summary(Path("out")).items() if row["status"] == "done"} == {"a", "z"}


def test_a_time_limit(folder: Path) -> None:
    make_videos(Path("in"), "a.mp4")
    make_video(Path("in/endless.mp4"), 40, size=(ENDLESS, 128))
    assert batch("in", "--out", "out", "--time-limit", 6, stages=MISBEHAVING) == EXIT_ERROR
    (failure,) = failures(Path("out")).values()
    assert failure["reason"].startswith("it took more than 6 seconds, for ")
    assert failure["attempts"] == 1


def wait_for(path: Path, limit_seconds: float = 30) -> None:
    end = time.monotonic() + limit_seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_batch_goes_on(number: signal.Signals, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command leaves what is done, and ends with what an unbroken batch gives."""
    monkeypatch.setenv(NOTES, str(folder / "notes"))
    make_videos(Path("in"), "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    running = start_batch("in", "--out", "out", stages=SLOW)
    wait_for(Path("out/d"))  # the largest
    running.send_signal(number)
    running.communicate(timeout=30)
    assert running.returncode == (-9 if number == signal.SIGKILL else 143)
    assert not Path("out/a").exists()
    assert batch("in", "--out", "out", stages=SLOW) == 0
    assert contents(Path("out")) == serial(Path("in"), Path("serial"), names_of(Path("in")))
    assert 4 <= len(Path("notes").read_text().splitlines()) <= 5  # one video in hand was begun again at most
    assert not Path("out/.batch/work").exists()


def test_two_batches_share_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one folder: no video is tracked twice, and both end when all is done."""
    monkeypatch.setenv(NOTES, str(folder / "notes"))
    make_videos(Path("in"), *(f"{name}.mp4" for name in "abcdefgh"))
    both = [start_batch("in", "--out", "out", stages=SLOW) for _ in range(2)]
    outputs = [running.communicate(timeout=60) for running in both]
    assert [running.returncode for running in both] == [0, 0], outputs
    assert all(out.startswith("8/8 videos") for out, _ in outputs)
    assert len(Path("notes").read_text().splitlines()) == 8
    assert len(set(Path("notes").read_text().splitlines())) == 2, "one of them did everything"
    assert contents(Path("out")) == serial(Path("in"), Path("serial"), names_of(Path("in")))
    assert {row["status"] for row in summary(Path("out")).values()} == {"done"}


def test_a_full_disk(folder: Path) -> None:
    """The batch ends, says so, and goes on once there is room."""
    disk = folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=192k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        make_videos(Path("in"), *(f"{name}.mp4" for name in "abcdefghijklmnop"))
        running = start_batch("in", "--out", "disk/out")
        _, err = running.communicate(timeout=60)
        assert running.returncode == EXIT_ERROR, err
        assert err.splitlines()[-1].startswith("error: there is no room for results in 'disk/out'; ")
        done = sorted(Path("disk/out").glob("*/_DONE.json"))
        assert 0 < len(done) < 16
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert batch("in", "--out", "disk/out") == 0
        assert contents(Path("disk/out")) == serial(Path("in"), Path("serial"), names_of(Path("in")))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_workers_and_batches_are_killed_at_random(folder: Path) -> None:
    """60 clips of two seconds: the results are those of a serial run, byte for byte."""
    places = [f"{number % 7}/clip{number}.mp4" for number in range(20)]
    for number, place in enumerate(places):
        Path("in", place).parent.mkdir(parents=True, exist_ok=True)
        make_video(Path("in", place), 46 + number % 9, fps=Fraction(25))
    for copy in range(1, 3):  # other names for the same content, which are videos of their own
        for place in places:
            Path("in", f"copy{copy}", place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path("in", place), Path("in", f"copy{copy}", place))
    chance, kills = random.Random(1), {"workers": 0, "batches": 0}
    running = start_batch("in", "--out", "out", "--attempts", 100, workers=2)
    while running.poll() is None:
        time.sleep(chance.uniform(0.5, 2))
        if sum(kills.values()) % 5 == 4:
            running.kill()
            running.wait()
            kills["batches"] += 1
        elif workers := _children(running.pid):
            os.kill(chance.choice(workers), signal.SIGKILL)
            kills["workers"] += 1
        if running.returncode == -signal.SIGKILL:
            running = start_batch("in", "--out", "out", "--attempts", 100, workers=2)
    assert running.returncode == 0, running.communicate()
    assert kills["workers"] > 3
    assert kills["batches"] > 0
    assert len(names_of(Path("in"))) == 60
    assert contents(Path("out")) == serial(Path("in"), Path("serial"), names_of(Path("in")))
    end = time.monotonic() + 20  # the worker of a killed batch may still be removing the folder of its last video
    while Path("out/.batch/work").exists():
        assert time.monotonic() < end, list(Path("out/.batch/work").rglob("*"))
        time.sleep(0.1)


def _children(process: int) -> list[int]:
    children = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout
    return [int(line) for line in children.split()]
