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
from pose_track.pipeline.chosen_people import choice_of
from pose_track.pipeline.frame_tracker import FrameTracker
from pose_track.pipeline.latency import Latency
from pose_track.pipeline.live_result import LiveResult, OpenOutlet, Outlet, drawing, no_outlet
from pose_track.pipeline.result_folder import check_results, locked
from pose_track.pipeline.result_writer import open_results, progress_bar, tracks_header
from pose_track.pipeline.style import style_of
from pose_track.pipeline.summary import Summary
from pose_track.selection.online import OnlineChoice
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.prefetch import Prefetcher
from pose_track.video.newest import NewestFrames
from pose_track.video.source import VideoReader

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages


@dataclass
class LiveSummary(Summary):
    """The result of a live run in figures.

    num_skipped: frames that were older than another one when the tracker was ready; they have no record.
    latency: from the capture of a frame to its result.
    """

    num_skipped: int = 0
    latency: Latency = field(default_factory=Latency)


def live_frames(reader: VideoReader, is_stopped: Callable[[], bool], is_paced: bool = True) -> NewestFrames:
    """The newest frames of a reader, which closes with them.

    is_stopped: see `NewestFrames`.
    is_paced: play what is not live at its own speed. What comes through a pipe has the speed of the program before it.
    """
    return NewestFrames(reader, is_stopped, is_paced and not reader.is_live)


def track_live(
    frames: NewestFrames,
    stages: Stages,
    settings: Settings,
    summary: LiveSummary,
    open_outlet: OpenOutlet = no_outlet,
    folder: Path | None = None,
    overwrite: bool = False,
) -> LiveSummary:
    """Track the frames of a source as they come; `summary` is updated frame by frame and returned.

    open_outlet: where each result goes at once, those of unconfirmed people included.
    folder: where track records and the annotated video are written, of confirmed people; nothing is written without.
        The track ids are those shown. The index of a frame counts the skipped ones too.

    Raises FileExistsError and BlockingIOError as `track_file`, and what the source raises, after its results are
    written.
    """
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(locked(folder))
            check_results(folder, overwrite, resume=False)
        choice_of(settings).check_region(frames.info.width, frames.info.height)
        header = tracks_header(frames.info, stages, settings)
        outlet = stack.enter_context(open_outlet(header, frames.info))
        prefetcher = stack.enter_context(Prefetcher())
        results = prefetcher.prefetch(_results(frames, stages, settings, outlet, summary), 2)
        first = list(islice(results, 1))  # a source without any frame raises, before anything is replaced
        if not first:  # stopped
            return summary
        results = chain(first, results)
        started = time.perf_counter()
        try:
            if folder is None:
                with progress_bar(frames.info, settings.reader) as bar:
                    for _, people in results:
                        summary.add(people)
                        bar.set_postfix(people=len(people), refresh=False)
                        bar.update()
                return summary
            with open_results(folder, header, frames.info, frames.faults, settings, stages.profile) as writer:
                for frame, people in results:
                    writer.write(frame, people)
                    summary.add(people)
                writer.records.write_live(frames.num_skipped, summary.latency.milliseconds())
        finally:
            summary.seconds = time.perf_counter() - started
            summary.num_skipped = frames.num_skipped
    return summary


def _results(
    frames: NewestFrames, stages: Stages, settings: Settings, outlet: Outlet, summary: LiveSummary
) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Each frame with its confirmed people, once it was shown; of these the chosen ones."""
    draw, choose = drawing(style_of(settings)), OnlineChoice(choice_of(settings))
    with FrameTracker(stages, stages.make_tracker(frames.info.fps)) as tracker:
        for frame in islice(frames, settings.reader.max_frames):
            poses, ids = tracker.link(frame)
            people = choose(tracker.people(frame, poses, ids))
            result = LiveResult(frame, people, draw)
            outlet.show(result)
            if result.latency_seconds is not None:
                summary.latency.add(result.latency_seconds)
            summary.evidence = summary.evidence.with_frame(poses, frame)
            assert people.confirmed is not None
            yield frame, people[people.confirmed]
            if outlet.stop_requested.is_set():
                return
