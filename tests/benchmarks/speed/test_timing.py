"""Timing of calls, metrics of other programs, interleaved runs, and the description of the machine."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import pytest

from pose_track.benchmarks.speed import machine as described
from pose_track.benchmarks.speed.machine import describe_machine, machine_summary
from pose_track.benchmarks.speed.timing import compare_interleaved, read_metric, run_interleaved, time_call
from pose_track.utils import machine as processor
from pose_track.utils.machine import usable_cores


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_last_line_of_a_command_counts() -> None:
    lines = "step 1\nspeed: 3\nspeed: 2.5e1 \nalso speed: 9\n"
    assert read_metric(python(f"print({lines!r})"), "speed") == 25


def test_command_runs_without_a_shell() -> None:
    code = "import sys; print('speed:', len(sys.argv))"
    assert read_metric(python(code) + " $HOME ; echo *", "speed") == 5


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        (" ", ValueError, "empty"),
        (python("raise SystemExit(3)"), ValueError, "code 3; run it alone"),
        (python("print('speed: 3'); raise SystemExit(1)"), ValueError, "code 1"),
        (python("print('3 samples')"), ValueError, "no line 'speed: X'"),
        (python("print('speed: fast')"), ValueError, "positive number"),
        (python("print('speed: 0')"), ValueError, "positive number"),
        (python("print('speed: nan')"), ValueError, "positive number"),
        ("no_such_program --fast", FileNotFoundError, "no_such_program"),
    ],
)
def test_command_without_a_metric(command: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_metric(command, "speed")


def test_metric_is_selected_by_its_full_name() -> None:
    assert read_metric(python("print('seconds: 3.5\\nseconds_all: 9')"), "seconds") == 3.5
    with pytest.raises(ValueError, match="'seconds: X'"):
        read_metric(python("print('speed: 3')"), "seconds")


def test_sleep_takes_wall_time_only() -> None:
    timing = time_call(lambda: time.sleep(0.05))
    assert timing.wall >= 0.05
    assert timing.cpu < 0.05


def test_jobs_are_interleaved() -> None:
    order: list[str] = []

    def job(name: str) -> int:
        order.append(name)
        return len(order)

    results = run_interleaved({"a": lambda: job("a"), "b": lambda: job("b"), "c": lambda: job("c")}, 2)
    assert (results, order) == ({"a": [1, 4], "b": [2, 5], "c": [3, 6]}, ["a", "b", "c"] * 2)
    assert compare_interleaved(lambda: job("a"), lambda: 0.5, 2) == ([7, 8], [0.5, 0.5])
    assert compare_interleaved(lambda: job("a"), None, 1) == ([9], [])


@pytest.mark.parametrize("call", [lambda: run_interleaved({}, 0), lambda: compare_interleaved(int, None, 0)])
def test_invalid_number_of_rounds(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"rounds .*got 0"):
        call()


def test_machine() -> None:
    machine = describe_machine()
    assert machine["processor"]
    assert machine["cores"] == usable_cores() >= 1
    assert {"python", "numpy", "torch"} <= set(machine["versions"])
    assert json.loads(json.dumps(machine)) == machine
    assert f"{machine['cores']} cores" in machine_summary()


def test_instruction_sets_and_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx512_bf16 amx_tile amx_bf16 zzz\n")
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(described, "_NVIDIA_GPUS", tmp_path / "gpus")
    assert describe_machine()["instruction_sets"] == ["avx2", "avx512_bf16", "amx_tile", "amx_bf16"]
    (tmp_path / "gpus" / "0").mkdir(parents=True)
    (tmp_path / "gpus" / "0" / "information").write_text("Model: \t\t NVIDIA H200\nIRQ: 1\n")
    assert describe_machine()["gpus"] == ["NVIDIA H200"]
    assert machine_summary().endswith("avx2 avx512_bf16 amx_tile amx_bf16, NVIDIA H200")
    (tmp_path / "cpuinfo").unlink()
    assert describe_machine()["instruction_sets"] == []
