"""`pose-track` itself: the overview, the help of every command, errors, exit codes, and the ways to start it."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest
from command_line import run_command

from pose_track.benchmarks.posetrack.dataset import YEARS
from pose_track.cli.commands import COMMANDS
from pose_track.cli.exit_codes import EXIT_BROKEN_PIPE, EXIT_ERROR, EXIT_INTERRUPTED
from pose_track.cli.main import WHAT_TO_TAKE, main
from pose_track.cli.runner import run_job, run_jobs
from pose_track.config.settings import PRESETS
from pose_track.utils.interrupts import Interrupted
from pose_track.utils.version import __version__

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "track_live": "live", "batch_track": "batch", "batch_status": "status",
    "track_parts": "track-parts",
    "track_video": "track", "link_poses": "link", "finish_tracks": "finish", "convert_tracks": "convert",
    "evaluate": "evaluate", "evaluate_coco": "evaluate-coco", "evaluate_pose": "evaluate-pose",
    "evaluate_boxes": "evaluate-boxes",
    "calibrate": "calibrate", "render_result": "render", "edit_result": "edit",
    "plot_result": "plot", "view_result": "view", "analyse_result": "analyse",
    "run_posetrack": "posetrack", "sweep_thresholds": "sweep", "ablate_tracker": "ablate", "benchmark": "benchmark",
    "export_model": "export", "train": "train", "make_sample": "make-sample", "make_figures": "make-figures",
}  # fmt: skip


def test_the_overview_lists_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for command in COMMANDS.values():
        (line,) = (line for line in lines if line.split()[:1] == [command.name])
        assert line.split(maxsplit=1)[1] == command.summary
        assert f"{command.group}:" in lines
    assert len(set(lines) & {f"{command.group}:" for command in COMMANDS.values()}) == 5
    assert max(map(len, lines)) <= 100


def test_the_overview_says_what_to_take() -> None:
    """The default needs no name, and who needs posetrack knows it."""
    named = set(re.split(r"\W+", WHAT_TO_TAKE.partition("--preset")[2])) - {"", "or"}
    assert named == {*PRESETS} - {"fast", "posetrack"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    assert run_command(name, "--help") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"usage: pose-track {name} ")
    assert max(map(len, out.splitlines())) <= 90


def test_the_help_of_settings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its default and its meaning, under the name of its stage."""
    monkeypatch.setenv("COLUMNS", "100")
    assert run_command("track", "--help") == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    buffer = "--tracker.buffer_seconds X Track buffer: seconds that a lost track is kept for matching (default: 2.0)"
    assert buffer in text
    assert "reader: Which frames are read, and how: --reader.decoder pyav|decord " in text
    assert run_command("link", "--help") == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "matched in the first round (default: 0.4)" in text  # of the preset robust, not of the class


@pytest.mark.parametrize("arguments", [["--version"], ["track", "--version"]])
def test_the_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"pose-track {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["trak", "clip.mp4"], "'track'"),
        (["evaluate-cocoo"], "'evaluate-coco'"),
        (["track", "clip.mp4", "--no-rendr"], "'--no-render'"),
        (["track", "clip.mp4", "--tracker.bufer_seconds", "2"], "'tracker.buffer_seconds'"),
        (["finish", "in", "out", "--min-secnds", "2"], "'--min_seconds'"),
        (["sweep", "--run", "a", "--gt", "b", "--out", "c", "--tracker.mathing", "greedy"], "'tracker.matching'"),
        (["weights", "verfy"], "verify"),
        ([], "--help"),
        (["zzz"], "--help"),
        (["convert", "in", "out", "--to", "csv", "--a.b", "1"], "--help"),
        (["export", "--out", "a", "--tracker.matching", "greedy"], "--help"),
    ],
)
def test_misspelt_names(arguments: list[str], nearest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == EXIT_ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert nearest in err


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def failing(error: BaseException) -> int:
        raise error

    assert run_job(lambda: 0) == 0
    assert run_job(lambda: failing(ValueError("one\n  two"))) == EXIT_ERROR
    assert capsys.readouterr().err == "error: one two\n"
    assert run_job(lambda: failing(KeyboardInterrupt())) == EXIT_INTERRUPTED
    assert capsys.readouterr().err.startswith("interrupted")
    assert run_job(lambda: failing(Interrupted(signal.SIGTERM))) == 143
    assert "SIGTERM" in capsys.readouterr().err
    assert run_job(lambda: failing(MemoryError())) == EXIT_ERROR
    assert "memory" in capsys.readouterr().err
    assert run_job(lambda: failing(NotADirectoryError(errno.ENOTDIR, "Not a folder", "a/b"))) == EXIT_ERROR
    assert (err := capsys.readouterr().err).startswith("error: 'a/b' ")
    assert "Errno" not in err


def test_the_traceback_of_an_unexpected_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in a file that the line names; where none can be written, the line still says what happened."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail() -> int:
        raise RuntimeError("a bug\nof two lines" + "x" * 2000)

    assert run_job(fail) == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.startswith("error: RuntimeError: a bug of two lines")
    assert (err.count("\n"), len(err) < 1000) == (1, True)
    (log,) = tmp_path.iterdir()
    assert err.rstrip().endswith(str(log))
    assert "in fail" in log.read_text()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert run_job(fail) == EXIT_ERROR
    err = capsys.readouterr().err
    assert err.startswith("error: RuntimeError: a bug")
    assert ".log" not in err


def test_several_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    """An error ends one job, an interrupt all."""
    done: list[object] = []

    def job(outcome: object) -> int:
        done.append(outcome)
        if isinstance(outcome, BaseException):
            raise outcome
        return 0

    outcomes = [ValueError("bad"), RuntimeError("worse"), "good", KeyboardInterrupt(), "late"]
    assert run_jobs(lambda outcome=outcome: job(outcome) for outcome in outcomes) == EXIT_INTERRUPTED  # type: ignore[misc]
    assert done == outcomes[:4]
    assert capsys.readouterr().err.splitlines()[0] == "error: bad"


def test_a_closed_pipe() -> None:
    """As with `| true`, which ends before anything is printed."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "pose_track", "--help"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (EXIT_BROKEN_PIPE, b"")


def test_every_script_has_its_command() -> None:
    assert {path.stem for path in (ROOT / "tools").glob("*.py")} == set(SCRIPTS)
    assert set(SCRIPTS.values()) == set(COMMANDS) - {"weights"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_runs_its_command(script: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / f"{script}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.startswith(f"usage: {script}.py ")
    description = (import_module(COMMANDS[SCRIPTS[script]].module).__doc__ or "").partition("\n")[0]
    assert description[:60] in done.stdout


def test_the_editions_of_posetrack(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("posetrack", "--root", "none", "--out", "none", "--year", "1999") == EXIT_ERROR
    error = capsys.readouterr().err
    assert [year for year in YEARS if year not in error] == []


def test_light_commands_import_little() -> None:
    """The overview and commands without settings start without pydantic, and none of these starts with a network."""
    code = """
import sys
from pose_track.cli.main import WHAT_TO_TAKE, main
for command in ("evaluate", "convert", "make-sample", "make-figures"):
    main([command, "--help"])
main(["--help"])
print("pydantic" in sys.modules, end=" ")
names = "track batch status track-parts link finish posetrack sweep ablate export evaluate-coco weights"
for command in names.split():
    main([command, "--help"])
print(*sorted({"torch", "torchvision", "cv2", "av", "openvino", "onnxruntime", "matplotlib"} & set(sys.modules)), "end")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "\nFalse " in done.stdout
    assert done.stdout.endswith("\nend\n")


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import pose_track", "numpy"),
        ("from pose_track.cli.main import main; main(['evaluate', '--help'])", "numpy"),
        ("import pose_track.cli.main, pose_track.build.stages", "http.client"),
    ],
)
def test_nothing_is_imported_before_it_is_needed(code: str, absent: str) -> None:
    code += "; import sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    modules = done.stdout.splitlines()
    assert "pose_track" in modules
    assert absent not in modules
