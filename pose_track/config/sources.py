"""The settings of what is read: files, and cameras, streams and pipes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive


class SourceSettings(BaseSettings):
    """How video files and image folders are decoded."""

    decoder: Literal["pyav", "decord"] = Field(default="pyav", description="Library that decodes video files.")
    image_fps: AboveZero | None = Field(
        default=None,
        description="Frames per second of images (null: 25) and raw streams (null: as stated); others have their own.",
    )
    max_pixels: Positive = Field(
        default=100_000_000, description="Pixels of a frame, at most; a file that declares more is refused."
    )


class ReaderSettings(SourceSettings):
    """Which frames are read, and how."""

    start_seconds: NotNegative | None = Field(
        default=None, description="Start of the part of the video to process, in seconds; null for its start."
    )
    end_seconds: AboveZero | None = Field(
        default=None, description="End of that part, in seconds, exclusive; null for the end of the video."
    )
    stride: Positive = Field(default=1, description="Only every n-th frame is processed.")
    max_frames: Positive | None = Field(
        default=None, description="Number of frames after which processing ends; null for all."
    )
    on_damage: Literal["continue", "stop"] = Field(
        default="continue",
        description="What follows damage in a video: all frames that can still be decoded, or none. decord stops.",
    )

    @model_validator(mode="after")
    def _ends_after_start(self) -> ReaderSettings:
        if self.end_seconds is not None and self.end_seconds <= (self.start_seconds or 0.0):
            start = self.start_seconds or 0.0
            raise ValueError(f"reader.end_seconds {self.end_seconds} must be after reader.start_seconds {start}")
        return self


class StreamSettings(BaseSettings):
    """How cameras, streams and pipes are opened and read."""

    open_timeout_seconds: AboveZero = Field(default=10.0, description="How long opening a source may take, in seconds.")
    read_timeout_seconds: AboveZero = Field(
        default=10.0, description="How long nothing may come before a source counts as lost, in seconds."
    )
    max_reconnects: Annotated[int, Field(ge=0)] = Field(
        default=10, description="Attempts in a row to open a lost live source again."
    )
    first_backoff_seconds: NotNegative = Field(
        default=0.5, description="Wait before the first attempt, in seconds; it doubles with each."
    )
    max_backoff_seconds: NotNegative = Field(default=10.0, description="The longest such wait, in seconds.")
    rtsp_transport: Literal["tcp", "udp"] = Field(
        default="tcp", description="What carries the video of RTSP; over UDP packets may be lost, over TCP late."
    )
    size: tuple[Positive, Positive] | None = Field(
        default=None, description="Width and height in pixels wanted of a camera; null for its own."
    )
    fps: AboveZero | None = Field(
        default=None, description="Frames per second wanted of a camera or screen; null for its own."
    )
    raw: str | None = Field(
        default=None,
        description="Frames of a raw pipe: WIDTHxHEIGHT[:pixel format][@fps], such as 640x480:bgr24@30; null for a "
        "container.",
    )
