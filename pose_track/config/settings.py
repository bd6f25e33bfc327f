"""The settings of the commands that run networks: one frozen class per stage, read from YAML and dotted options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, NotNegative, Positive, Share
from pose_track.config.people import PeopleSettings
from pose_track.config.skeletons import OptionalSkeletonSetting
from pose_track.config.tracker import TrackerSettings

BUNDLED = "bundled"
GRAPH_SUFFIXES = (".onnx", ".xml")
DEFAULT_PRESET = "fast"
PRESETS = ("fast", "balanced", "accurate", "feet", "wholebody", "crowd", "posetrack")
TRACK_PRESETS = ("fast", "robust", "simple_baselines")


DeviceName = Literal["auto", "cpu", "cuda", "mps", "xpu", "tensorrt", "coreml", "directml"]


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


DetectorName = Literal[
    "compact", "fasterrcnn_resnet50_fpn_v2", "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn", "fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn", "recorded",
]  # fmt: skip


Pixels = Literal["rgb_imagenet", "bgr_imagenet", "rgb_unit", "rgb_255", "bgr_255"]
_PIXELS = (
    "Pixels that a graph (ONNX or OpenVINO file) takes: the order of the channels, and values normalised as for "
    "ImageNet, 0 to 1 (unit), or 0 to 255; null for those usual with what it returns."
)


class DetectorSettings(BaseSettings):
    """The person detector.

    pixels, resize, input_size and person_class are of detectors that are graphs, ONNX or OpenVINO files.
    """

    name: DetectorName = Field(
        default="compact",
        description="Network: the bundled one (compact) or one of torchvision's; or recorded, boxes from a file.",
    )
    weights: str | None = Field(
        default=None,
        description="Weights file; null for the bundled (compact) or torchvision's published weights. Or a detector of "
        "its own: the name of a published one (pose-track weights list), an ONNX or OpenVINO file.",
    )
    pixels: Pixels | None = Field(default=None, description=_PIXELS)
    resize: Literal["letterbox", "stretch"] | None = Field(
        default=None,
        description="How an image fits into a graph's input: on a grey canvas, or stretched; null for the usual one.",
    )
    input_size: tuple[Positive, Positive] | None = Field(
        default=None,
        description="Width and height of a graph's input in pixels, multiples of 32; null for those that it states.",
    )
    person_class: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The class of people among a graph's; null for 0, as of COCO's 80 classes."
    )
    boxes: Path | None = Field(default=None, description="JSON file of boxes, for the detector recorded only.")
    long_side: Annotated[int, Field(ge=64, le=4096)] = Field(
        default=384, description="Pixels to which the longer side of the image is scaled (compact only)."
    )
    min_score: Share = Field(default=0.58, description="Score below which a box is dropped, 0 to 1.")
    max_iou: Share = Field(
        default=0.5, description="Non-maximum suppression: highest IoU of two boxes that are both kept."
    )
    every: Positive = Field(
        default=1,
        description="The detector runs on every n-th frame; optical flow follows people on the frames between.",
    )

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
        if self.weights is not None and Path(self.weights).suffix.lower() in GRAPH_SUFFIXES and self.name != "compact":
            raise ValueError(f"{self.weights!r} is a detector of its own; leave detector.name {self.name} out")
        if self.weights == BUNDLED and self.name != "compact":
            raise ValueError(f"{self.name} has no bundled weights; leave detector.weights out, or give a file")
        return self


class PoseSettings(BaseSettings):
    """The keypoint network and the decoding of its heatmaps.

    skeleton, heatmap_type, input_size and sigma are needed only where the weights file does not state them, and may not
    contradict it. pixels and beta are of graphs, ONNX or OpenVINO files of others.
    """

    weights: str = Field(
        default=BUNDLED,
        description="bundled, the name of published weights (pose-track weights list), a weights file, an ONNX file "
        "written by pose-track export, or an ONNX or OpenVINO file of others.",
    )
    pixels: Pixels | None = Field(default=None, description=_PIXELS)
    beta: AboveZero | None = Field(
        default=None,
        description="SimCC graphs only: joint scores are probabilities, with the softmax of the logits times beta and "
        "sigma (150 for RTMW in MMPose); null for the height of the logits.",
    )
    skeleton: OptionalSkeletonSetting = Field(
        default=None,
        description="Joints that the network was trained for, the name of a skeleton or a YAML file; null to read them "
        "from the weights.",
    )
    heatmap_type: Literal["gaussian", "dark", "udp"] | None = Field(
        default=None,
        description="Heatmaps in training: peaks on the nearest cell (gaussian), at the exact place (dark), or exact "
        "and in unbiased crops (udp); null to read it from the weights.",
    )
    input_size: tuple[Positive, Positive] | None = Field(
        default=None,
        description="Width and height of a crop in pixels, multiples of 32; null to read them from the weights.",
    )
    sigma: AboveZero | None = Field(
        default=None,
        description="Deviation of the heatmap peaks in heatmap cells, or of SimCC's in bins; null to read it from the "
        "weights, or the usual one.",
    )
    decoding: Literal["quarter_offset", "dark", "udp", "soft_argmax"] | None = Field(
        default=None,
        description="How joints are read from heatmaps: a quarter-cell offset, a fit to the logarithm (dark, udp), or "
        "the mean around the peak (soft_argmax); null for the one that fits heatmap_type.",
    )
    joints: OptionalSkeletonSetting = Field(
        default=None, description="Skeleton to which poses are converted, like skeleton; null for the network's own."
    )
    padding: Annotated[float, Field(ge=1, le=3)] = Field(
        default=1.25, description="Size of a crop as a multiple of the person's box."
    )
    scales: Annotated[tuple[Annotated[float, Field(ge=0.5, le=2)], ...], Field(min_length=1)] = Field(
        default=(1.0,), description="Multiples of the crop size whose heatmaps are averaged."
    )
    flip_test: bool = Field(default=False, description="Average the heatmaps with those of the mirrored crop.")
    max_oks: Share = Field(
        default=0.7, description="OKS non-maximum suppression: highest OKS of two poses that are both kept."
    )
    max_batch: Positive = Field(default=16, description="Crops in one forward pass, at most.")

    @model_validator(mode="after")
    def _size_fits_network(self) -> PoseSettings:
        if self.input_size is not None and any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        return self


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


class RuntimeSettings(BaseSettings):
    """What runs the keypoint network and the bundled detector."""

    name: Literal["auto", "torch", "openvino", "onnx"] = Field(
        default="auto",
        description="Library; auto is OpenVINO on a CPU where it is installed, else PyTorch, and ONNX Runtime for an "
        "exported network.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Type the networks calculate in; auto is bfloat16 on a GPU and on a CPU that has it, else float32.",
    )


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


class CocoPoseSettings(PoseSettings):
    """The keypoint network; the defaults are those of published measurements."""

    flip_test: bool = Field(default=True, description="Average the heatmaps with those of the mirrored crop.")
    max_oks: Share = Field(
        default=0.9, description="OKS non-maximum suppression: highest OKS of two poses that are both kept."
    )
    max_batch: Positive = Field(default=32, description="Crops in one forward pass, at most.")


class CocoSettings(BaseSettings):
    """The settings of `pose-track evaluate-coco`."""

    device: DeviceName = Field(default="auto", description="Where the network runs, as in the settings of track.")
    runtime: RuntimeSettings = RuntimeSettings()
    pose: CocoPoseSettings = CocoPoseSettings()
