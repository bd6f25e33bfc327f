"""What a sink is."""

from __future__ import annotations

from typing import Protocol

from pose_track.pipeline.live_result import LiveResult


class Sink(Protocol):
    """Takes the results of a source while it runs. Both methods are called in one thread, which is the sink's own.

    name: in messages, such as "window".
    poses_only: every frame counts, and the image of a frame is not needed: it is empty.
    """

    name: str
    poses_only: bool

    def send(self, result: LiveResult) -> None:
        """Deliver one frame; it may take its time. Raises StopRun where the user ends the run, and OSError or
        ValueError where nothing more can be delivered."""

    def close(self) -> None:
        """Release what the sink holds; also called after an error."""


class StopRun(Exception):
    """The user ended the run at a sink, such as by closing the window."""
