"""The settings of finishing tracks offline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Share


class StitchSettings(BaseSettings):
    """When two tracks are one person's.

    max_seconds: how long the person may have been unseen; 0 joins nothing. max_distance: how far the two ends, carried
    on to the middle of the gap, may be apart, in body sizes. max_drift: how much further for each second of the gap.
    """

    max_seconds: NotNegative = 1.0
    max_distance: AboveZero = 0.15
    max_drift: NotNegative = 0.1


class InterpolateSettings(BaseSettings):
    """What is filled in.

    max_seconds: from the frame before a gap to the frame after it; 0 fills nothing. score_share: what the score of a
    filled person or joint is of the lower of the scores before and after.
    """

    max_seconds: NotNegative = 0.5
    score_share: Share = 0.7


class SmoothSettings(BaseSettings):
    """How the paths of joints are smoothed.

    method: "none", or one of the filters below. min_cutoff_hz: one_euro's cutoff for what stands still; beta: by how
    much it rises for each body size a second. window_seconds, degree: savgol's stretch and polynomial. cutoff_hz:
    butterworth's.
    """

    method: Literal["none", "one_euro", "savgol", "butterworth"] = "butterworth"
    min_cutoff_hz: AboveZero = 2.0
    beta: NotNegative = 20.0
    window_seconds: AboveZero = 0.2
    degree: Annotated[int, Field(ge=0, le=9)] = 2
    cutoff_hz: AboveZero = 5.0


class PostprocessingSettings(BaseSettings):
    """Everything finishing can be told.

    fps: frames a second where a file tells no times. min_seconds: tracks whose first and last frame are less apart
    are left out; 0 keeps all.
    """

    fps: AboveZero = 25.0
    min_seconds: NotNegative = 0.0
    join: StitchSettings = StitchSettings()
    fill: InterpolateSettings = InterpolateSettings()
    smooth: SmoothSettings = SmoothSettings()
