"""`pose-track benchmark gpu`: parts that end in time and keep what is finished, the plan, and the tables."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import run_command

from pose_track.benchmarks.speed import gpu, parts_in_time
from pose_track.benchmarks.speed.gpu import TRIAL, GpuPlan, gpu_parts, measure_gpu, table
from pose_track.benchmarks.speed.parts_in_time import Part, PartResult, run_parts
from pose_track.cli.benchmark import add_arguments
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.parser import Parser


def part(name: str, script: str, seconds: float = 0.0, figures: dict[str, Any] | None = None) -> Part:
    return Part(name, [sys.executable, "-c", script], seconds, lambda: figures or {})


def test_a_failed_part_does_not_concern_the_others() -> None:
    def no_file() -> dict[str, Any]:
        raise OSError("no such file")

    reports: list[int] = []
    results = run_parts(
        [
            part("good", "", figures={"a": 1}),
            part("bad", "print('first'); raise SystemExit('it broke')"),
            Part("silent", [sys.executable, "-c", "raise SystemExit(3)"], 0.0, dict),
            Part("without a result", [sys.executable, "-c", ""], 0.0, no_file),
            Part("no program", ["no-such-program"], 0.0, dict),
            part("last", ""),
        ],
        60,
        lambda results: reports.append(len(results)),
    )
    assert [result.state for result in results] == ["done", "failed", "failed", "failed", "failed", "done"]
    assert results[0].figures == {"a": 1}
    assert [result.reason for result in results[1:4]] == [
        "ended with code 1: it broke",
        "ended with code 3: it printed nothing",
        "no result: no such file",
    ]
    assert "no-such-program" in results[4].reason
    assert reports == [1, 2, 3, 4, 5, 6]


def test_parts_end_in_time_with_all_that_they_started(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    child = f"import time; time.sleep(3); open({str(alive)!r}, 'w')"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    started = time.monotonic()
    slow, later = run_parts([part("slow", script), part("later", "", seconds=5)], 1.0, lambda results: None)
    assert time.monotonic() - started < 2.9
    assert (slow.state, later.state) == ("failed", "no time")
    assert "at the end of the time" in slow.reason
    assert later.reason == "needs 5 s"
    time.sleep(max(0.0, started + 4 - time.monotonic()))
    assert not alive.exists()


def test_the_gpu_is_watched_while_a_part_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, watched = iter([(100.0, 0.2), (300.0, 0.6)]), tmp_path / "watched"

    def sample() -> tuple[float, float] | None:
        taken = next(samples, None)
        if taken is None:
            watched.touch()
        return taken

    monkeypatch.setattr(parts_in_time, "_gpu_sample", sample)
    monkeypatch.setattr(parts_in_time, "_SAMPLE_SECONDS", 0.001)
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(watched)!r}).exists(): time.sleep(0.01)"
    (result,) = run_parts([part("any", waits)], 60, lambda results: None)
    assert result.gpu == {"gpu_peak_mb": 300.0, "gpu_busy": pytest.approx(0.4)}


def test_a_sample_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def query(output: str) -> tuple[str, ...]:
        return (sys.executable, "-c", f"print({output!r})")

    monkeypatch.setattr(parts_in_time, "_QUERY", query("1000, 50\n7, 0"))
    assert parts_in_time._gpu_sample() == (1048.576, 0.5)
    monkeypatch.setattr(parts_in_time, "_QUERY", query("N/A, [N/A]"))
    assert parts_in_time._gpu_sample() is None
    monkeypatch.setattr(parts_in_time, "_QUERY", ("no-such-program",))
    assert parts_in_time._gpu_sample() is None


@pytest.mark.parametrize("plan", [GpuPlan(), TRIAL])
def test_the_plan_consists_of_commands_that_exist(plan: GpuPlan, tmp_path: Path) -> None:
    parts = gpu_parts(plan, tmp_path)
    assert len({part.name for part in parts}) == len(parts)
    jobs = [part.command[4:] for part in parts if list(part.command[1:4]) == ["-m", "pose_track", "benchmark"]]
    parser = Parser("benchmark")
    add_arguments(parser)
    measured = [parser.parse_known_args(words)[0] for words in jobs]
    networks = [options for options in measured if options.job == "network"]
    assert {(o.network, tuple(o.input_size), o.batch) for o in networks} == {
        (name, size, batch) for name, size in plan.networks for batch in plan.batches
    }
    assert any(options.compiled for options in networks) == plan.compiled
    assert [options.render for options in measured if options.job == "track"] == [False, True]
    assert (gpu.TESTS in [part.name for part in parts]) == (plan.device == "cuda")


def test_the_tests_of_a_report_are_counted(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(
        '<testsuites><testsuite tests="3" failures="1" errors="0" skipped="2"/></testsuites>'
    )
    assert gpu._read_tests(tmp_path / "tests.xml") == {"tests": 3, "failures": 1, "errors": 0, "skipped": 2}


NETWORK = {
    "network": "hrnet_w32",
    "input_size": [192, 256],
    "batch": 64,
    "precisions": {"a": "bfloat16"},
    "backends": {"a": {"people_per_second": 5000.0, "ms_per_person": 0.2, "call_mb": 700.0}},
}
TRACK = {"frames_per_second": 120.0, "first_record_seconds": 3.0, "share_without_network": 0.25}


def test_tables() -> None:
    results = [
        PartResult("hrnet_w32 64", "done", seconds=12.3, figures=NETWORK),
        PartResult(gpu.TRACK, "done", figures=TRACK, gpu={"gpu_busy": 0.5, "gpu_peak_mb": 900.4}),
        PartResult(gpu.TESTS, "done", figures={"tests": 9, "failures": 0}),
        PartResult(gpu.RENDER, "failed", "it broke"),
    ]
    lines = table(results)
    assert "| hrnet_w32 192x256, 64 | a | bfloat16 | 5000 | 0.200 |  | 700 |" in lines
    assert "| track | 120.0 | 3.00 | 25.0% | 50% | 900 |" in lines
    assert "| tests | 0 | 9 tests, 0 failures |" in lines
    assert "| track and render | 0 | failed: it broke |" in lines
    tables = "\n".join(lines).strip().split("\n\n")
    assert len(tables) == 3
    for rows in tables:
        assert len({row.count("|") for row in rows.split("\n")}) == 1


def test_files_hold_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [part("network", "", figures=NETWORK), part("broken", "raise SystemExit('it broke')")]
    monkeypatch.setattr(gpu, "gpu_parts", lambda plan, out: parts)
    out = tmp_path / "new" / "out"
    measure_gpu(TRIAL, out, minutes=1)
    written = json.loads((out / "gpu.json").read_text())
    assert [result["state"] for result in written["parts"]] == ["done", "failed"]
    assert written["parts"][0]["figures"] == NETWORK
    assert written["plan"]["device"] == "cpu"
    assert written["machine"]["cores"] >= 1
    text = (out / "gpu.md").read_text()
    assert "| broken | 0 | failed: ended with code 1: it broke |" in text
    assert {path.name for path in out.iterdir()} == {"gpu.json", "gpu.md"}


def test_trial_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The first part really runs; the others are `pose-track benchmark track`, and a video that it tracks."""
    real = gpu_parts
    monkeypatch.setattr(gpu, "gpu_parts", lambda plan, out: real(plan, out)[:1])
    words = ["--device", "cpu", "--trial", "--minutes", 5, "--json", tmp_path / "all.json"]
    assert run_command("benchmark", "gpu", "--out", tmp_path / "out", *words) == 0
    (network,) = json.loads((tmp_path / "all.json").read_text())["parts"]
    assert network["state"] == "done"
    assert network["figures"]["backends"]["eager PyTorch"]["people_per_second"] > 0
    assert "| hrnet_compact 32x64, 1 | eager PyTorch | float32 |" in capsys.readouterr().out


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run_command("benchmark", "gpu", "--out", tmp_path) == EXIT_ERROR
    assert "--device cpu --trial" in capsys.readouterr().err
    assert run_command("benchmark", "gpu", "--out", tmp_path, "--device", "cpu", "--minutes", 0) == EXIT_ERROR
    assert "minutes must be above 0" in capsys.readouterr().err
