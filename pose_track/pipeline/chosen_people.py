"""Which people a run keeps: those in the region as it goes, and at its end those who were largest for longest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.render_file import render_file
from pose_track.pipeline.result_folder import ANNOTATED_FILE, TRACKS_FILE
from pose_track.pipeline.summary import Summary
from pose_track.selection.choice import Choice
from pose_track.selection.chosen_frames import ChosenFrames
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.atomic import atomic_path
from pose_track.video.source import DamageError, VideoReader


def choice_of(settings: Settings) -> Choice:
    """The choice of the settings."""
    region = settings.people.region
    return Choice(max_people=settings.people.max_people, region=None if region is None else np.array(region))


class LastStep:
    """The last step of a run that keeps the people who are largest for longest, who are known at its end.

    reopen: opens the video again as it was read, to draw them; None for a run that draws nothing.
    summary: counts only the people who are kept, once it is done.
    check: called before each frame is drawn; an exception from it leaves the records of everybody, of a run that is not
        finished.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        reopen: Callable[[], VideoReader] | None,
        summary: Summary,
        check: Callable[[], None],
    ) -> None:
        self._folder, self._settings = folder, settings
        self._reopen, self._summary, self._check = reopen, summary, check

    def __call__(self) -> None:
        """Draw the annotated video, and replace the records of everybody by those of the kept people."""
        header, records = read_tracks(self._folder / TRACKS_FILE)
        kept = ChosenFrames(records, Choice(max_people=self._settings.people.max_people))
        if self._reopen is not None:
            with suppress(DamageError), self._reopen() as reader:  # it was reported before
                stride = self._settings.reader.stride
                render_file(self._checked(kept), reader, self._folder / ANNOTATED_FILE, self._settings, stride)
        self._summary.forget_people()
        with atomic_path(self._folder / TRACKS_FILE) as unfinished, TracksWriter(unfinished, header) as writer:
            for tracked in kept:
                writer.write(tracked)
                self._summary.add(tracked)
            for damage in records.damage:
                writer.write_damage(damage.frame, damage.message)

    def _checked(self, frames: Iterable[TrackedPoses]) -> Iterator[TrackedPoses]:
        for tracked in frames:
            self._check()
            yield tracked
