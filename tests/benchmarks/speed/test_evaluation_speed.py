"""Speed of the PoseTrack evaluation, and `pose-track benchmark evaluate`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from sequence_pair_files import FRAMES, write_case

from pose_track.benchmarks.speed.evaluation import (
    EvaluationTimes,
    measure_evaluation,
    repeat_sequence,
    seconds_per_frame,
)
from pose_track.benchmarks.speed.machine import machine_summary
from pose_track.benchmarks.speed.timing import Timing
from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_speedup_is_that_of_cpu_time() -> None:
    times = EvaluationTimes([Timing(1, 9), Timing(3, 9), Timing(2, 9)], [4, 8, 6])
    assert times.summary() == {
        "cpu_seconds": 2,
        "best_cpu_seconds": 1,
        "wall_seconds": 9,
        "baseline": 6,
        "speedup": 3,
    }
    assert set(EvaluationTimes([Timing(1, 1)], []).summary()) == {"cpu_seconds", "best_cpu_seconds", "wall_seconds"}


def test_repeated_sequence(tmp_path: Path) -> None:
    ((once, _), _) = load_pairs(*write_case(tmp_path), Problems())
    twice = repeat_sequence(once, 2)
    assert [info.index for info in twice.frames] == list(range(2 * FRAMES))
    assert [info.image_name for info in twice.frames] == [info.image_name for info in once.frames] * 2
    for (_, repeated), (_, original) in zip(list(twice)[FRAMES:], once, strict=True):
        np.testing.assert_array_equal(repeated.joints, original.joints)
        assert repeated.track_ids.tolist() == original.track_ids.tolist()


def test_measurement(tmp_path: Path) -> None:
    gt, pred = (str(folder) for folder in write_case(tmp_path))
    baseline = iter([3.0, 5.0])
    times = measure_evaluation(gt, pred, lambda: next(baseline), rounds=2)
    assert (len(times.timings), times.baseline) == (2, [3, 5])
    assert all(timing.cpu > 0 for timing in times.timings)
    seconds = seconds_per_frame(gt, pred, [1, 20], rounds=1)
    assert list(seconds) == [1, 20]
    assert seconds[20] < seconds[1]  # costs that do not depend on the length weigh less
    with pytest.raises(ValueError, match=r"repeats .*got 0"):
        seconds_per_frame(gt, pred, [0], rounds=1)


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gt, pred = write_case(tmp_path)
    words = ["evaluate", "--gt", str(gt), "--pred", str(pred), "--rounds", "1"]
    command = python("print('seconds: 100')")
    against = ["--against", command, "--repeat", "1", "2", "--json", str(tmp_path / "times.json")]
    assert run_command("benchmark", *words) == 0
    line, machine = capsys.readouterr().out.splitlines()
    assert " s of processor time " in line
    assert machine == f"on {machine_summary()}"
    assert run_command("benchmark", *words, *against) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("baseline 100.000 s")
    assert [line.split(" times")[0] for line in lines[2:-1]] == ["sequences of 1", "sequences of 2"]
    written = json.loads((tmp_path / "times.json").read_text())
    assert written["speedup"] == pytest.approx(100 / written["cpu_seconds"])
    assert (written["rounds"]["baseline"], list(written["seconds_per_frame"])) == ([100], ["1", "2"])
    assert written["machine"]["processor"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "0"], "rounds"),
        (["--repeat", "0"], "repeats"),
        (["--pred", "nowhere"], "'nowhere'"),
        (["--loop.seed", "1"], "'--loop.seed'"),
        (["--against", python("")], "'seconds: X'"),
    ],
)
def test_errors_are_one_line(
    tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, pred = write_case(tmp_path)
    assert run_command("benchmark", "evaluate", "--gt", str(gt), "--pred", str(pred), "--rounds", "1", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_command_runs_without_torch(tmp_path: Path) -> None:
    gt, pred = write_case(tmp_path)
    code = f"""
import sys
sys.modules["torch"] = None  # its import fails
from pose_track.cli.main import main
assert main(["benchmark", "evaluate", "--gt", {str(gt)!r}, "--pred", {str(pred)!r}, "--rounds", "1"]) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
