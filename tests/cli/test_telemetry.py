"""No command opens a connection or leaves a trace of its user, except downloads that were asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from make_video import make_video

import pose_track
from pose_track.cli.commands import COMMANDS
from pose_track.utils.cache_dir import VARIABLE

BLOCKED = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print("connection:", event, arguments, file=sys.stderr)
        raise SystemExit(99)

sys.addaudithook(refuse)
"""
COMMANDS_OF = """
from pose_track.cli.main import main
for words in {words}:
    if code := main(words):
        sys.exit(code)
"""
CONVERSION = """
import threading
import pose_track
import openvino
openvino.convert_model({network!r})
for thread in threading.enumerate():  # it reports in one of its own
    if thread is not threading.main_thread():
        thread.join(10)
"""


def run(folder: Path, code: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", VARIABLE)}
    environment |= {"HOME": str(home), VARIABLE: str(folder / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*prefix, sys.executable, "-c", BLOCKED + code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def traces(folder: Path) -> list[Path]:
    """Files in the home folder, such as the id of a device, except caches of fonts."""
    return [path for path in (folder / "home").rglob("*") if path.is_file() and "matplotlib" not in str(path)]


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_tracking_and_what_follows_open_no_connection(runtime: str, tmp_path: Path) -> None:
    pytest.importorskip({"openvino": "openvino", "onnx": "onnxruntime"}[runtime])
    make_video(tmp_path / "clip.mp4", 3, size=(64, 48))
    tracks = "runs/clip/tracks.jsonl"
    words = [
        ["track", "clip.mp4", "--runtime", runtime, "--device", "cpu", "--detector.long_side", "64"],
        ["finish", tracks, "finished.jsonl"],
        ["convert", tracks, "poses.csv", "--to", "csv"],
        ["weights", "list"],
    ]
    # the audit hook sees Python's own connections, strace those of libraries too
    tracer = ("strace", "-f", "-qq", "-e", "trace=connect", "-o", str(tmp_path / "calls")) if _can_trace() else ()
    done = run(tmp_path, COMMANDS_OF.format(words=words), tracer)
    assert done.returncode == 0, done.stderr
    if tracer:
        calls = (tmp_path / "calls").read_text().splitlines()
        assert [line for line in calls if "AF_INET" in line] == []
    assert traces(tmp_path) == []


def _can_trace() -> bool:
    tracer = shutil.which("strace")
    return tracer is not None and subprocess.run([tracer, "-qq", "true"], capture_output=True).returncode == 0


def test_no_command_opens_a_connection_by_its_import(tmp_path: Path) -> None:
    done = run(tmp_path, COMMANDS_OF.format(words=[[name, "--help"] for name in COMMANDS]))
    assert done.returncode == 0, done.stderr
    assert traces(tmp_path) == []


def test_openvino_reports_no_conversion(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    network = Path(pose_track.__file__).parent / "assets" / "detector.onnx"
    done = run(tmp_path, CONVERSION.format(network=str(network)))
    assert done.returncode == 0, done.stderr
    assert "connection:" not in done.stderr
    assert traces(tmp_path) == []
