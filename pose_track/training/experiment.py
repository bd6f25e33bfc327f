"""What one training run is: its settings, and the task they describe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from pose_track.build import NETWORKS
from pose_track.datasets.coco import load_boxes, load_people
from pose_track.datasets.images import ImageStore
from pose_track.datasets.people import BoxAugmentation, PeopleDataset
from pose_track.datasets.top_down import PoseAugmentation, TopDownDataset
from pose_track.models.centre import SIZE_MULTIPLE, centre_compact
from pose_track.models.weights import load_weights
from pose_track.settings import Positive, Section
from pose_track.skeleton import SKELETONS, Skeleton
from pose_track.training.loop import LoopOptions, SampleSource, Task
from pose_track.training.loss import centre_loss, joints_mse
from pose_track.training.tasks import detector_figures, pose_figures


class DataSource(Section):
    """A COCO-format annotation file and its pictures, a folder or a tar file."""

    annotations: Path
    images: Path


class PoseExperiment(Section):
    """A keypoint network's form, input w h in pixels, target deviation in cells, and augmentation."""

    network: Literal["hrnet_compact", "hrnet_w32", "hrnet_w48"] = "hrnet_compact"
    skeleton: Literal["posetrack_15", "coco_17", "posetrack18_17", "mpii_16", "lsp_14"] = "posetrack_15"
    input_size: tuple[Positive, Positive] = (128, 192)
    sigma: Annotated[float, Field(gt=0)] = 2.0
    augmentation: PoseAugmentation = PoseAugmentation()

    @model_validator(mode="after")
    def _sizes_fit(self) -> PoseExperiment:
        if any(side % 32 for side in self.input_size):
            raise ValueError(f"pose.input_size must be multiples of 32, got {list(self.input_size)}")
        return self


class DetectorExperiment(Section):
    """The side of a training canvas and the longer side of a picture in validation, in pixels, and augmentation."""

    canvas: Positive = 320
    long_side: Positive = 416
    augmentation: BoxAugmentation = BoxAugmentation()

    @model_validator(mode="after")
    def _canvas_fits(self) -> DetectorExperiment:
        if self.canvas % SIZE_MULTIPLE:
            raise ValueError(f"detector.canvas must be a multiple of {SIZE_MULTIPLE}, got {self.canvas}")
        return self


class Experiment(Section):
    """One training run.

    task: which network. train, val: data to learn from, one or more, and to measure with. init_weights: a file the
    network starts from, null for random ones. pose, detector: of which only the one of the task may be given.
    threads: of the CPU, 0 for all.
    """

    task: Literal["pose", "detector"]
    train: Annotated[tuple[DataSource, ...], Field(min_length=1)]
    val: DataSource
    init_weights: Path | None = None
    pose: PoseExperiment = PoseExperiment()
    detector: DetectorExperiment = DetectorExperiment()
    loop: LoopOptions
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _only_its_own_section(self) -> Experiment:
        other = "detector" if self.task == "pose" else "pose"
        if other in self.model_fields_set:
            raise ValueError(f"{other} has no effect on task {self.task}; leave that section out")
        return self


class Joined:
    """Several data sets, at least one, as one."""

    def __init__(self, parts: Sequence[SampleSource]):
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> NamedTuple:
        part = int(np.searchsorted(self.ends, index, side="right"))
        return self.parts[part][index - (int(self.ends[part - 1]) if part else 0)]

    def reseed(self, seed: int) -> None:
        """Restart the randomness of each part, each from its own seed."""
        for number, part in enumerate(self.parts):
            part.reseed(seed * 101 + number)


def build_network(experiment: Experiment) -> nn.Module:
    """The network, from `init_weights` or random ones of the loop's seed."""
    torch.manual_seed(experiment.loop.seed)
    if experiment.task == "detector":
        network: nn.Module = centre_compact()
    else:
        network = NETWORKS[experiment.pose.network](SKELETONS[experiment.pose.skeleton].num_joints)
    if experiment.init_weights is not None:
        load_weights(network, experiment.init_weights)
    return network


def build_task(experiment: Experiment, device: str) -> Task:
    """What the trainer needs, for either kind of network."""
    return _detector_task(experiment, device) if experiment.task == "detector" else _pose_task(experiment, device)


def _pose_task(experiment: Experiment, device: str) -> Task:
    options, skeleton, val = experiment.pose, SKELETONS[experiment.pose.skeleton], experiment.val
    parts = [_pose_data(source, options, skeleton) for source in experiment.train]
    images, people = ImageStore(val.images), load_people(val.annotations, skeleton)
    if not people:
        raise ValueError(f"{val.annotations} has no person with a labelled joint of {skeleton.name} to measure with")

    def evaluate(network: nn.Module) -> dict[str, float]:
        return pose_figures(network, images, people, skeleton, options.input_size, device=device)

    return Task(build_network(experiment), Joined(parts), joints_mse, evaluate)


def _pose_data(source: DataSource, options: PoseExperiment, skeleton: Skeleton) -> TopDownDataset:
    people = load_people(source.annotations, skeleton)
    return TopDownDataset(
        ImageStore(source.images), people, skeleton, options.input_size, options.sigma, options.augmentation
    )


def _detector_task(experiment: Experiment, device: str) -> Task:
    options, val = experiment.detector, experiment.val
    parts = [
        PeopleDataset(ImageStore(s.images), load_boxes(s.annotations), options.canvas, options.augmentation)
        for s in experiment.train
    ]
    images, labels = ImageStore(val.images), load_boxes(val.annotations)
    if not any(label.exhaustive for label in labels):
        raise ValueError(f"{val.annotations} has no picture in which everyone is labelled to measure with")

    def evaluate(network: nn.Module) -> dict[str, float]:
        return detector_figures(network, images, labels, options.long_side, device)

    return Task(build_network(experiment), Joined(parts), centre_loss, evaluate)
