"""The settings of one training run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pose_track.config.base import BaseSettings, Positive
from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.people import BoxAugmentation
from pose_track.datasets.readers import LabelFormat
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.centre_boxes import SIZE_MULTIPLE
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Kind
from pose_track.training.optimizer import OptimizerOptions
from pose_track.training.validation import Metric
from pose_track.weights.metadata import pose_metadata


class CocoSource(BaseSettings):
    """Labels in COCO's format, and a folder, zip or tar file of pictures that the names there are relative to."""

    annotations: Path
    images: Path


class DataSource(CocoSource):
    """annotations: a file, or for PoseTrack a folder of files. format: theirs; "auto" tells it by their content, and
    the detector's must be COCO's."""

    format: LabelFormat = "auto"


class TrainSource(DataSource):
    """weight: how often an epoch has each of the samples, on average."""

    weight: Annotated[float, Field(gt=0)] = 1.0


class PoseTrainingConfig(BaseSettings):
    """A keypoint network and its training samples.

    network: its form. skeleton: its joints, to which those of the data are mapped by name. input_size: w h of a crop in
    pixels. target: kind of the heatmaps; sigma: their deviation in cells. loss: half the squared error as published
    (mse), that of each person's eight worst joints (ohkm), or the cross-entropy of a map's softmax. weigh_joints:
    whether hard joints count more, as in the published code where switched on. cutouts: people with masks, for
    augmentation.paste_chance. metric: of validation, null for the usual one of the data; flip_test: there.
    """

    network: Literal["hrnet_compact", "hrnet_w32", "hrnet_w48"] = "hrnet_compact"
    skeleton: Literal["posetrack_15", "coco_17", "posetrack18_17", "mpii_16", "lsp_14"] = "posetrack_15"
    input_size: tuple[Positive, Positive] = (128, 192)
    target: Kind = "plain"
    sigma: Annotated[float, Field(gt=0)] = 2.0
    loss: Literal["mse", "ohkm", "cross_entropy"] = "mse"
    weigh_joints: bool = False
    augmentation: PoseAugmentation = PoseAugmentation()
    cutouts: CocoSource | None = None
    metric: Metric | None = None
    flip_test: bool = False

    @property
    def codec(self) -> Codec:
        """How the network's heatmaps are made and read."""
        return Codec(self.target, self.input_size, self.sigma, logits=self.loss == "cross_entropy")

    @model_validator(mode="after")
    def _sizes_fit(self) -> PoseTrainingConfig:
        if any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        _check_cutouts("pose", self.cutouts, self.augmentation.paste_chance)
        return self


class DetectorTrainingConfig(BaseSettings):
    """The person detector and its training samples.

    canvas: side of a training picture, long_side: longer side of a picture in validation, both in pixels. cutouts:
    people with masks, for augmentation.paste_chance.
    """

    canvas: Positive = 320
    long_side: Positive = 416
    augmentation: BoxAugmentation = BoxAugmentation()
    cutouts: CocoSource | None = None

    @model_validator(mode="after")
    def _canvas_fits(self) -> DetectorTrainingConfig:
        if self.canvas % SIZE_MULTIPLE:
            raise ValueError(f"detector.canvas must be a multiple of {SIZE_MULTIPLE}, got {self.canvas}")
        _check_cutouts("detector", self.cutouts, self.augmentation.paste_chance)
        return self


def _check_cutouts(section: str, cutouts: CocoSource | None, paste_chance: float) -> None:
    if (cutouts is not None) != (paste_chance > 0):
        raise ValueError(
            f"{section}.cutouts and {section}.augmentation.paste_chance work together; give both, or neither"
        )


class Hardware(BaseSettings):
    """What the run is made on.

    device: "auto" is a GPU where there is one. devices: of a machine, 0 for all GPUs or one CPU process; nodes:
    machines; a launcher (torchrun, fabric run) decides both itself. precision: of the network, "auto" is bfloat16 on a
    GPU and float32 on a CPU. share_batch_norm: whether batch-norms see the samples of all processes. compile: whether
    PyTorch compiles the network. threads: of the CPU for each process, 0 for all.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: Annotated[int, Field(ge=0)] = 0
    nodes: Positive = 1
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    share_batch_norm: bool = False
    compile: bool = False
    threads: Annotated[int, Field(ge=0)] = 0


class TrainingConfig(BaseSettings):
    """One training run.

    task: which network. train: data to learn from, one or more; val: to measure with. init_weights: a file the whole
    network starts from, or the name of published weights; init_trunk: one that all but its last layer starts from, such
    as a network trained on ImageNet; null for random weights. pose, detector: of which only the one of the task may be
    given.
    """

    task: Literal["pose", "detector"]
    train: Annotated[tuple[TrainSource, ...], Field(min_length=1)]
    val: DataSource
    init_weights: Path | None = None
    init_trunk: Path | None = None
    pose: PoseTrainingConfig = PoseTrainingConfig()
    detector: DetectorTrainingConfig = DetectorTrainingConfig()
    optimizer: OptimizerOptions = OptimizerOptions()
    loop: LoopOptions
    hardware: Hardware = Hardware()

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> TrainingConfig:
        other = "detector" if self.task == "pose" else "pose"
        if other in self.model_fields_set:
            raise ValueError(f"{other} has no effect on task {self.task}; leave that section out")
        if self.init_trunk is not None and (self.init_weights is not None or self.task == "detector"):
            raise ValueError("init_trunk is for task pose, and not beside init_weights; leave one out")
        wrong = [s.format for s in (*self.train, self.val) if s.format not in ("auto", "coco")]
        if self.task == "detector" and wrong:
            raise ValueError(f"the detector learns from COCO-format boxes, not from {wrong[0]}; leave format out")
        return self

    def course(self) -> dict[str, Any]:
        """The settings that decide what a run computes, flat; not where its files are, what it runs on and how long."""
        local = {"annotations", "images", "format", "evaluate_every", "checkpoint_seconds", "workers", "cutouts"}
        local |= {"device", "devices", "nodes", "compile", "threads", "val", "on_broken"}
        local |= {"epochs", "init_weights", "init_trunk"}
        other = "detector" if self.task == "pose" else "pose"
        return dict(_flat("", self.model_dump(mode="json", exclude={other}), local))

    def notes(self) -> dict[str, str]:
        """What the file of the trained keypoint network says of itself, so that it can be used as it is; nothing of a
        detector."""
        of_pose = self.task == "pose"
        return pose_metadata(self.pose.network, self.pose.skeleton, self.pose.codec) if of_pose else {}


def _flat(prefix: str, value: Any, without: set[str]) -> list[tuple[str, Any]]:
    """Nested mappings and lists as (dotted key, value), but for the keys in `without`."""
    if isinstance(value, dict):
        items = [(key, inner) for key, inner in value.items() if key not in without]
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        items = [(str(number), inner) for number, inner in enumerate(value)]
    else:
        return [(prefix, value)]
    return [pair for key, inner in items for pair in _flat(f"{prefix}.{key}" if prefix else key, inner, without)]


@dataclass(frozen=True)
class LoopOptions:
    """How long to train, and what to do on the way.

    epochs: how often the whole run sees the data. batch_size: samples of one step, of all processes together.
    accumulate: parts a process makes of its share of a step, to fit into memory. clip_norm: longest gradient, null for
    any. ema_decay: of the averaged weights, per step, reached by and by; 0 keeps the last weights. evaluate_every: in
    epochs. checkpoint_seconds: time between two checkpoints. on_nonfinite: whether a loss or gradient that is not
    finite stops the run or costs that step only. on_broken: whether a picture that is missing or broken stops the run,
    or another one stands in. workers: processes that prepare batches, 0 for none. seed: of the first weights, the order
    and the augmentation. Raises ValueError for values out of range.
    """

    epochs: float
    batch_size: int = 32
    accumulate: int = 1
    clip_norm: float | None = 1.0
    ema_decay: float = 0.998
    evaluate_every: float = 1.0
    checkpoint_seconds: float = 120.0
    on_nonfinite: Literal["stop", "skip"] = "stop"
    on_broken: OnBroken = "stop"
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "evaluate_every", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        for name in ("checkpoint_seconds", "seed", "workers"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)!r}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, got {self.ema_decay!r}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} must be a multiple of accumulate, {self.accumulate}")
