"""Results for sinks, and sinks to look into."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from formats.track_files import frame

from pose_track.pipeline.live_result import LiveResult
from pose_track.structures.frames import Frame
from pose_track.structures.skeleton import POSETRACK_15, Skeleton

HEIGHT, WIDTH, FPS = 48, 64, 30


def live_result(
    index: int, ids: Sequence[int] = (), unconfirmed: Sequence[int] = (), skeleton: Skeleton = POSETRACK_15
) -> LiveResult:
    """Random people. The annotated image has the grey of `grey_of(index)`."""
    people = frame(skeleton, index, list(ids))
    people = replace(people, pts_seconds=index / FPS, confirmed=~np.isin(people.track_ids, unconfirmed))
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return LiveResult(
        Frame(index, index / FPS, image), people, lambda image, people: np.full_like(image, grey_of(index))
    )


def grey_of(index: int) -> int:
    return 20 + index * 7 % 200


class Recorder:
    """Keeps what it gets. send: is called first with each result."""

    def __init__(self, send: Callable[[LiveResult], object] = lambda result: None, poses_only: bool = False) -> None:
        self.name, self.poses_only = "recorder", poses_only
        self.results: list[LiveResult] = []
        self.thread: threading.Thread | None = None
        self.num_closed = 0
        self._send = send

    def send(self, result: LiveResult) -> None:
        self._send(result)
        self.results.append(result)
        self.thread = threading.current_thread()

    def close(self) -> None:
        self.num_closed += 1

    @property
    def indices(self) -> list[int]:
        return [result.frame.index for result in self.results]


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.005)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
