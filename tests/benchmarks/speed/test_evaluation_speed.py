"""How fast the evaluation is, and tools/benchmark.py evaluate, which tells it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_pairs import FRAMES, write_case
from made_posetrack import ROOT, run_tool

from pose_track.benchmarks.speed.evaluation import Times, frame_times, measure_evaluation, repeated
from pose_track.benchmarks.speed.machine import machine_words
from pose_track.benchmarks.speed.timing import Seconds
from pose_track.evaluation.pairing import load_pairs
from pose_track.formats.problems import Problems


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_the_better_of_two_times_is_the_shorter() -> None:
    times = Times([Seconds(1, 9), Seconds(3, 9), Seconds(2, 9)], [4, 8, 6])
    assert times.summary() == {"seconds": 2, "best": 1, "clock_seconds": 9, "theirs": 6, "ratio": 3}
    assert set(Times([Seconds(1, 1)], []).summary()) == {"seconds", "best", "clock_seconds"}


def test_longer_sequences(tmp_path: Path) -> None:
    ((once, _), _) = load_pairs(*write_case(tmp_path), Problems())
    twice = repeated(once, 2)
    assert [info.index for info in twice.frames] == list(range(2 * FRAMES))
    assert [info.image_name for info in twice.frames] == [info.image_name for info in once.frames] * 2
    for (_, ours), (_, theirs) in zip(list(twice)[FRAMES:], once, strict=True):
        np.testing.assert_array_equal(ours.joints, theirs.joints)
        assert ours.track_ids.tolist() == theirs.track_ids.tolist()


def test_evaluation_is_measured(tmp_path: Path) -> None:
    gt, pred = (str(folder) for folder in write_case(tmp_path))
    theirs = iter([3.0, 5.0])
    times = measure_evaluation(gt, pred, lambda: next(theirs), rounds=2)
    assert (len(times.ours), times.theirs) == (2, [3, 5])
    assert all(seconds.processor > 0 for seconds in times.ours)
    found = frame_times(gt, pred, [1, 20], rounds=1)
    assert list(found) == [1, 20]
    assert found[20] < found[1]  # what is done once for all frames weighs less
    with pytest.raises(ValueError, match="repeats must be 1 or more, got 0"):
        frame_times(gt, pred, [0], rounds=1)


def test_the_tool_on_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gt, pred = write_case(tmp_path)
    words = ["evaluate", "--gt", str(gt), "--pred", str(pred), "--rounds", "1"]
    command = python("print('seconds: 100')")
    against = ["--against", command, "--repeat", "1", "2", "--json", str(tmp_path / "found.json")]
    assert run_tool("benchmark", *words) == 0
    line, machine = capsys.readouterr().out.splitlines()
    assert " s of processor time to read and evaluate, " in line
    assert machine == f"on {machine_words()}"
    assert run_tool("benchmark", *words, *against) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("theirs 100.000 s; ours is ")
    assert [line.split(" times")[0] for line in lines[2:-1]] == ["sequences 1", "sequences 2"]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratio"] == pytest.approx(100 / found["seconds"])
    assert (found["each"]["theirs"], list(found["seconds_per_frame"])) == ([100], ["1", "2"])
    assert found["machine"]["processor"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "0"], "rounds must be 1 or more"),
        (["--repeat", "0"], "repeats must be 1 or more"),
        (["--pred", "nowhere"], "'nowhere' does not exist"),
        (["--loop.seed", "1"], "unknown option '--loop.seed'"),
        (["--against", python("")], "printed no line 'seconds: X'"),
    ],
)
def test_the_tool_on_evaluation_tells_what_is_wrong(
    tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, pred = write_case(tmp_path)
    assert run_tool("benchmark", "evaluate", "--gt", str(gt), "--pred", str(pred), "--rounds", "1", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_evaluation_is_measured_without_torch(tmp_path: Path) -> None:
    gt, pred = write_case(tmp_path)
    code = f"""
import sys
sys.modules["torch"] = None  # its import fails
import runpy
sys.argv = ["benchmark.py", "evaluate", "--gt", {str(gt)!r}, "--pred", {str(pred)!r}, "--rounds", "1"]
runpy.run_path({str(ROOT / "tools" / "benchmark.py")!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
