"""Batches of the tests, with stub stages, and what they leave."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from command_line import run_command
from make_video import make_video
from stub_stages import stub_stages

from pose_track.batch.results import MARKER
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.pipeline.track_file import track_file

STUBS = "stub_stages:stub_stages"


def make_videos(folder: Path, *places: str) -> None:
    """Videos of different lengths, from 6 frames on."""
    for number, place in enumerate(places):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        make_video(path, 6 + number, codec="mpeg4" if path.suffix == ".avi" else "libx264")


def batch(*arguments: object, stages: str = STUBS, workers: int = 1) -> int:
    """The exit code of `pose-track batch` with stub stages."""
    return run_command("batch", *arguments, "--stages", stages, "--workers", workers)


def start_batch(*arguments: object, stages: str = STUBS, workers: int = 1) -> subprocess.Popen[str]:
    """`pose-track batch` in a process of its own."""
    words = [sys.executable, "-m", "pose_track", "batch", *arguments, "--stages", stages, "--workers", workers]
    return subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of results by path, without those of the batch itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder and ".batch" not in path.parts and path.name != MARKER
    }


def serial(videos: Path, out: Path, names: dict[str, str]) -> dict[str, bytes]:
    """The files of the results that one run after the other gives. names: the result of each video."""
    settings = load_settings(Settings, preset_path("fast"))
    for place, name in names.items():
        track_file(videos / place, out / name, stub_stages(settings), settings)
    return contents(out)


def summary(out: Path) -> dict[str, dict[str, str]]:
    """The rows of the summary by video."""
    with (out / "summary.csv").open() as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def failures(out: Path) -> dict[str, dict[str, Any]]:
    """The failures by video."""
    return {row["video"]: row for row in map(json.loads, (out / "failed.jsonl").read_text().splitlines())}
