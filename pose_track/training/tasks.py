"""The training tasks: the keypoint network and the person detector, each with its data, loss and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.cutouts import Cutouts, load_outlines
from pose_track.datasets.detection import DetectionDataset
from pose_track.datasets.images import ImageStore
from pose_track.datasets.load import load_people
from pose_track.datasets.mixture import Mixture
from pose_track.datasets.sources import of_sources
from pose_track.datasets.top_down import TopDownDataset
from pose_track.models.centre import CentreNet, centre_compact
from pose_track.models.inference_model import InferenceModel
from pose_track.models.networks import NETWORKS
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.arrays import ImageArray
from pose_track.training.batch_norm import sync_batch_norms
from pose_track.training.config import (
    CocoSource,
    DetectorTrainingConfig,
    HardwareSettings,
    PoseTrainingConfig,
    TeacherConfig,
    TrainingConfig,
    TrainSource,
)
from pose_track.training.imitation import ImitatingNet
from pose_track.training.initial_weights import load_detector, load_pose, load_pose_trunk
from pose_track.training.joint_coverage import check_coverage
from pose_track.training.loader import SeededDataset, TrainingData
from pose_track.training.loop import Task
from pose_track.training.loss import centre_loss, joint_weights, joints_mse, joints_ohkm
from pose_track.training.validation import detector_metrics, evaluate_poses, exhaustive_images, pose_evaluator
from pose_track.training.visualise import draw_boxes, draw_heatmaps
from pose_track.utils.extras import require

LOSSES = {"mse": joints_mse, "ohkm": joints_ohkm}
NUM_DRAWN = 8  # samples in the image of a run


def build_network(config: TrainingConfig, device: str = "cpu", new_head: bool = False) -> nn.Module:
    """The network with the weights of `init_weights` or `init_trunk`, or random ones of the loop's seed.

    new_head: whether `init_weights` may be of a keypoint network for other joints, see `load_pose`.
    """
    torch.manual_seed(config.loop.seed)
    if config.task == "detector":
        network: nn.Module = centre_compact()
        if config.init_weights is not None:
            load_detector(network, str(config.init_weights))
    else:
        network = NETWORKS[config.pose.network](config.pose.skeleton.num_joints)
        if config.init_weights is not None:
            load_pose(network, str(config.init_weights), config.pose.skeleton, new_head)
        if config.init_trunk is not None:
            load_pose_trunk(network, str(config.init_trunk))
    return sync_batch_norms(network, torch.device(device)) if config.hardware.sync_batch_norm else network


def build_task(config: TrainingConfig, device: str) -> Task:
    """The task of a config. Raises FileNotFoundError or ValueError for missing or broken weights or data."""
    return _detector_task(config, device) if config.task == "detector" else _pose_task(config, device)


def _pose_task(config: TrainingConfig, device: str) -> Task:
    network = build_network(config, device, new_head=True)  # first, since its errors are found fastest
    pose, val = config.pose, config.val
    skeleton, codec, loss = pose.skeleton, pose.codec, _pose_loss(pose)
    datasets = [_pose_data(source, config) for source in config.train]
    check_coverage([dataset.people for dataset in datasets], skeleton)
    data = Mixture([(dataset, source.weight) for dataset, source in zip(datasets, config.train, strict=True)])
    images = ImageStore(val.images)
    on_broken = config.loop.on_broken
    people = load_people(val.format, val.annotations, skeleton, on_broken)
    evaluator = pose_evaluator(people, skeleton, val.annotations, pose.metric, on_broken=on_broken)

    def evaluate(trained: nn.Module) -> dict[str, float]:
        return evaluate_poses(trained, evaluator, images, skeleton, codec, pose.flip_test, device)

    def draw(trained: nn.Module) -> ImageArray:
        crops, targets, _ = first_samples(data, on_broken)
        run = TorchRuntime(InferenceModel(trained), device, "float32")
        return draw_heatmaps(run, codec, crops.transpose(0, 2, 3, 1), targets)

    return Task(network, data, loss, evaluate, draw)


def _pose_data(source: TrainSource, config: TrainingConfig) -> TopDownDataset:
    pose, skeleton, on_broken = config.pose, config.pose.skeleton, config.loop.on_broken
    people = load_people(source.format, source.annotations, skeleton, on_broken)
    people = of_sources(people, source.sources, source.annotations)
    if not people:
        raise ValueError(f"{source.annotations} has nobody with a labelled joint of {skeleton}; leave it out")
    images, cutouts = ImageStore(source.images), _cutouts(pose.cutouts)
    return TopDownDataset(images, people, skeleton, pose.codec, pose.augmentation, cutouts)


def _cutouts(source: CocoSource | None) -> Cutouts | None:
    return None if source is None else Cutouts(ImageStore(source.images), load_outlines(source.annotations))


def _pose_loss(pose: PoseTrainingConfig) -> Callable[..., Tensor]:
    loss = LOSSES[pose.loss]
    if not pose.use_joint_weights:
        return loss
    factors = joint_weights(pose.skeleton)
    return lambda output, targets, weights: loss(output, targets, weights * factors.to(weights.device))


def _detector_task(config: TrainingConfig, device: str) -> Task:
    network = build_network(config, device)
    detector, val = config.detector, config.val
    cutouts = _cutouts(detector.cutouts)
    datasets = [_detector_data(source, detector, cutouts) for source in config.train]
    if not any(len(label.boxes) for dataset in datasets for label in dataset.labels):
        raise ValueError(f"{config.train[0].annotations} has no box of a person to train on; give other training data")
    data = Mixture([(dataset, source.weight) for dataset, source in zip(datasets, config.train, strict=True)])
    images, labels = ImageStore(val.images), exhaustive_images(val.annotations)

    def evaluate(trained: nn.Module) -> dict[str, float]:
        return detector_metrics(trained, images, labels, detector.long_side, device)

    def draw(trained: nn.Module) -> ImageArray:
        canvases, heat, boxes, *_ = first_samples(data, config.loop.on_broken)
        run = TorchRuntime(InferenceModel(trained), device, "float32")
        return draw_boxes(run, canvases.transpose(0, 2, 3, 1), heat, boxes)

    task = Task(network, data, centre_loss, evaluate, draw)
    return task if detector.teacher is None else _imitation_task(task, detector, detector.teacher, config.hardware)


def _detector_data(source: TrainSource, detector: DetectorTrainingConfig, cutouts: Cutouts | None) -> DetectionDataset:
    labels = of_sources(load_boxes(source.annotations), source.sources, source.annotations)
    return DetectionDataset(ImageStore(source.images), labels, detector.canvas, detector.augmentation, cutouts)


def _imitation_task(
    task: Task, detector: DetectorTrainingConfig, teacher: TeacherConfig, hardware: HardwareSettings
) -> Task:
    """The task with the imitation of a teacher, which is no part of the result."""
    require("openvino", purpose="detector.teacher")
    from pose_track.runtime.intermediate_outputs import IntermediateOutputs

    features = IntermediateOutputs(teacher.model, teacher.features, detector.canvas, hardware.threads)
    network = ImitatingNet(cast(CentreNet, task.network), features, detector.canvas)

    def loss(output: tuple[Tensor, Tensor], *targets: Tensor) -> Tensor:
        return task.loss(output[0], *targets) + teacher.weight * output[1]

    return task._replace(network=network, loss=loss, result=lambda trained: cast(ImitatingNet, trained).network)


def first_samples(data: TrainingData, on_broken: OnBroken = "stop") -> list[NDArray[Any]]:
    """The fields of the first `NUM_DRAWN` samples of the first epoch, stacked; the same samples at each call."""
    samples = SeededDataset(data, on_broken)
    chosen = [samples[int(index), 0][0] for index in data.epoch_order(0, 0)[:NUM_DRAWN]]
    return [np.stack(field) for field in zip(*chosen, strict=True)]
