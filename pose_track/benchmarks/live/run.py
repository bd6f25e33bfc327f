"""One live run: latency of each frame from its sending to its result, and the frames that have none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pose_track.benchmarks.live.clip import Clip
from pose_track.benchmarks.live.sources import Playing, played
from pose_track.benchmarks.live.stamp import read_stamp
from pose_track.config.settings import Settings
from pose_track.pipeline.live_result import LiveResult, NoOutlet
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.track_file import open_reader, stream_options
from pose_track.pipeline.track_live import LiveSummary, live_frames, track_live
from pose_track.video.locations import parse_source

WARM_UP_SECONDS = 2.0
"""From the first result to the first frame that counts."""

_MARGIN_SECONDS = 1.0  # of a clip, so that the last frame that counts is not its last
_PATIENCE_SECONDS = 30.0  # how much longer than planned a run may take


def clip_seconds(seconds: float, warm_up: float = WARM_UP_SECONDS) -> float:
    """How long a clip must last for a measurement of so many seconds."""
    return warm_up + seconds + _MARGIN_SECONDS


@dataclass
class LiveRun:
    """The frames of one run that count.

    latencies: seconds from sending to result, of the frames that have one.
    since_capture: the same from the capture that the source states, as `pose-track live` shows it.
    num_skipped: frames without a result, whether the tracker or the network lost them.
    num_unread: results whose image was too damaged to tell its number; such frames are among the skipped.
    num_people: in all frames together.
    cores: processor time of this process by elapsed time.
    """

    latencies: list[float] = field(default_factory=list)
    since_capture: list[float] = field(default_factory=list)
    num_skipped: int = 0
    num_unread: int = 0
    num_people: int = 0
    cores: float = 0.0

    def summary(self) -> dict[str, float]:
        """Latencies in milliseconds, and the counts. Raises ValueError where no frame has a result."""
        if not self.latencies:
            raise ValueError("no frame had a result")
        milliseconds = 1e3 * np.array(self.latencies)
        return {
            "median_ms": float(np.median(milliseconds)),
            "p95_ms": float(np.percentile(milliseconds, 95)),
            "median_ms_since_capture": float(np.median(1e3 * np.array(self.since_capture))),
            "skipped": self.num_skipped,
            "frames": self.num_skipped + len(self.latencies),
            "unread": self.num_unread,
            "people": self.num_people / len(self.latencies),
            "cores": self.cores,
        }


class LatencyRecorder(NoOutlet):
    """Times the results of a clip that plays, and ends the run `seconds` after its warm-up.

    start: when frame 0 was sent; None to take it from the capture of the first result.
    """

    def __init__(self, clip: Clip, start: float | None, warm_up: float, seconds: float) -> None:
        super().__init__()
        self.run = LiveRun()
        self._clip, self._start = clip, start
        self._warm_up, self._num_counted = warm_up, round(seconds * clip.fps)
        self._first = self._last = -1  # number of the first frame that counts, and of the last result
        self._began = 0.0, 0.0  # elapsed and processor time at the first frame that counts

    def show(self, result: LiveResult) -> None:
        now = time.monotonic()
        stamped = read_stamp(result.frame.image)
        if stamped is None:
            self.run.num_unread += 0 <= self._first <= self._last
            return
        number = self._number(stamped, result, now)
        if self._first < 0:
            self._first = number + round(self._warm_up * self._clip.fps)
        if self._last < self._first <= number:
            self._began = now, time.process_time()
        if number >= self._first + self._num_counted:
            self._end(now)
        elif number >= self._first:
            self._count(number, result, now)
        self._last = number

    def _number(self, stamped: int, result: LiveResult, now: float) -> int:
        """The number of a frame since the start, from that in the clip, which repeats itself: the newest one sent."""
        if self._start is None:
            assert result.frame.captured is not None
            self._start = result.frame.captured - stamped / self._clip.fps
        num_sent = int((now - self._start) * self._clip.fps + 0.01) + 1
        return stamped + (num_sent - 1 - stamped) // self._clip.num_frames * self._clip.num_frames

    def _count(self, number: int, result: LiveResult, now: float) -> None:
        assert self._start is not None
        assert result.latency_seconds is not None
        self.run.latencies.append(now - self._start - number / self._clip.fps)
        self.run.since_capture.append(result.latency_seconds)
        self.run.num_people += len(result.people)

    def _end(self, now: float) -> None:
        if not self.stop_requested.is_set():
            self.run.num_skipped = self._num_counted - len(self.run.latencies)
            elapsed, processor = now - self._began[0], time.process_time() - self._began[1]
            self.run.cores = processor / elapsed if elapsed else 0.0
        self.stop_requested.set()


def measure_live(
    source: str,
    clip: Clip,
    stages: Stages,
    settings: Settings,
    seconds: float,
    warm_up: float = WARM_UP_SECONDS,
) -> LiveRun:
    """Track a clip that plays through a source as `pose-track live` does, and time the results of some seconds.

    source: one of SOURCES. The clip must last for `clip_seconds`.

    Raises ValueError where the source ends or stalls, and as `track_live`.
    """
    with played(source, clip) as playing:
        recorder = LatencyRecorder(clip, playing.start, warm_up, seconds)
        _track(playing, stages, settings, recorder, warm_up + seconds + _PATIENCE_SECONDS)
    if not recorder.stop_requested.is_set():
        raise ValueError(f"{clip.name} through {source} at {clip.fps} fps ended before it was measured")
    return recorder.run


def _track(playing: Playing, stages: Stages, settings: Settings, recorder: LatencyRecorder, limit: float) -> None:
    location = parse_source(playing.address)
    reader = open_reader(location, settings.reader, stream_options(settings.stream))
    deadline = time.monotonic() + limit

    def open_recorder(header: Mapping[str, Any], info: object) -> LatencyRecorder:
        return recorder

    with live_frames(reader, lambda: time.monotonic() > deadline, not location.is_pipe) as frames:
        track_live(frames, stages, settings, LiveSummary(), open_recorder)
