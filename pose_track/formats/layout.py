"""The file format that a source was read from."""

from __future__ import annotations

from pose_track.structures.sequence import FrameSource


def has_layout(source: FrameSource, layout: str) -> bool:
    """Whether a source was read from a file of this format. If so, its `extra` fields belong to the format."""
    return getattr(source, "layout", "") == layout
