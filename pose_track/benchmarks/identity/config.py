"""The settings of `pose-track benchmark identity`: which clips are composed, and which real clips are measured."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, Positive, Share
from pose_track.datasets.composed.figures import Split
from pose_track.datasets.composed.options import ClipOptions


class Photographs(BaseSettings):
    """Where people are cut out and scenes are taken from."""

    annotations: Path = Field(description="COCO-format file of people with masks, and of images without people.")
    images: Path = Field(description="Folder, zip file or tar file that image names are relative to.")
    scenes: tuple[str, ...] = Field(default=(), description="Sources of images that serve as scenes; empty for all.")


class RealClip(BaseSettings):
    """A video with boxes and ids."""

    name: str = Field(description="Name in the table.")
    video: Path = Field(description="The video, or a folder of images.")
    gt: Path = Field(description="Its boxes in MOTChallenge's layout.")
    fps: AboveZero | None = Field(default=None, description="Frames per second of a folder of images.")


class IdentityConfig(BaseSettings):
    """The clips. Paths are relative to the folders of --data.

    Real clips that are in none of them are reported as absent. Without the photographs people and scenes are drawn.
    """

    seed: int = Field(default=0, ge=0, description="Seed of the composed clips.")
    split: Split = Field(default="test", description="Which people appear: train, test or all.")
    photographs: Photographs | None = Field(default=None, description="People and scenes; null to draw them.")
    drawn_people: Positive = Field(default=40, description="Number of people where they are drawn.")
    min_visibility: Share = Field(
        default=0.3, description="Visible share of a person's mask below which the person is ignored."
    )
    min_detection_score: Share = Field(
        default=0.1, description="Score below which boxes are not stored for other trackers."
    )
    preset: str = Field(default="fast", description="Preset of pose-track track by which the clips are tracked.")
    clips: tuple[ClipOptions, ...] = Field(default=(), description="Groups of composed clips.")
    real: tuple[RealClip, ...] = Field(default=(), description="Real clips.")

    @model_validator(mode="after")
    def _names_differ(self) -> IdentityConfig:
        names = [group.name for group in self.clips] + [clip.name for clip in self.real]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two entries of clips and real are named {twice!r}; rename one")
        return self
