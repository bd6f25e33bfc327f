"""The settings of the main job: frozen, one class for each stage, read from YAML, overridden by dotted keys.

Every value is checked when settings are made; what is wrong is said in one line that names the key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive, Share
from pose_track.config.tracker import TrackerSettings

BUNDLED = "bundled"
DEFAULT_PRESET = "fast"
PRESETS = ("accurate", "balanced", "fast", "posetrack")
TRACK_PRESETS = ("fast", "robust", "simple_baselines")


class SourceSettings(BaseSettings):
    """How frames are read.

    decoder: of video files, PyAV or decord. image_fps: frames per second of pictures; a video has its own.
    """

    decoder: Literal["pyav", "decord"] = "pyav"
    image_fps: AboveZero = 25.0


class ReaderSettings(SourceSettings):
    """Which frames are read.

    start_seconds, end_seconds: the part of the video, null for all of it. stride: every so-manieth frame.
    """

    start_seconds: NotNegative | None = None
    end_seconds: AboveZero | None = None
    stride: Positive = 1

    @model_validator(mode="after")
    def _ends_after_start(self) -> ReaderSettings:
        if self.end_seconds is not None and self.end_seconds <= (self.start_seconds or 0.0):
            start = self.start_seconds or 0.0
            raise ValueError(f"reader.end_seconds {self.end_seconds} must be after reader.start_seconds {start}")
        return self


DetectorName = Literal[
    "compact", "fasterrcnn_resnet50_fpn_v2", "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn", "fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn", "recorded",
]  # fmt: skip
SkeletonName = Literal["posetrack_15", "coco_17", "posetrack18_17", "mpii_16", "lsp_14"]


class DetectorSettings(BaseSettings):
    """Where the boxes of people come from.

    name: the bundled network, one of torchvision's, or boxes recorded in a file. weights: a file of the network's
    weights; null for the bundled ones (compact) or torchvision's published ones, downloaded once. boxes: the file of
    recorded boxes. long_side: pixels to which the picture's longer side is brought (compact only). min_score: a box
    must be at least this sure. max_iou: of two boxes that overlap more, the better stays (not for recorded ones).
    every: people are looked for in every so-manieth frame; between them the optical flow follows those who are known.
    """

    name: DetectorName = "compact"
    weights: str | None = None
    boxes: Path | None = None
    long_side: Annotated[int, Field(ge=64, le=4096)] = 384
    min_score: Share = 0.37
    max_iou: Share = 0.5
    every: Positive = 1

    @model_validator(mode="after")
    def _files_fit_name(self) -> DetectorSettings:
        if self.name == "recorded" and self.boxes is None:
            raise ValueError("detector.name recorded needs detector.boxes, the file that holds the boxes")
        if self.name != "recorded" and self.boxes is not None:
            raise ValueError(
                f"detector.boxes has no effect on {self.name}; leave it out, or set detector.name recorded"
            )
        if self.name == "recorded" and self.weights is not None:
            raise ValueError("detector.weights has no effect on recorded boxes; leave it out")
        if self.weights == BUNDLED and self.name != "compact":
            raise ValueError(f"{self.name} has no bundled weights; leave detector.weights out, or give a file")
        return self


class PoseSettings(BaseSettings):
    """The keypoint network and what is made of its heatmaps.

    weights: "bundled", a published network by its name (`pose-track weights list`), a file of weights, or a network
    that was exported to ONNX. What the weights themselves tell need not be given, and cannot be contradicted: skeleton,
    the joints they were trained for; kind, how: with Gaussians on the nearest cell (plain), at the exact place (dark),
    or so in unbiased crops (udp); they also tell input_size, w, h of a crop in pixels, multiples of 32, and sigma, of
    the Gaussians in cells, null for a 128th of the input's height. decoding: how joints are read from heatmaps, to a
    quarter of a cell (plain), where the map's logarithm is highest (dark, udp), or at the centre of what is around the
    highest cell (soft_argmax); null for the kind's own. joints: a skeleton to which the poses are converted, null for
    the network's own. padding: how much larger than the box a crop is. scales: crops so many times larger than that are
    averaged. flip_test: average with the mirrored crop. max_oks: of two poses more alike, the better stays. max_batch:
    crops run at once.
    """

    weights: str = BUNDLED
    skeleton: SkeletonName | None = None
    kind: Literal["plain", "dark", "udp"] | None = None
    input_size: tuple[Positive, Positive] | None = None
    sigma: AboveZero | None = None
    decoding: Literal["plain", "dark", "udp", "soft_argmax"] | None = None
    joints: SkeletonName | None = None
    padding: Annotated[float, Field(ge=1, le=3)] = 1.25
    scales: Annotated[tuple[Annotated[float, Field(ge=0.5, le=2)], ...], Field(min_length=1)] = (1.0,)
    flip_test: bool = False
    max_oks: Share = 0.7
    max_batch: Positive = 16

    @model_validator(mode="after")
    def _size_fits_network(self) -> PoseSettings:
        if self.input_size is not None and any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        return self


class OutputSettings(BaseSettings):
    """What is written beside the records. render: the annotated video. min_joint_score: joints drawn there."""

    render: bool = True
    min_joint_score: Share = 0.3


class StageSettings(BaseSettings):
    """What a frame passes through.

    device: where networks run; "auto" is a GPU where there is one. runtime: what runs the keypoint network and the
    bundled detector; "auto" is OpenVINO on a CPU where it is installed, else PyTorch, which runs all other networks,
    and ONNX Runtime for an exported keypoint network.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    runtime: Literal["auto", "torch", "openvino", "onnx"] = "auto"
    detector: DetectorSettings = DetectorSettings()
    pose: PoseSettings = PoseSettings()
    tracker: TrackerSettings = TrackerSettings()

    @model_validator(mode="after")
    def _followed_between(self) -> StageSettings:
        gap, flow = self.detector.every - 1, self.tracker.flow
        if gap and (flow.method == "none" or flow.max_frames < gap):
            raise ValueError(
                f"detector.every {gap + 1} needs people followed for {gap} frames; give tracker.flow.method another "
                f"value than none and tracker.flow.max_frames {gap} or more"
            )
        return self


class Settings(StageSettings):
    """Everything the main job can be told."""

    reader: ReaderSettings = ReaderSettings()
    output: OutputSettings = OutputSettings()


class SubmissionSettings(BaseSettings):
    """What is left out of what PoseTrack's tracking figures are measured on; its AP is measured on everything.

    min_person_score: people below it, before they are linked. min_joint_score: joints below it, afterwards.
    """

    min_person_score: Share = 0.2
    min_joint_score: Share = 0.35


class PoseTrackSettings(StageSettings):
    """Everything the benchmark can be told."""

    reader: SourceSettings = SourceSettings()
    submission: SubmissionSettings = SubmissionSettings()

    @model_validator(mode="after")
    def _detects(self) -> PoseTrackSettings:
        if self.detector.name == "recorded":
            raise ValueError("detector.name recorded has boxes of one video only; choose a network")
        return self
