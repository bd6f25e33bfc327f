"""What measurements have in common: commands that tell a figure, taking turns, and what they were made on."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import pytest

from pose_track.benchmarks.speed import machine as computer
from pose_track.benchmarks.speed.machine import describe_computer, machine_words, num_cores
from pose_track.benchmarks.speed.timing import command_figure, in_turns, take_turns, time_of


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_the_last_line_of_a_command_counts() -> None:
    lines = "step 1\nspeed: 3\nspeed: 2.5e1 \nalso speed: 9\n"
    assert command_figure(python(f"print({lines!r})"), "speed") == 25


def test_no_shell_reads_a_command() -> None:
    code = "import sys; print('speed:', len(sys.argv))"
    assert command_figure(python(code) + " $HOME ; echo *", "speed") == 5


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        (" ", ValueError, "the command to compare with is empty"),
        (python("raise SystemExit(3)"), ValueError, "ended with code 3; run it alone to see why"),
        (python("print('speed: 3'); raise SystemExit(1)"), ValueError, "ended with code 1"),
        (python("print('3 samples')"), ValueError, "printed no line 'speed: X'"),
        (python("print('speed: fast')"), ValueError, "with a positive number"),
        (python("print('speed: 0')"), ValueError, "with a positive number"),
        (python("print('speed: nan')"), ValueError, "with a positive number"),
        ("no_such_program --fast", FileNotFoundError, "no_such_program"),
    ],
)
def test_commands_that_tell_nothing(command: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        command_figure(command, "speed")


def test_a_figure_of_another_name() -> None:
    assert command_figure(python("print('seconds: 3.5\\nseconds_all: 9')"), "seconds") == 3.5
    with pytest.raises(ValueError, match="printed no line 'seconds: X'"):
        command_figure(python("print('speed: 3')"), "seconds")


def test_time_on_the_clock_and_of_the_processor() -> None:
    found = time_of(lambda: time.sleep(0.05))
    assert found.clock >= 0.05
    assert found.processor < 0.05


def test_jobs_take_turns() -> None:
    order: list[str] = []

    def job(name: str) -> int:
        order.append(name)
        return len(order)

    found = in_turns({"a": lambda: job("a"), "b": lambda: job("b"), "c": lambda: job("c")}, 2)
    assert (found, order) == ({"a": [1, 4], "b": [2, 5], "c": [3, 6]}, ["a", "b", "c"] * 2)
    assert take_turns(lambda: job("ours"), lambda: 0.5, 2) == ([7, 8], [0.5, 0.5])
    assert take_turns(lambda: job("ours"), None, 1) == ([9], [])


@pytest.mark.parametrize("turns", [lambda: in_turns({}, 0), lambda: take_turns(int, None, 0)])
def test_rounds_that_there_are_not(turns: object) -> None:
    assert callable(turns)
    with pytest.raises(ValueError, match="rounds must be 1 or more, got 0"):
        turns()


def test_the_computer() -> None:
    found = describe_computer()
    assert found["processor"]
    assert found["cores"] == num_cores() >= 1
    assert json.loads(json.dumps(found)) == found
    assert f"{found['cores']} cores" in machine_words()


def test_what_a_processor_has_for_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx512_bf16 amx_tile amx_bf16 zzz\n")
    monkeypatch.setattr(computer, "Path", lambda name: tmp_path / Path(name).name)
    assert describe_computer()["instructions"] == ["avx2", "avx512_bf16", "amx_tile", "amx_bf16"]
    (tmp_path / "gpus" / "0").mkdir(parents=True)
    (tmp_path / "gpus" / "0" / "information").write_text("Model: \t\t NVIDIA H200\nIRQ: 1\n")
    assert describe_computer()["gpus"] == ["NVIDIA H200"]
    assert machine_words().endswith("avx2 avx512_bf16 amx_tile amx_bf16, NVIDIA H200")
    (tmp_path / "cpuinfo").unlink()
    assert describe_computer()["instructions"] == []
