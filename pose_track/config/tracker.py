"""The settings of the tracker: how people are recognised from frame to frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive, Share


class CueWeights(BaseSettings):
    """How much each cue counts in the similarity of a tracked person and a new pose; see pose_track/track/cues.py.

    oks: of the last pose, where it was. flow: of the poses of the last frames, carried along the optical flow. motion:
    of the last pose, where it should be by now. iou: overlap of the boxes. appearance: of the network's features at the
    joints. Where weights are given, what they do not name is 0.
    """

    oks: NotNegative = 0.0
    flow: NotNegative = 0.0
    motion: NotNegative = 0.0
    iou: NotNegative = 0.0
    appearance: NotNegative = 0.0


class CueGates(BaseSettings):
    """The least each cue must be, where it is known, for the same person in two frames; 0 for no such limit."""

    oks: Share = 0.0
    flow: Share = 0.0
    motion: Share = 0.0
    iou: Share = 0.0
    appearance: Share = 0.0


class FlowSettings(BaseSettings):
    """The optical flow, where there are pictures.

    method: DIS, sparse Lucas-Kanade at the joints, RAFT (wants a GPU), or none. weights: a file of RAFT's, null for
    torchvision's own, which are downloaded once. long_side: pixels to which the picture's longer side is reduced.
    warped_frames: of how many frames the poses are carried along, for the cue flow. max_frames: for how many frames in
    a row a person is followed where the detector finds nobody, 0 for not at all. min_score: least mean joint score of a
    pose found in that way.
    """

    method: Literal["none", "dis", "lk", "raft_small", "raft_large"] = "dis"
    weights: Path | None = None
    long_side: Annotated[int, Field(ge=64, le=4096)] = 384
    warped_frames: Positive = 3
    max_frames: Annotated[int, Field(ge=0)] = 30
    min_score: Share = 0.4

    @model_validator(mode="after")
    def _weights_fit_method(self) -> FlowSettings:
        if self.weights is not None and not self.method.startswith("raft"):
            raise ValueError(f"tracker.flow.weights has no effect on {self.method}; leave it out")
        return self


class TrackerSettings(BaseSettings):
    """How poses are linked.

    weights, gates: of the cues that make the similarity of the same person in two frames. widening: multiplies the
    deviations of OKS, which are those of annotators on one picture. matching: greedy or Hungarian. min_similarity:
    least of the same person. min_high_score: person score from which a pose is matched first. min_low_score_similarity:
    least similarity for the other poses. min_start_score: least person score that begins a track; only a sure pose
    does. buffer_seconds: how long a person may go unseen and still keep the id; reactivation_seconds: the same for a person
    who looks alike, by at least min_reactivation_appearance, where pictures are at hand, wherever they could have gone
    meanwhile. min_confirm_frames: a person is in the output, from the beginning, once seen in so many successive
    frames. flow: see there.
    """

    weights: CueWeights = CueWeights(flow=1.0, motion=1.0, appearance=2.0)
    gates: CueGates = CueGates()
    sigma_scale: AboveZero = 3.0
    matching: Literal["greedy", "hungarian"] = "hungarian"
    min_similarity: Share = 0.2
    min_high_score: Share = 0.25
    min_low_score_similarity: Share = 0.5
    min_start_score: Share = 0.25
    buffer_seconds: NotNegative = 2.0
    reactivation_seconds: NotNegative = 5.0
    min_reactivation_appearance: Share = 0.7
    min_confirm_frames: Positive = 3
    flow: FlowSettings = FlowSettings()

    @property
    def needs_appearance(self) -> bool:
        """Whether it makes a difference how people look."""
        return bool(self.weights.appearance or self.gates.appearance or self.reactivation_seconds)

    @model_validator(mode="after")
    def _has_cue(self) -> TrackerSettings:
        if not any(self.weights.model_dump().values()):
            raise ValueError("tracker.weights are all 0; give at least one cue a weight")
        return self


class LinkSettings(BaseSettings):
    """Everything that linking poses from files can be told."""

    tracker: TrackerSettings = TrackerSettings()
