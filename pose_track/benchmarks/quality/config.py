"""The settings of `pose-track benchmark quality`: which images and videos measure a pair of networks."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from pose_track.config.base import BaseSettings, Positive, Share
from pose_track.models.heatmaps import Decoding


class ImageSet(BaseSettings):
    """Labelled images."""

    name: str = Field(description="Name in the table.")
    annotations: Path = Field(description="Annotation file; for the poses of PoseTrack also a folder of files.")
    images: Path = Field(description="Folder, zip file or tar file that image names are relative to.")


class PoseTrackSet(BaseSettings):
    """A data set in PoseTrack's layout."""

    name: str = Field(description="Name in the table.")
    root: Path = Field(description="Its folder.")
    year: str = Field(default="2018", description="Year of its layout.")
    split: str = Field(default="val", description="Folder of annotations.")


class VideoSet(BaseSettings):
    """A video of people, with or without the joints of one of them."""

    name: str = Field(description="Name in the table.")
    video: Path = Field(description="The video.")
    joints: Path | None = Field(
        default=None,
        description="JSON list with the joints of one person in each frame: {name: {x, y}}, or rows x, y, ...",
    )
    joint_names: tuple[str, ...] | None = Field(default=None, description="Names of the rows; other rows are unnamed.")
    max_distance: Share = Field(
        default=0.1, description="Distance up to which a joint is correct, as a share of body height."
    )

    @model_validator(mode="after")
    def _names_have_joints(self) -> VideoSet:
        if self.joint_names is not None and self.joints is None:
            raise ValueError(f"joint_names of {self.name} has no effect without joints; leave it out")
        return self


class QualityConfig(BaseSettings):
    """The sets. Paths are relative to the folders of --data. Sets that are in none of them are reported as absent."""

    decoding: Decoding | None = Field(
        default=None,
        description="pose.decoding where no option gives it, since weights files of a training do not state one.",
    )
    preset: str = Field(default="fast", description="Preset of pose-track track by which the videos are tracked.")
    max_frames: Positive | None = Field(default=None, description="Frames of each video, from its start; null for all.")
    people: tuple[ImageSet, ...] = Field(default=(), description="Labelled joints, for PCK in the labelled boxes.")
    boxes: tuple[ImageSet, ...] = Field(default=(), description="Labelled boxes, for AP and AR of the detector.")
    posetrack: tuple[PoseTrackSet, ...] = Field(default=(), description="Labelled videos, for AP and MOTA.")
    videos: tuple[VideoSet, ...] = Field(
        default=(), description="Videos, for the consistency of left and right, and for given joints."
    )
