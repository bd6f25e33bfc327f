"""The settings of each command that runs networks, read from YAML and dotted options: one frozen class per stage."""

from __future__ import annotations

from pydantic import Field, model_validator

from pose_track.config.base import BaseSettings, Share
from pose_track.config.networks import CocoPoseSettings, DetectorSettings, DeviceName, PoseSettings, RuntimeSettings
from pose_track.config.output import EncodingSettings, OutputSettings, StyleSettings
from pose_track.config.people import PeopleSettings
from pose_track.config.sources import ReaderSettings, SourceSettings, StreamSettings
from pose_track.config.tracker import TrackerSettings

DEFAULT_PRESET = "fast"
PRESETS = ("fast", "balanced", "accurate", "feet", "wholebody", "crowd", "posetrack")
TRACK_PRESETS = ("fast", "robust", "simple_baselines")


class StageSettings(BaseSettings):
    """What runs the networks, and the stages that a frame passes through."""

    device: DeviceName = Field(
        default="auto",
        description="Where the networks run: cpu, a GPU by PyTorch (cuda, mps, xpu) or ONNX Runtime (cuda, tensorrt, "
        "coreml, directml); auto is cuda where there is such a GPU.",
    )
    runtime: RuntimeSettings = RuntimeSettings()
    detector: DetectorSettings = DetectorSettings()
    pose: PoseSettings = PoseSettings()
    tracker: TrackerSettings = TrackerSettings()

    @model_validator(mode="after")
    def _flow_spans_detection_interval(self) -> StageSettings:
        gap, flow = self.detector.every - 1, self.tracker.flow
        if gap and (flow.method == "none" or flow.max_frames < gap):
            raise ValueError(
                f"detector.every {gap + 1} needs people followed for {gap} frames; give tracker.flow.method another "
                f"value than none and tracker.flow.max_frames {gap} or more"
            )
        return self

    @model_validator(mode="after")
    def _flow_spans_pose_interval(self) -> StageSettings:
        if self.pose.every > 1 and self.tracker.flow.method == "none":
            raise ValueError(
                f"pose.every {self.pose.every} needs a flow; give tracker.flow.method another value than none"
            )
        if self.pose.every > 1 and self.detector.every > 1:
            raise ValueError(
                f"pose.every {self.pose.every} needs boxes in each frame, into which the flow carries the poses; give "
                f"detector.every 1, or pose.every 1: between the frames of detector.every {self.detector.every} "
                "everybody is estimated"
            )
        return self


class Settings(StageSettings):
    """The settings of `pose-track track`."""

    reader: ReaderSettings = ReaderSettings()
    stream: StreamSettings = StreamSettings()
    people: PeopleSettings = PeopleSettings()
    output: OutputSettings = OutputSettings()
    style: StyleSettings = StyleSettings()

    @model_validator(mode="after")
    def _fits_mp4(self) -> Settings:
        if self.output.render and self.style.background == "transparent":
            raise ValueError(
                "style.background transparent does not fit into annotated.mp4; use pose-track render with a .mov or "
                ".webm, or --no-render"
            )
        if self.output.codec == "prores":
            raise ValueError("output.codec prores does not fit into annotated.mp4; use pose-track render with a .mov")
        return self

    @model_validator(mode="after")
    def _privacy_of_everybody(self) -> Settings:
        if self.style.privacy != "none" and self.people != PeopleSettings():
            raise ValueError(
                f"style.privacy {self.style.privacy} would leave people recognisable whom people.max_people or "
                "people.region leaves out; give one or the other"
            )
        return self


class RenderSettings(BaseSettings):
    """The settings of `pose-track render`."""

    reader: SourceSettings = SourceSettings()
    output: EncodingSettings = EncodingSettings()
    style: StyleSettings = StyleSettings()


class SubmissionSettings(BaseSettings):
    """Score thresholds of the tracking metrics; AP is measured on all poses."""

    min_person_score: Share = Field(
        default=0.38, description="Person score below which a pose is dropped before tracking."
    )
    min_joint_score: Share = Field(default=0.48, description="Score below which a joint is dropped after tracking.")


class PoseTrackSettings(StageSettings):
    """The settings of `pose-track posetrack`."""

    reader: SourceSettings = SourceSettings()
    submission: SubmissionSettings = SubmissionSettings()

    @model_validator(mode="after")
    def _detects(self) -> PoseTrackSettings:
        if self.detector.name == "recorded":
            raise ValueError("detector.name recorded holds the boxes of one video only; choose a network")
        return self


class CocoSettings(BaseSettings):
    """The settings of `pose-track evaluate-coco`."""

    device: DeviceName = Field(default="auto", description="Where the network runs, as in the settings of track.")
    runtime: RuntimeSettings = RuntimeSettings()
    pose: CocoPoseSettings = CocoPoseSettings()
