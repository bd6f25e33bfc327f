"""Speed of `pose-track track` as seen from outside, and `pose-track benchmark track`; with a fake of the command."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from command_line import run_command

from pose_track.benchmarks.jobs.track import option_words
from pose_track.benchmarks.speed import video as video_speed
from pose_track.benchmarks.speed.subprocess_run import RecordCounter, TrackRun, run_tracking
from pose_track.benchmarks.speed.video import VideoSpeed, measure_video
from pose_track.cli.exit_codes import EXIT_ERROR

FAKE = (sys.executable, str(Path(__file__).with_name("fake_track.py")))


@pytest.fixture(autouse=True)
def fake_track(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run starts the fake, also where the real command is a default argument."""
    run = run_tracking

    def run_fake(*args: object, command: object = None, **more: object) -> TrackRun:
        return run(*args, command=FAKE, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(video_speed, "run_tracking", run_fake)


def test_run_is_watched_until_its_end(tmp_path: Path) -> None:
    counts: list[int] = []
    arguments = ["clip.mp4", "--fake_frames", "12"]
    run = run_tracking(arguments, tmp_path / "out", watch=lambda pid, records: counts.append(records), command=FAKE)
    assert run.frames == 12
    assert 0.01 <= run.first_record <= run.seconds - 0.05
    assert run.frames_per_second < 12 / run.first_record
    assert counts == sorted(counts)
    assert set(counts) > {0, 1}


def test_too_few_frames_have_no_rate() -> None:
    with pytest.raises(ValueError, match=r"1 frames .* longer video"):
        _ = TrackRun(seconds=2.0, first_record=2.0, frames=1).frames_per_second_running


def test_records_are_counted_as_they_are_written(tmp_path: Path) -> None:
    counter = RecordCounter(tmp_path)
    assert counter.count() == 0
    (tmp_path / "clip").mkdir()
    with (tmp_path / "clip" / "tracks.jsonl").open("w") as file:
        for expected, text in [(0, ""), (0, "{header}\n"), (0, "{half"), (1, " of it}\n"), (3, "{}\n{}\n"), (3, "")]:
            file.write(text)
            file.flush()
            assert counter.count() == expected
    counter.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fake_failure"], "code 3 and 10 records: error: this is why"),
        (["--fake_frames", "0"], "code 0 and 0 records"),
    ],
)
def test_failed_run(tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_tracking(["clip.mp4", *options], tmp_path / "out", command=FAKE)


def test_error_in_the_watch_function_ends_the_run(tmp_path: Path) -> None:
    def watch(pid: int, records: int) -> None:
        raise LookupError(pid)

    with pytest.raises(LookupError) as error:
        run_tracking(["clip.mp4", "--fake_frames", "3000"], tmp_path / "out", watch=watch, command=FAKE)
    assert not process_exists(error.value.args[0])


def process_exists(pid: int) -> bool:
    """Whether there is a process with this id; one that ended and was waited for does not exist."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_medians_and_speedup() -> None:
    runs = [TrackRun(seconds, 1.0, 101) for seconds in (11.0, 6.0, 21.0)]
    profile = {"share_without_network": 0.125, "share_of_other_stages": 0.25}
    cold, precisions = TrackRun(14.0, 4.0, 101), {"detector": "float32", "pose": "bfloat16"}
    speed = VideoSpeed(cold, runs, [4.0, 5.0, 2.0], [0.01, 0.02, 0.09], profile, precisions)
    assert speed.summary() == {
        "frames": 101,
        "frames_per_second": 10,
        "frames_per_second_whole": 101 / 11,
        "first_record_seconds": 1,
        "first_record_seconds_cold": 4,
        "import_seconds": 0.02,
        "share_without_network": 0.125,
        "share_of_other_stages": 0.25,
        "baseline": 4,
        "speedup": 2.5,
    }
    rates, starts, shares, precision, baseline = speed.lines()
    for line, values in {
        rates: ("101 frames", "10.0", "9.2"),
        starts: ("1.00 s", "4.00 s", "0.020 s"),
        shares: ("12.5%", "25.0%"),
        precision: ("detector float32", "pose bfloat16"),
        baseline: ("4.0", "2.50"),
    }.items():
        assert all(value in line for value in values)


def test_each_run_is_a_new_process_with_the_same_cache(tmp_path: Path) -> None:
    arguments = ["clip.mp4", "--no-render"]
    speed = measure_video(arguments, tmp_path, rounds=2, baseline=lambda: 5.0)
    assert (len(speed.warm), list(speed.baseline), len(speed.import_seconds)) == (2, [5, 5], 2)
    assert all(0 < seconds < 1 for seconds in speed.import_seconds)
    assert speed.precisions == {"pose": "bfloat16"}
    calls = [json.loads((tmp_path / f"run{n}" / "call.json").read_text()) for n in range(4)]
    assert [words[:2] for words, _ in calls] == [arguments] * 4
    assert ["--profile" in words for words, _ in calls] == [False, False, False, True]
    assert {cache for _, cache in calls} == {str(tmp_path / "cache")}


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = shlex.join([sys.executable, "-c", "print('frames_per_second: 2.5')"])
    words = ["clip.mp4", "--rounds", 1, "--against", baseline, "--fake_frames", 20, "--json", tmp_path / "speed.json"]
    assert run_command("benchmark", "track", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "track clip.mp4 without rendering --fake_frames 20"
    assert lines[1].startswith("20 frames: ")
    assert "pose bfloat16" in lines[4]
    assert lines[5].startswith("baseline 2.5 ")
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written["speedup"] == pytest.approx(written["frames_per_second"] / 2.5)
    assert (written["render"], written["options"]) == (False, ["--fake_frames", "20"])
    assert written["precisions"] == {"pose": "bfloat16"}
    assert written["profile"]["share_without_network"] == 0.125
    assert written["machine"]["cores"] >= 1


def test_settings_become_options() -> None:
    assert option_words({"runtime": "torch", "tracker.flow.method": "none"}) == [
        *("--runtime", "torch", "--tracker.flow.method", "none")
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", 0], "rounds"),
        (["--against", "no_such_program"], "no_such_program"),
        (["--fake_failure", "x"], "code 2 and 0 records"),
    ],
)
def test_command_errors(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "track", "clip.mp4", "--rounds", 1, *words) == EXIT_ERROR
    assert message in capsys.readouterr().err
