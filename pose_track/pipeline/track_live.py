"""A source that does not wait: each frame is tracked and shown at once, and the newest frame is taken next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.config.settings import Settings
from pose_track.pipeline.frame_tracker import FrameTracker
from pose_track.pipeline.latency import Latency
from pose_track.pipeline.live_result import LiveResult, Show, drawing
from pose_track.pipeline.result_folder import check_results, locked
from pose_track.pipeline.result_writer import ResultWriter, open_results, tracks_header
from pose_track.pipeline.summary import Summary
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.prefetch import Prefetcher

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages
    from pose_track.video.newest import NewestFrames


@dataclass
class LiveSummary(Summary):
    """The result of a live run in figures.

    num_skipped: frames that were older than another one when the tracker was ready; they have no record.
    latency: from the capture of a frame to its result.
    """

    num_skipped: int = 0
    latency: Latency = field(default_factory=Latency)


def track_live(
    frames: NewestFrames,
    stages: Stages,
    settings: Settings,
    show: Show,
    summary: LiveSummary,
    folder: Path | None = None,
    overwrite: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
) -> LiveSummary:
    """Track the frames of a source as they come; `summary` is updated frame by frame and returned.

    show: called with each result at once, those of unconfirmed people included. It must not take long.
    folder: where track records and the annotated video are written, of confirmed people; nothing is written without.
        The track ids are those shown. The index of a frame counts the skipped ones too.
    is_stopped: asked before each frame; the run then ends, and its results are complete.

    Raises FileExistsError and BlockingIOError as `track_file`, and what the source raises, after its results are
    written.
    """
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(locked(folder))
            check_results(folder, overwrite, resume=False)
        prefetcher = stack.enter_context(Prefetcher())
        run = _Run(frames, stages, settings, show, summary, is_stopped)
        results = prefetcher.prefetch(run.results(), 2)
        results = chain([next(results)], results)  # a source without any frame raises, before anything is replaced
        started = time.perf_counter()
        try:
            if folder is None:
                for _, people in results:
                    summary.add(people)
                return summary
            header = tracks_header(frames.info, stages, settings)
            with open_results(folder, header, frames, settings, stages.profile) as writer:
                _write(results, writer, summary)
        finally:
            summary.seconds = time.perf_counter() - started
            summary.num_skipped = frames.num_skipped
    return summary


def _write(results: Iterator[tuple[Frame, TrackedPoses]], writer: ResultWriter, summary: LiveSummary) -> None:
    for frame, people in results:
        writer.write(frame, people)
        summary.add(people)


class _Run:
    """Tracking, in a thread of its own."""

    def __init__(
        self,
        frames: NewestFrames,
        stages: Stages,
        settings: Settings,
        show: Show,
        summary: LiveSummary,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._frames, self._stages, self._settings = frames, stages, settings
        self._show, self._summary, self._is_stopped = show, summary, is_stopped

    def results(self) -> Iterator[tuple[Frame, TrackedPoses]]:
        """Each frame with its confirmed people, once it was shown."""
        draw = drawing(self._settings.output.min_joint_score)
        with FrameTracker(self._stages, self._stages.make_tracker(self._frames.info.fps)) as tracker:
            for frame in islice(self._frames, self._settings.reader.max_frames):
                poses, ids = tracker.link(frame)
                people = tracker.people(frame, poses, ids)
                result = LiveResult(frame, people, draw)
                self._show(result)
                if result.latency_seconds is not None:
                    self._summary.latency.add(result.latency_seconds)
                self._summary.evidence = self._summary.evidence.with_frame(poses, frame)
                assert people.confirmed is not None
                yield frame, people[people.confirmed]
                if self._is_stopped():
                    return
