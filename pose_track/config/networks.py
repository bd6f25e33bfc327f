"""The settings of the networks: the detector, the keypoint network, and what runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, Positive, Share
from pose_track.config.skeletons import OptionalSkeletonSetting

BUNDLED = "bundled"
GRAPH_SUFFIXES = (".onnx", ".xml")
DeviceName = Literal["auto", "cpu", "cuda", "mps", "xpu", "tensorrt", "coreml", "directml"]
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


class KeypointSettings(BaseSettings):
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
    def _size_fits_network(self) -> KeypointSettings:
        if self.input_size is not None and any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        return self


class PoseSettings(KeypointSettings):
    """The keypoint network on videos."""

    every: Positive = Field(
        default=1,
        description="Everybody is estimated on every n-th frame; on the frames between, optical flow moves the poses "
        "of people whom it follows surely.",
    )


class RuntimeSettings(BaseSettings):
    """What runs the keypoint network and the bundled detector."""

    name: Literal["auto", "torch", "openvino", "onnx"] = Field(
        default="auto",
        description="Library; auto is OpenVINO on a CPU where it is installed, else PyTorch, and ONNX Runtime for an "
        "exported network.",
    )
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description="Type the networks calculate in; auto is int8 for the bundled networks without flip test in "
        "OpenVINO on x86, otherwise bfloat16 on a GPU and on a CPU that has it, else float32.",
    )


class CocoPoseSettings(KeypointSettings):
    """The keypoint network; the defaults are those of published measurements."""

    flip_test: bool = Field(default=True, description="Average the heatmaps with those of the mirrored crop.")
    max_oks: Share = Field(
        default=0.9, description="OKS non-maximum suppression: highest OKS of two poses that are both kept."
    )
    max_batch: Positive = Field(default=32, description="Crops in one forward pass, at most.")
