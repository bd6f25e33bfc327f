"""The settings of a training run, without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pose_track.config.base import AboveZero, BaseSettings, Positive
from pose_track.config.fields import flatten
from pose_track.config.skeletons import SkeletonSetting
from pose_track.datasets.detection import DetectionAugmentation
from pose_track.datasets.load import LabelFormat
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.centre_boxes import SIZE_MULTIPLE
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.metadata import pose_metadata
from pose_track.models.network_config import NetworkName
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training.options import LoopOptions, OptimizerOptions

Metric = Literal["coco", "pckh", "pck"]
NotNegativeInt = Annotated[int, Field(ge=0)]

_LOCAL_KEYS = frozenset({
    "annotations", "images", "format", "cutouts", "val", "init_weights", "init_trunk", "model",
    "epochs", "evaluate_every", "checkpoint_seconds", "workers", "on_broken",
    "device", "devices", "nodes", "compile", "threads",
})  # fmt: skip


class CocoSource(BaseSettings):
    """COCO-format annotations and their images."""

    annotations: Path = Field(description="Annotation file in COCO format.")
    images: Path = Field(description="Folder, zip file or uncompressed tar file that image names are relative to.")


class DataSource(CocoSource):
    """Annotations in any supported format and their images."""

    annotations: Path = Field(description="Annotation file; for PoseTrack also a folder of files.")
    format: LabelFormat = Field(
        default="auto", description="Format of the annotations; auto identifies it by content. The detector needs coco."
    )


class TrainSource(DataSource):
    """Annotations and images to train on."""

    weight: AboveZero = Field(default=1.0, description="How often an epoch contains each sample, on average.")
    sources: tuple[str, ...] = Field(
        default=(), description="Only images of these collections, by the key source of an image; empty for all."
    )


class PoseTrainingConfig(BaseSettings):
    """The keypoint network and its training samples."""

    network: NetworkName = Field(default="hrnet_compact", description="Network architecture.")
    skeleton: SkeletonSetting = Field(
        default=POSETRACK_15,
        description="Joints, to which the data's are mapped by name: a skeleton's name, a YAML file with a skeleton of "
        "your own, relative to the config, or its content.",
    )
    input_size: tuple[Positive, Positive] = Field(
        default=(128, 192), description="Width and height of a crop in pixels, multiples of 32."
    )
    heatmap_type: HeatmapType = Field(
        default="gaussian",
        description="Target heatmaps: peaks on the nearest cell (gaussian), at the exact place (dark), or exact and in "
        "unbiased crops (udp).",
    )
    sigma: AboveZero = Field(default=2.0, description="Standard deviation of the heatmap peaks, in heatmap cells.")
    loss: Literal["mse", "ohkm"] = Field(
        default="mse",
        description="Half the squared error as published (mse), or that of each person's eight worst joints (ohkm).",
    )
    use_joint_weights: bool = Field(
        default=False, description="Weight elbows, wrists, knees and ankles higher, as the published code can."
    )
    augmentation: PoseAugmentation = Field(default=PoseAugmentation(), description="Augmentation of the crops.")
    cutouts: CocoSource | None = Field(
        default=None, description="COCO-format people with masks to paste, for augmentation.paste_chance."
    )
    metric: Metric | None = Field(default=None, description="Validation metric; null for the usual one of the data.")
    flip_test: bool = Field(default=False, description="Average with the mirrored crop in the validation.")

    @property
    def codec(self) -> Codec:
        """The encoding and decoding of the network's heatmaps."""
        return Codec(self.heatmap_type, self.input_size, self.sigma)

    @model_validator(mode="after")
    def _sizes_fit(self) -> PoseTrainingConfig:
        if any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        _check_cutouts("pose", self.cutouts, self.augmentation.paste_chance)
        return self


class TeacherConfig(BaseSettings):
    """A published detector whose features ours imitates while it is trained."""

    model: Path = Field(
        description="Its ONNX file, or .xml file of OpenVINO's format; its input is a normalised RGB image, as ours."
    )
    features: tuple[str, str, str, str] = Field(description="Names of its tensors at strides 8, 16, 32 and 64.")
    weight: AboveZero = Field(default=2.0, description="Weight of the imitation beside the loss of the boxes.")


class DetectorTrainingConfig(BaseSettings):
    """The person detector and its training samples."""

    canvas: Positive = Field(default=320, description="Side of a square training image in pixels, a multiple of 64.")
    long_side: Positive = Field(default=416, description="Longer side of an image in the validation, in pixels.")
    augmentation: DetectionAugmentation = Field(
        default=DetectionAugmentation(), description="Augmentation of the training images."
    )
    cutouts: CocoSource | None = Field(
        default=None, description="COCO-format people with masks to paste, for augmentation.paste_chance."
    )

    teacher: TeacherConfig | None = Field(default=None, description="A published detector to imitate; null for none.")

    @model_validator(mode="after")
    def _canvas_fits(self) -> DetectorTrainingConfig:
        if self.canvas % SIZE_MULTIPLE:
            raise ValueError(f"detector.canvas must be a multiple of {SIZE_MULTIPLE}, got {self.canvas}")
        _check_cutouts("detector", self.cutouts, self.augmentation.paste_chance)
        return self


def _check_cutouts(section: str, cutouts: CocoSource | None, paste_chance: float) -> None:
    if (cutouts is not None) != (paste_chance > 0):
        raise ValueError(
            f"{section}.cutouts and {section}.augmentation.paste_chance need each other; give both, or neither"
        )


class HardwareSettings(BaseSettings):
    """Devices and processes of a run. A launcher (torchrun, fabric run) sets devices and nodes itself."""

    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Device; auto is a GPU if there is one.")
    devices: NotNegativeInt = Field(default=0, description="Devices of a machine; 0 for all GPUs or one CPU process.")
    nodes: Positive = Field(default=1, description="Number of machines.")
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        default="auto", description="Precision of the network; auto is bfloat16 on a GPU and float32 on a CPU."
    )
    sync_batch_norm: bool = Field(default=False, description="Batch-norm statistics over the samples of all processes.")
    compile: bool = Field(default=False, description="Compile the network with torch.compile.")
    threads: NotNegativeInt = Field(default=0, description="CPU threads of each process; 0 for all cores.")


class TrainingConfig(BaseSettings):
    """A training run. Of the sections pose and detector, only that of the task may be given."""

    task: Literal["pose", "detector"] = Field(description="The network to train.")
    train: Annotated[tuple[TrainSource, ...], Field(min_length=1)] = Field(
        description="Training data: a list of {annotations, images, format, weight}."
    )
    val: DataSource = Field(description="Validation data.")
    init_weights: Path | None = Field(
        default=None, description="Initial weights: a file or the name of published ones; null for random weights."
    )
    init_trunk: Path | None = Field(
        default=None,
        description="Initial weights of all but the last layer, such as those of ImageNet; like init_weights.",
    )
    pose: PoseTrainingConfig = Field(default=PoseTrainingConfig(), description="The keypoint network.")
    detector: DetectorTrainingConfig = Field(default=DetectorTrainingConfig(), description="The person detector.")
    optimizer: OptimizerOptions = Field(default=OptimizerOptions(), description="The optimizer.")
    loop: LoopOptions = Field(description="The training loop.")
    hardware: HardwareSettings = Field(default=HardwareSettings(), description="Devices and processes.")

    @model_validator(mode="after")
    def _no_setting_without_effect(self) -> TrainingConfig:
        other = self._other_task
        if other in self.model_fields_set:
            raise ValueError(f"{other} has no effect on task {self.task}; leave that section out")
        if self.init_trunk is not None and (self.init_weights is not None or self.task == "detector"):
            raise ValueError("init_trunk needs task pose and no init_weights; leave one out")
        formats = [source.format for source in (*self.train, self.val) if source.format not in ("auto", "coco")]
        if self.task == "detector" and formats:
            raise ValueError(f"the detector is trained on COCO-format boxes, not on {formats[0]}; leave format out")
        return self

    @property
    def _other_task(self) -> str:
        return "detector" if self.task == "pose" else "pose"

    def all_settings(self) -> dict[str, Any]:
        """All settings of the task as nested plain values, as in a settings file."""
        return self.model_dump(mode="json", exclude={self._other_task})

    def result_settings(self) -> dict[str, Any]:
        """The settings that determine the result of a run, by dotted key.

        File locations, hardware, logging and the length of the run are left out.
        """
        values = flatten(self.all_settings())
        return {key: value for key, value in values.items() if not _LOCAL_KEYS & set(key.split("."))}

    def metadata(self) -> dict[str, str]:
        """The metadata of the trained keypoint network's file, which state how to use it; empty for a detector."""
        return pose_metadata(self.pose.network, self.pose.skeleton, self.pose.codec) if self.task == "pose" else {}
