"""Frames with the chosen people only, to be read as often as the frames they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pose_track.selection.choice import Choice
from pose_track.structures.frames import TrackedPoses


class ChosenFrames:
    """The frames of `frames` with the people of a choice. Each iteration starts at the first frame.

    Raises ValueError on construction for an id that is in no frame.
    """

    def __init__(self, frames: Iterable[TrackedPoses], choice: Choice) -> None:
        self._frames, self._choice = frames, choice
        if choice.ids is not None:
            for _ in choice(frames):
                pass

    def __iter__(self) -> Iterator[TrackedPoses]:
        return self._choice(self._frames)
