"""The setting of which people a run keeps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pose_track.config.base import BaseSettings, Positive


class PeopleSettings(BaseSettings):
    """Which of the tracked people are in the results. The tracker sees all."""

    max_people: Positive | None = Field(
        default=None,
        description="Only the N people who are largest for longest: in the whole video, or of a live source so far; "
        "null for all.",
    )
    region: Annotated[tuple[tuple[float, float], ...], Field(min_length=3)] | None = Field(
        default=None,
        description="Only where people stand in this polygon, corners [x, y] in pixels, 3 or more; null for the whole "
        "image.",
    )
