"""The settings of the tracker: how detections are associated with tracks from frame to frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive, Share


class CueWeights(BaseSettings):
    """Weight of each cue in the similarity of a track and a pose. See pose_track/tracking/cues.py.

    Where a file or an option gives some of them, the others are 0.
    """

    oks: NotNegative = Field(default=0.0, description="OKS to the track's last pose.")
    flow: NotNegative = Field(
        default=0.0, description="Highest OKS to the track's recent poses, warped by optical flow."
    )
    motion: NotNegative = Field(default=0.0, description="OKS to the pose that a Kalman filter predicts.")
    iou: NotNegative = Field(default=0.0, description="IoU of the boxes.")
    appearance: NotNegative = Field(default=0.0, description="Similarity of the appearance embeddings at the joints.")


class FlowSettings(BaseSettings):
    """The optical flow, which needs images."""

    method: Literal["none", "dis", "lk", "raft_small", "raft_large"] = Field(
        default="dis", description="DIS, sparse Lucas-Kanade at the joints (lk), RAFT (for a GPU), or none."
    )
    weights: Path | None = Field(
        default=None, description="Weights file of RAFT; null for torchvision's, which are downloaded once."
    )
    long_side: Annotated[int, Field(ge=64, le=4096)] = Field(
        default=384, description="Pixels to which the longer side of the image is reduced."
    )
    warped_frames: Positive = Field(default=3, description="Past frames whose poses are warped, for the cue flow.")
    max_frames: Annotated[int, Field(ge=0)] = Field(
        default=30, description="Successive frames in which flow follows a person whom the detector misses; 0 for none."
    )
    min_score: Share = Field(default=0.5, description="Mean joint score below which such a pose is dropped, 0 to 1.")
    sides: bool = Field(
        default=True, description="Choose left and right of each person against the last poses, warped by the flow."
    )
    second_peaks: bool = Field(
        default=True,
        description="Of two joints, left and right, on one spot, the one that was elsewhere takes the second peak of "
        "its heatmap, if it is where the flow expects the joint.",
    )

    @model_validator(mode="after")
    def _weights_fit_method(self) -> FlowSettings:
        if self.weights is not None and not self.method.startswith("raft"):
            raise ValueError(f"tracker.flow.weights has no effect on {self.method}; leave it out")
        return self


class TrackerSettings(BaseSettings):
    """Association of poses with tracks, and the life of a track."""

    weights: CueWeights = CueWeights(flow=1.0, motion=1.0, appearance=2.0)
    sigma_scale: AboveZero = Field(
        default=3.0,
        description="Factor on the OKS sigmas, which state how far annotators differ, not how far people move.",
    )
    gate: bool = Field(
        default=True,
        description="Refuse matches with a jump, a change of size or appearance that one person cannot have, whatever "
        "the similarity; needs a flow.",
    )
    matching: Literal["greedy", "hungarian"] = Field(default="hungarian", description="Assignment of poses to tracks.")
    min_similarity: Share = Field(default=0.2, description="Lowest similarity of a match, 0 to 1.")
    min_high_score: Share = Field(
        default=0.5, description="Person score from which a pose is high-score and matched in the first round."
    )
    min_low_score_similarity: Share = Field(
        default=0.5, description="Lowest similarity of a match in the second round, of low-score poses."
    )
    min_start_score: Share = Field(default=0.6, description="Lowest person score of a pose that starts a track.")
    buffer_seconds: NotNegative = Field(
        default=2.0, description="Track buffer: seconds that a lost track is kept for matching."
    )
    reactivation_seconds: NotNegative = Field(
        default=5.0, description="Seconds that a lost track can be re-activated by appearance; needs images."
    )
    min_reactivation_appearance: Share = Field(
        default=0.7,
        description="Lowest appearance similarity of a track missed for a quarter of a second or more, 0 to 1.",
    )
    min_confirm_frames: Positive = Field(
        default=3,
        description="Successive frames after which a track is confirmed; its first poses are then output too. A "
        "shorter source needs only its own frames.",
    )
    lookback_seconds: NotNegative = Field(
        default=0.3,
        description="Seconds before the start of a confirmed track in which its person is looked for among poses with "
        "lower scores; delays the output and holds as many more images in memory, 0 for none.",
    )
    speed_factor: AboveZero | None = Field(
        default=None,
        description="Speed of the video over that of life, such as 0.125 for 240 frames a second stored as 30; null "
        "for what a linked file states, else 1.",
    )
    flow: FlowSettings = FlowSettings()

    @property
    def needs_appearance(self) -> bool:
        """Whether the tracker uses appearance embeddings."""
        return bool(self.weights.appearance or self.reactivation_seconds)

    @property
    def needs_second_peaks(self) -> bool:
        """Whether the tracker uses second peaks of heatmaps."""
        return self.flow.second_peaks and self.flow.method != "none"

    @model_validator(mode="after")
    def _has_cue(self) -> TrackerSettings:
        if not any(self.weights.model_dump().values()):
            raise ValueError("tracker.weights are all 0; give at least one cue a weight")
        return self


class LinkSettings(BaseSettings):
    """The settings of `pose-track link`."""

    tracker: TrackerSettings = TrackerSettings()
