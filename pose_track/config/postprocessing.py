"""The settings of offline post-processing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Share


class StitchSettings(BaseSettings):
    """Joining two tracks of one person."""

    max_seconds: NotNegative = Field(
        default=1.0, description="Longest gap between two tracks, in seconds; 0 stitches nothing."
    )
    max_distance: AboveZero = Field(
        default=0.15,
        description="Largest distance of the two ends, extrapolated to the middle of the gap, in body sizes.",
    )
    max_drift: NotNegative = Field(
        default=0.1, description="Increase of that distance per second of the gap, in body sizes."
    )


class InterpolateSettings(BaseSettings):
    """Interpolation of missing people and joints."""

    max_seconds: NotNegative = Field(
        default=0.5,
        description="Longest gap, from the frame before it to the frame after it, in seconds; 0 interpolates nothing.",
    )
    score_share: Share = Field(
        default=0.7, description="Score of an interpolated joint as a share of the lower of its two neighbours'."
    )


class SmoothSettings(BaseSettings):
    """Smoothing of the joint trajectories."""

    method: Literal["none", "one_euro", "savgol", "butterworth"] = Field(default="butterworth", description="Filter.")
    min_cutoff_hz: AboveZero = Field(default=2.0, description="one_euro: cutoff frequency at rest, in Hz.")
    beta: NotNegative = Field(
        default=20.0, description="one_euro: increase of the cutoff per body size a second of speed, in Hz."
    )
    window_seconds: AboveZero = Field(default=0.2, description="savgol: length of the window, in seconds.")
    degree: Annotated[int, Field(ge=0, le=9)] = Field(default=2, description="savgol: degree of the polynomial.")
    cutoff_hz: AboveZero = Field(default=5.0, description="butterworth: cutoff frequency, in Hz.")


class PostprocessingSettings(BaseSettings):
    """The settings of `pose-track finish`."""

    fps: AboveZero = Field(default=25.0, description="Frame rate of a file that states no times, in frames per second.")
    speed_factor: AboveZero | None = Field(
        default=None,
        description="Speed of the video over that of life, such as 0.125 for 240 frames a second stored as 30; null "
        "for what the file states, else 1. All seconds here are true ones.",
    )
    min_seconds: NotNegative = Field(
        default=0.0, description="Shortest track kept, from its first to its last frame, in seconds; 0 keeps all."
    )
    sides: bool = Field(default=True, description="Choose left and right of each person over the whole track.")
    stitch: StitchSettings = StitchSettings()
    interpolate: InterpolateSettings = InterpolateSettings()
    smooth: SmoothSettings = SmoothSettings()
