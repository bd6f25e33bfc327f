"""The settings of what is drawn and encoded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive, Share

Channel = Annotated[int, Field(ge=0, le=255)]


class StyleSettings(BaseSettings):
    """How people are drawn."""

    skeleton: bool = Field(default=True, description="Draw joints and the lines between them.")
    boxes: bool = Field(default=True, description="Draw boxes, dashed where optical flow found the person.")
    ids: bool = Field(default=True, description="Write the track id, or the person's name.")
    scores: bool = Field(default=False, description="Write the person's score.")
    joint_labels: bool = Field(default=False, description="Write the name of each joint.")
    trail_seconds: NotNegative = Field(
        default=0.0, description="How long a person's way remains visible, in seconds; 0 for no trails."
    )
    line_width: Positive | None = Field(
        default=None, description="Width of lines in pixels; null for one that suits the size of the video."
    )
    joint_radius: AboveZero | None = Field(
        default=None, description="Radius of joints in pixels; null for one that suits the lines."
    )
    colour_by: Literal["auto", "id", "side", "score", "joint", "one"] = Field(
        default="auto",
        description="What colours tell; auto is joint for a skeleton with colours of its own, else id; one is the "
        "setting colour.",
    )
    colour: tuple[Channel, Channel, Channel] = Field(
        default=(255, 255, 255), description="Red, green and blue, 0 to 255, for colour_by one."
    )
    palette: Literal["petroff", "okabe_ito", "hues"] = Field(
        default="petroff",
        description="Colours of ids and joints: two palettes for colour-blind people too, or hues that do not repeat.",
    )
    fade_unsure: bool = Field(default=False, description="Draw joints the fainter, the lower their score.")
    names: dict[int, str] = Field(default={}, description="Names of people by track id, such as {1: Ann}.")
    only_ids: tuple[Positive, ...] = Field(default=(), description="Track ids that are drawn; [] for all.")
    privacy: Literal["none", "blur_heads", "pixelate_heads", "blur_people", "pixelate_people"] = Field(
        default="none", description="What is made unrecognisable, of all people who were found."
    )
    background: Literal["video", "black", "dimmed", "transparent"] = Field(
        default="video", description="What people are drawn on."
    )
    frame_number: bool = Field(default=False, description="Write the index of the frame.")
    time: bool = Field(default=False, description="Write the time of the frame.")


class EncodingSettings(BaseSettings):
    """The annotated video."""

    min_joint_score: Share = Field(default=0.4, description="Score below which a joint is not drawn, 0 to 1.")
    codec: Literal["auto", "h264", "hevc", "vp9", "av1", "prores"] = Field(
        default="auto",
        description="Codec; auto is h264, vp9 in a .webm, and ProRes 4444 in a transparent .mov.",
    )
    crf: Annotated[int, Field(ge=0, le=63)] | None = Field(
        default=None, description="Constant rate factor, lower is better and larger; null for the codec's default."
    )
    long_side: Positive | None = Field(
        default=None, description="Pixels to which the longer side is scaled; null for the size of the video."
    )
    fps: AboveZero | None = Field(
        default=None, description="Constant frames per second; null for the times of the video."
    )
    audio: bool = Field(default=True, description="Keep the sound of the video.")


class OutputSettings(EncodingSettings):
    """The annotated video."""

    render: bool = Field(default=True, description="Write an annotated video beside the tracks.")
