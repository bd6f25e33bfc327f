"""The main job as a process of its own, watched from outside: when its records are on disk, and what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pose_track.pipeline.track_file import RECORDS

TRACK = (sys.executable, "-c", "import sys; from pose_track.cli.track import main; sys.exit(main())", "track")
"""What starts the main job with this very Python; options and the video follow."""


@dataclass(frozen=True)
class TrackRun:
    """What a run took, seconds on the clock from the start of the process. seconds: until it had ended; first_record:
    until the first frame's record was on disk; frames: how many records there are."""

    seconds: float
    first_record: float
    frames: int

    @property
    def frames_per_second(self) -> float:
        """Of the whole process, start and end included."""
        return self.frames / self.seconds

    @property
    def frames_per_second_running(self) -> float:
        """From the first record on, until the process had ended. Raises ValueError where that is nothing.

        >>> TrackRun(seconds=12.0, first_record=2.0, frames=101).frames_per_second_running
        10.0
        """
        if self.seconds <= self.first_record:
            raise ValueError(f"{self.frames} frames are too few to be measured; give a longer video")
        return (self.frames - 1) / (self.seconds - self.first_record)


class Records:
    """Counts the records in a file that another process writes. out: the folder that its results go to, which has a
    folder for the video."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._file: IO[bytes] | None = None
        self._lines = 0

    def count(self) -> int:
        """How many frames are in the file, the line before them not counted."""
        if self._file is None:
            path = next(self._out.glob(f"*/{RECORDS}"), None)
            if path is None:
                return 0
            self._file = path.open("rb")
        self._lines += self._file.read().count(b"\n")
        return max(0, self._lines - 1)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def run_tracking(
    words: Sequence[str],
    out: Path,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[int, int], object] = lambda pid, records: None,
    interval: float = 0.01,
    command: Sequence[str] = TRACK,
) -> TrackRun:
    """Run the main job to its end.

    words: what follows `command`: the video and options; out: a folder for the results, in which there are none; watch:
    is told every `interval` seconds the process's number and how many records there are. Raises ValueError with its own
    last line where it fails, or gives no record.
    """
    out.mkdir(parents=True, exist_ok=True)
    records, first = Records(out), None
    with (out / "output.txt").open("w+b") as told:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *words, "--out", str(out)],
            stdout=told,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            while process.poll() is None:
                number = records.count()
                if number and first is None:
                    first = time.perf_counter() - started
                watch(process.pid, number)
                time.sleep(interval)
            seconds, number = time.perf_counter() - started, records.count()
        finally:
            records.close()
            if process.poll() is None:
                process.terminate()
                process.wait()
        _check(process.returncode, number, told)
    return TrackRun(seconds, seconds if first is None else first, number)


def _check(code: int, records: int, told: IO[bytes]) -> None:
    """Raises ValueError where the process failed, or wrote nothing."""
    if code == 0 and records:
        return
    told.seek(0)
    lines = told.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    raise ValueError(f"the main job ended with code {code} and {records} records: {last}")
