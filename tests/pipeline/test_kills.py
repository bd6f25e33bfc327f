"""Runs that are killed at random moments and resumed; see `killed_runs`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from make_video import make_video

from pose_track.pipeline.result_folder import ANNOTATED_FILE, OUTPUT_FILES
from pose_track.video.reader import open_video

NUM_KILLS, NUM_FRAMES = 50, 64
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no processes that can be started at once")
def test_killed_runs_end_as_unbroken_ones(tmp_path: Path) -> None:
    video, folder = make_video(tmp_path / "clip.mp4", NUM_FRAMES), tmp_path / "out"
    command = [sys.executable, str(Path(__file__).with_name("killed_runs.py")), str(video), str(folder), str(NUM_KILLS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    num_kills, num_killed_runs, num_resumed = map(int, process.stdout.split())
    assert num_kills >= NUM_KILLS
    assert num_resumed > num_killed_runs / 2
    for kind, names in (("render", OUTPUT_FILES), ("plain", OUTPUT_FILES[:3])):
        whole, *killed = sorted(folder.glob(f"{kind}_*"), key=lambda out: not out.name.endswith("whole"))
        assert len(killed) == len(list(folder.glob(f"{kind}_*"))) - 1 > 3
        for out in killed:
            assert {path.name for path in out.iterdir()} == set(names), out.name
            for name in OUTPUT_FILES[:3]:
                assert (out / name).read_bytes() == (whole / name).read_bytes(), (out.name, name)
            if kind == "render":
                with open_video(out / ANNOTATED_FILE) as annotated:
                    assert len(list(annotated)) == NUM_FRAMES
