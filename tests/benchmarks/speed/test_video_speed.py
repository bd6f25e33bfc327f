"""How fast the main job is, seen from outside, and tools/benchmark.py track, which tells it; on a stub of the job."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from made_posetrack import run_tool

from pose_track.benchmarks.speed import subprocess_run as track_process
from pose_track.benchmarks.speed import video as video_speed
from pose_track.benchmarks.speed.jobs.track import main_job_words
from pose_track.benchmarks.speed.subprocess_run import Records, TrackRun, run_tracking
from pose_track.benchmarks.speed.video import VideoSpeed
from pose_track.cli.parser import EXIT_FAULT

STUB = (sys.executable, str(Path(__file__).with_name("stub_main_job.py")))


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's process is the stub's, also for functions that took the real one as a default."""
    run = run_tracking

    def run_stub(*args: object, command: object = None, **more: object) -> TrackRun:
        return run(*args, command=STUB, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(video_speed, "run_tracking", run_stub)


def test_a_run_is_watched_to_its_end(tmp_path: Path) -> None:
    seen: list[int] = []
    words = ["clip.mp4", "--stub_frames", "12"]
    run = run_tracking(words, tmp_path / "out", watch=lambda pid, records: seen.append(records), command=STUB)
    assert run.frames == 12
    assert 0.01 <= run.first_record <= run.seconds - 0.05
    assert run.frames_per_second < 12 / run.first_record
    assert seen == sorted(seen)
    assert set(seen) > {0, 1}


def test_frames_a_second_of_what_is_over_at_once() -> None:
    with pytest.raises(ValueError, match="1 frames are too few to be measured"):
        _ = TrackRun(seconds=2.0, first_record=2.0, frames=1).frames_per_second_running


def test_records_are_counted_as_they_come(tmp_path: Path) -> None:
    records = Records(tmp_path)
    assert records.count() == 0
    (tmp_path / "clip").mkdir()
    with (tmp_path / "clip" / "tracks.jsonl").open("w") as file:
        for expected, text in [(0, ""), (0, "{header}\n"), (0, "{half"), (1, " of it}\n"), (3, "{}\n{}\n"), (3, "")]:
            file.write(text)
            file.flush()
            assert records.count() == expected
    records.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stub_fault"], "ended with code 3 and 10 records: error: this is why"),
        (["--stub_frames", "0"], "ended with code 0 and 0 records: it said nothing"),
    ],
)
def test_a_run_that_fails(tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_tracking(["clip.mp4", *words], tmp_path / "out", command=STUB)


def test_an_error_of_the_watcher_ends_the_run(tmp_path: Path) -> None:
    def watch(pid: int, records: int) -> None:
        raise LookupError(pid)

    with pytest.raises(LookupError) as error:
        run_tracking(["clip.mp4", "--stub_frames", "3000"], tmp_path / "out", watch=watch, command=STUB)
    assert not track_process_runs(error.value.args[0])


def track_process_runs(pid: int) -> bool:
    """Whether there is such a process; ended ones that were waited for are not."""
    try:
        track_process.os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_medians_and_ratio() -> None:
    runs = [TrackRun(seconds, 1.0, 101) for seconds in (11.0, 6.0, 21.0)]
    profile = {"share_without_network": 0.125, "share_of_other_stages": 0.25}
    speed = VideoSpeed(TrackRun(14.0, 4.0, 101), runs, [4.0, 5.0, 2.0], [0.01, 0.02, 0.09], profile)
    assert speed.summary() == {
        "frames": 101,
        "frames_per_second": 10,
        "frames_per_second_whole": 101 / 11,
        "first_record_seconds": 1,
        "first_record_seconds_cold": 4,
        "import_seconds": 0.02,
        "share_without_network": 0.125,
        "share_of_other_stages": 0.25,
        "theirs": 4,
        "ratio": 2.5,
    }
    assert speed.words() == [
        "101 frames: 10.0 a second from the first record on, 9.2 of the whole process",
        "first record 1.00 s after the start, 4.00 s where no compiled network was kept; import pose_track 0.020 s",
        "no network ran in 12.5% of the time; stages that are no network took 25.0% of it",
        "theirs 4.0 frames a second; ours is 2.50 times as fast",
    ]


def test_each_run_is_a_new_process_with_one_cache(tmp_path: Path) -> None:
    words = ["clip.mp4", "--no-render"]
    speed = video_speed.video_speed(words, tmp_path, rounds=2, theirs=lambda: 5.0)
    assert (len(speed.warm), list(speed.theirs), len(speed.import_seconds)) == (2, [5, 5], 2)
    assert all(0 < seconds < 1 for seconds in speed.import_seconds)
    told = [json.loads((tmp_path / f"run{n}" / "told.json").read_text()) for n in range(4)]
    assert [given[:2] for given, _ in told] == [words] * 4
    assert ["--profile" in given for given, _ in told] == [False, False, False, True]
    assert {cache for _, cache in told} == {str(tmp_path / "cache")}


def test_tool_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = shlex.join([sys.executable, "-c", "print('frames_per_second: 2.5')"])
    words = ["clip.mp4", "--rounds", 1, "--against", theirs, "--stub_frames", 20, "--json", tmp_path / "found.json"]
    assert run_tool("benchmark", "track", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "track clip.mp4 without rendering --stub_frames 20"
    assert lines[1].startswith("20 frames: ")
    assert lines[4].startswith("theirs 2.5 frames a second; ours is ")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratio"] == pytest.approx(found["frames_per_second"] / 2.5)
    assert (found["render"], found["options"]) == (False, ["--stub_frames", "20"])
    assert found["profile"]["share_without_network"] == 0.125
    assert found["machine"]["cores"] >= 1


def test_options_go_to_the_main_job() -> None:
    assert main_job_words({"runtime": "torch", "tracker.flow.method": "none"}) == [
        *("--runtime", "torch", "--tracker.flow.method", "none")
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", 0], "rounds must be 1 or more"),
        (["--against", "no_such_program"], "no_such_program"),
        (["--stub_fault", "x"], "the main job ended with code 2 and 0 records"),
    ],
)
def test_tool_refuses(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("benchmark", "track", "clip.mp4", "--rounds", 1, *words) == EXIT_FAULT
    assert message in capsys.readouterr().err
