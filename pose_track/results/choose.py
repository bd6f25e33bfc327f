"""A result with the chosen people only."""

from __future__ import annotations

from dataclasses import replace

from pose_track.results.result import Result
from pose_track.selection.choice import Choice
from pose_track.selection.chosen_frames import ChosenFrames


def choose(result: Result, choice: Choice) -> Result:
    """The result with the chosen people. Raises ValueError for an id that nobody has, and a region outside of the
    image."""
    if choice.is_all:
        return result
    choice.check_region(result.width, result.height)
    return replace(result, frames=ChosenFrames(result.frames, choice))
