"""Running `pose-track track` as a process of its own, and timing it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pose_track.pipeline.result_folder import TRACKS_FILE

TRACK = (sys.executable, "-m", "pose_track", "track")
"""Command that starts `pose-track track` with this Python; the video and options follow."""


@dataclass(frozen=True)
class TrackRun:
    """Times of one run, in seconds from the start of the process.

    seconds: until the process ended.
    first_record: until the record of the first frame was on disk.
    frames: number of records.
    """

    seconds: float
    first_record: float
    frames: int

    @property
    def frames_per_second(self) -> float:
        """Rate of the whole process, with start and end."""
        return self.frames / self.seconds

    @property
    def frames_per_second_running(self) -> float:
        """Rate from the first record to the end of the process. Raises ValueError where no time lies between.

        >>> TrackRun(seconds=12.0, first_record=2.0, frames=101).frames_per_second_running
        10.0
        """
        if self.seconds <= self.first_record:
            raise ValueError(f"{self.frames} frames are too few to be measured; give a longer video")
        return (self.frames - 1) / (self.seconds - self.first_record)


class RecordCounter:
    """Counts the records in the results of another process. out: its output folder, with a folder for the video."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._file: IO[bytes] | None = None
        self._lines = 0

    def count(self) -> int:
        """Number of frames recorded so far; the header line does not count."""
        if self._file is None:
            path = next(self._out.glob(f"*/{TRACKS_FILE}"), None)
            if path is None:
                return 0
            self._file = path.open("rb")
        self._lines += self._file.read().count(b"\n")
        return max(0, self._lines - 1)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def run_tracking(
    arguments: Sequence[str],
    out: Path,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[int, int], object] = lambda pid, records: None,
    interval: float = 0.01,
    command: Sequence[str] = TRACK,
) -> TrackRun:
    """Track a video in a new process and wait for its end.

    arguments: the video and options, which follow `command`.
    out: a folder for the results, without earlier ones.
    watch: called every `interval` seconds with the process id and the number of records.

    Raises ValueError with the last line of the process where it fails or writes no record.
    """
    out.mkdir(parents=True, exist_ok=True)
    counter, first = RecordCounter(out), None
    with (out / "output.txt").open("w+b") as output:
        started = time.perf_counter()
        words, variables = [*command, *arguments, "--out", str(out)], {**os.environ, **(environment or {})}
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, env=variables)
        try:
            while process.poll() is None:
                records = counter.count()
                if records and first is None:
                    first = time.perf_counter() - started
                watch(process.pid, records)
                time.sleep(interval)
            seconds, records = time.perf_counter() - started, counter.count()
        finally:
            counter.close()
            if process.poll() is None:
                process.terminate()
                process.wait()
        _check_exit(process.returncode, records, output)
    return TrackRun(seconds, seconds if first is None else first, records)


def _check_exit(code: int, records: int, output: IO[bytes]) -> None:
    """Raise ValueError where the process failed or wrote no record."""
    if code == 0 and records:
        return
    output.seek(0)
    lines = output.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    raise ValueError(f"pose-track track ended with code {code} and {records} records: {last}")
