"""Tracks a video again and again in processes of its own, which are killed at random moments and resumed.

    python killed_runs.py VIDEO FOLDER NUM_KILLS

Each folder below FOLDER has the results of a run that was killed up to six times; render_... with an annotated video.
Prints the number of kills, of runs that were killed, and of these that went on from a state at last.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from stub_stages import stub_stages

from pose_track.config.output import OutputSettings
from pose_track.config.settings import Settings
from pose_track.pipeline import run_state
from pose_track.pipeline.track_file import track_file
from pose_track.structures.frames import Detections, Frame

MAX_KILLS = 6  # of one run


def walkers(frame: Frame) -> Detections:
    """Three people who walk through each other; now and then one is missed."""
    time.sleep(0.004)
    lefts = np.array([0.0, 70, 140]) + frame.index * np.array([1.5, 0.2, -1.2])
    boxes = np.stack([lefts, np.full(3, 4.0), lefts + 25, np.full(3, 58.0)], axis=1)
    seen = np.random.default_rng(frame.index).random(3) > 0.25
    return Detections(boxes.astype(np.float32)[seen], np.array([0.9, 0.8, 0.7], np.float32)[seen])


def start(video: Path, out: Path, render: bool) -> int:
    """Track in a new process, going on where one was killed; its exit code is 1 if it went on from a state."""
    process = os.fork()
    if process:
        return process
    settings = Settings(output=OutputSettings(render=render))
    summary = track_file(video, out, stub_stages(settings, walkers), settings, resume=True)
    os._exit(summary.num_resumed > 0)


def killed_run(video: Path, out: Path, render: bool, longest: float, chance: random.Random) -> tuple[int, bool]:
    """The number of kills of a run, which is finished then, and whether it went on from a state after the last one."""
    for num_kills in range(MAX_KILLS + 1):
        process = start(video, out, render)
        if num_kills < MAX_KILLS:
            time.sleep(chance.uniform(0, longest))
            os.kill(process, signal.SIGKILL)  # of a process that has ended, but was not waited for, it does nothing
        status = os.waitpid(process, 0)[1]
        if not os.WIFSIGNALED(status):
            return num_kills, bool(os.waitstatus_to_exitcode(status))
    raise AssertionError("the last run is not killed")


def main(video: Path, folder: Path, num_kills: int) -> None:
    run_state._SAVE_EVERY_SECONDS = 0.03
    chance, longest = random.Random(0), {}
    for render in (True, False):
        started = time.monotonic()
        os.waitpid(start(video, folder / f"{'render' if render else 'plain'}_whole", render), 0)
        longest[render] = 0.8 * (time.monotonic() - started)
    kills, runs, resumed, number = 0, 0, 0, 0
    while kills < num_kills:
        render = number % 2 == 0
        out = folder / f"{'render' if render else 'plain'}_{number}"
        killed, went_on = killed_run(video, out, render, longest[render], chance)
        kills, runs, resumed, number = kills + killed, runs + (killed > 0), resumed + went_on, number + 1
    print(kills, runs, resumed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
