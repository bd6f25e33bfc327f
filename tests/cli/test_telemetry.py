"""No command opens a connection or leaves a trace of its user, except downloads that were asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from make_video import make_video
from tiny_coco import write_coco_dataset
from tiny_runs import POSE, ROOT, write_config

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
TRACER = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect")  # the filter stops at no other system call
COMMANDS_OF = """
from pose_track.cli.main import main
for words in {words}:
    if code := main(words):
        sys.exit(code)
"""
TINY_NETWORK = """
from tiny_runs import tiny_hrnet
from pose_track.models.networks import NETWORKS
NETWORKS["hrnet_compact"] = tiny_hrnet
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


def run(folder: Path, code: str) -> None:
    """Run a program that succeeds, without a connection and without a trace in the home folder."""
    home, calls = folder / "home", folder / "calls"
    home.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", VARIABLE)}
    environment |= {"HOME": str(home), VARIABLE: str(folder / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    # the audit hook sees Python's own connections, strace those of libraries too
    tracer = (*TRACER, "-o", str(calls)) if _can_trace() else ()
    command = [*tracer, sys.executable, "-c", BLOCKED + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "connection:" not in done.stderr  # of another thread
    if tracer:
        assert [line for line in calls.read_text().splitlines() if "AF_INET" in line] == []
    assert traces(home) == []


def _can_trace() -> bool:
    if shutil.which(TRACER[0]) is None:
        return False
    return subprocess.run([*TRACER, "true"], capture_output=True).returncode == 0


def traces(home: Path) -> list[Path]:
    """Files in the home folder, such as the id of a device, except caches of fonts."""
    return [path for path in home.rglob("*") if path.is_file() and "matplotlib" not in str(path)]


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_tracking_and_what_follows(runtime: str, tmp_path: Path) -> None:
    pytest.importorskip({"openvino": "openvino", "onnx": "onnxruntime"}[runtime])
    make_video(tmp_path / "clip.mp4", 3, size=(64, 48))
    tracks = "runs/clip/tracks.jsonl"
    gt = str(ROOT / "data" / "sample" / "annotations" / "val" / "three_people.json")
    words = [
        ["track", "clip.mp4", "--runtime", runtime, "--device", "cpu", "--detector.long_side", "64"],
        ["finish", tracks, "finished.jsonl"],
        ["link", "--pred", tracks, "--out", "linked"],
        ["convert", tracks, "poses.csv", "--to", "csv"],
        ["evaluate", "--gt", gt, "--pred", gt, "--json", "figures.json"],
        ["weights", "list"],
        ["weights", "verify"],
    ]
    run(tmp_path, COMMANDS_OF.format(words=words))


def test_training_and_export(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="training needs the extra train")
    pytest.importorskip("onnxruntime", reason="the export is verified with ONNX Runtime")
    write_coco_dataset(tmp_path, 4)
    config = str(write_config(tmp_path, POSE))
    words = [
        ["train", config, "--out", "run"],
        ["train", "--resume", "run", "--loop.epochs", "2"],
        ["evaluate-pose", config, "--weights", "run/weights.safetensors"],
        ["export", "--out", "exported", "--pose.weights", "run/weights.safetensors"],
    ]
    run(tmp_path, TINY_NETWORK + COMMANDS_OF.format(words=words))


def test_the_help_of_each_command(tmp_path: Path) -> None:
    run(tmp_path, COMMANDS_OF.format(words=[[name, "--help"] for name in COMMANDS]))


def test_openvino_reports_no_conversion(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    network = Path(pose_track.__file__).parent / "assets" / "detector.onnx"
    run(tmp_path, CONVERSION.format(network=str(network)))
