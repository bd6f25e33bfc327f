"""From settings to what draws and encodes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.config.output import EncodingSettings
from pose_track.config.settings import RenderSettings, Settings
from pose_track.drawing.style import Style
from pose_track.video.encoding import Encoding


def style_of(settings: Settings | RenderSettings) -> Style:
    """The style of the settings."""
    return Style(**settings.style.model_dump(), min_joint_score=settings.output.min_joint_score)


def encoding_of(settings: EncodingSettings, source: str, alpha: bool = False) -> Encoding:
    """The encoding of the settings. source: the video whose sound is kept; alpha: whether images are transparent."""
    return Encoding(
        settings.codec,
        settings.crf,
        settings.long_side,
        None if settings.fps is None else Fraction(settings.fps).limit_denominator(1001),
        alpha,
        Path(source) if settings.audio else None,
    )
