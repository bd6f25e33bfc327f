"""Commands whose output is closed, full or not read: the work is done whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from make_video import make_video

from pose_track.cli.exit_codes import EXIT_BROKEN_PIPE, EXIT_ERROR

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a shell")

TRACK = """
import sys
import pose_track.build.stages
from pose_track.cli.main import main
from stub_stages import stub_stages
pose_track.build.stages.build_stages = lambda settings, profile: stub_stages(settings)
sys.exit(main(["track", *sys.argv[1:]]))
"""
NAME = os.fsdecode(b"clip\xff.mp4")  # no text in any encoding of a terminal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("output")
    make_video(path / "any.mp4", 6).rename(path / NAME)
    return path


# redirection, exit code
OUTPUTS = {
    ">&-": 0,
    "2>&-": 0,
    "<&- >&- 2>&-": 0,
    "2>/dev/full": 0,
    ">/dev/null": 0,
}


def run(folder: Path, redirection: str) -> tuple[int, str, int]:
    """Exit code, stderr, and number of tracked frames."""
    out = folder / "".join(filter(str.isalnum, redirection)) / str(len(list(folder.iterdir())))
    command = f'"$0" -c "$CODE" "$1" --no-render --out "$2" {redirection}'
    environment = os.environ | {"CODE": TRACK, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["bash", "-c", command, sys.executable, NAME, str(out)]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, timeout=60)
    (tracks,) = out.rglob("tracks.jsonl")
    return done.returncode, done.stderr.decode(errors="replace"), len(tracks.read_text().splitlines()) - 1


@pytest.mark.parametrize("redirection", OUTPUTS)
def test_closed_output(redirection: str, folder: Path) -> None:
    code, stderr, frames = run(folder, redirection)
    assert (code, frames) == (OUTPUTS[redirection], 6), stderr
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_full_stdout(folder: Path) -> None:
    code, stderr, frames = run(folder, ">/dev/full")
    assert (code, frames) == (EXIT_ERROR, 6)
    assert [line.startswith("error: ") for line in stderr.splitlines() if "stdout" in line] == [True]
    assert "Traceback" not in stderr


@pytest.mark.parametrize("both", ["", "2>&1"])
def test_a_reader_that_ends(both: str, folder: Path) -> None:
    code, stderr, frames = run(folder, f"{both} | head -n 0; exit ${{PIPESTATUS[0]}}")
    assert (code, frames) == (EXIT_BROKEN_PIPE, 6), stderr
    assert "Traceback" not in stderr
