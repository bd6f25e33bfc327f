"""The training tasks: the keypoint network and the person detector, each with its data, loss and metrics."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.cutouts import Cutouts, load_outlines
from pose_track.datasets.detection import DetectionDataset
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.load import load_people
from pose_track.datasets.mixture import Mixture
from pose_track.datasets.top_down import TopDownDataset
from pose_track.detection.detector import CentreDetector
from pose_track.evaluation.box_ap import box_average_precision
from pose_track.models.centre import centre_compact
from pose_track.models.hrnet import NETWORKS
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.arrays import ImageArray
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.training.batch_norm import sync_batch_norms
from pose_track.training.config import CocoSource, DataSource, PoseTrainingConfig, TrainingConfig
from pose_track.training.loader import SeededDataset, TrainingData
from pose_track.training.loop import Task
from pose_track.training.loss import centre_loss, joint_weights, joints_mse, joints_ohkm
from pose_track.training.validation import evaluate_poses, pose_evaluator
from pose_track.training.visualise import draw_boxes, draw_heatmaps
from pose_track.weights.load import load_trunk, load_weights
from pose_track.weights.resolve import weights_file

logger = logging.getLogger(__name__)

LOSSES = {"mse": joints_mse, "ohkm": joints_ohkm}
NUM_DRAWN = 8  # samples in the image of a run


def build_network(config: TrainingConfig, device: str = "cpu") -> nn.Module:
    """The network with the weights of `init_weights` or `init_trunk`, or random ones of the loop's seed."""
    torch.manual_seed(config.loop.seed)
    if config.task == "detector":
        network: nn.Module = centre_compact()
    else:
        network = NETWORKS[config.pose.network](SKELETONS[config.pose.skeleton].num_joints)
    if config.init_weights is not None:
        load_weights(network, weights_file(str(config.init_weights)))
    if config.init_trunk is not None:
        naming, unused = load_trunk(network, weights_file(str(config.init_trunk)))
        logger.info("trunk from %s (names: %s); %d tensors not used", config.init_trunk, naming, len(unused))
    return sync_batch_norms(network, torch.device(device)) if config.hardware.sync_batch_norm else network


def build_task(config: TrainingConfig, device: str) -> Task:
    """The task of a config. Raises FileNotFoundError or ValueError for missing or broken weights or data."""
    return _detector_task(config, device) if config.task == "detector" else _pose_task(config, device)


def _pose_task(config: TrainingConfig, device: str) -> Task:
    network = build_network(config, device)  # first, since its errors are found fastest
    pose, val = config.pose, config.val
    skeleton, codec = SKELETONS[pose.skeleton], pose.codec
    data = Mixture([(_pose_data(source, config, skeleton), source.weight) for source in config.train])
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

    return Task(network, data, _pose_loss(pose, skeleton), evaluate, draw)


def _pose_data(source: DataSource, config: TrainingConfig, skeleton: Skeleton) -> TopDownDataset:
    pose, on_broken = config.pose, config.loop.on_broken
    people = load_people(source.format, source.annotations, skeleton, on_broken)
    images, cutouts = ImageStore(source.images), _cutouts(pose.cutouts)
    return TopDownDataset(images, people, skeleton, pose.codec, pose.augmentation, cutouts)


def _cutouts(source: CocoSource | None) -> Cutouts | None:
    return None if source is None else Cutouts(ImageStore(source.images), load_outlines(source.annotations))


def _pose_loss(pose: PoseTrainingConfig, skeleton: Skeleton) -> Callable[..., Tensor]:
    loss = LOSSES[pose.loss]
    if not pose.use_joint_weights:
        return loss
    factors = joint_weights(skeleton)
    return lambda output, targets, weights: loss(output, targets, weights * factors.to(weights.device))


def _detector_task(config: TrainingConfig, device: str) -> Task:
    network = build_network(config, device)
    detector, val = config.detector, config.val
    cutouts = _cutouts(detector.cutouts)
    datasets = [
        DetectionDataset(
            ImageStore(source.images), load_boxes(source.annotations), detector.canvas, detector.augmentation, cutouts
        )
        for source in config.train
    ]
    data = Mixture([(dataset, source.weight) for dataset, source in zip(datasets, config.train, strict=True)])
    images, labels = ImageStore(val.images), load_boxes(val.annotations)
    if not any(label.exhaustive for label in labels):
        raise ValueError(f"{val.annotations} has no exhaustively labelled image to evaluate on; give other val data")

    def evaluate(trained: nn.Module) -> dict[str, float]:
        return detector_metrics(trained, images, labels, detector.long_side, device)

    def draw(trained: nn.Module) -> ImageArray:
        canvases, heat, boxes, *_ = first_samples(data, config.loop.on_broken)
        run = TorchRuntime(InferenceModel(trained), device, "float32")
        return draw_boxes(run, canvases.transpose(0, 2, 3, 1), heat, boxes)

    return Task(network, data, centre_loss, evaluate, draw)


def first_samples(data: TrainingData, on_broken: OnBroken = "stop") -> list[NDArray[Any]]:
    """The fields of the first `NUM_DRAWN` samples of the first epoch, stacked; the same samples at each call."""
    samples = SeededDataset(data, on_broken)
    chosen = [samples[int(index), 0][0] for index in data.epoch_order(0, 0)[:NUM_DRAWN]]
    return [np.stack(field) for field in zip(*chosen, strict=True)]


def detector_metrics(
    network: nn.Module, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, device: str = "cpu"
) -> dict[str, float]:
    """AP50 of people taller than 15 % of the image: the mean over the sources ("ap50"), then that of each source.

    Images that are not exhaustively labelled are left out.
    """
    detect = CentreDetector(TorchRuntime(InferenceModel(network), device, "float32"), long_side, min_score=0.02)
    labels = [label for label in labels if label.exhaustive]
    detections = [detect(images.read(label.file_name)) for label in labels]
    per_source: dict[str, float] = {}
    for source in sorted({label.source for label in labels}):
        chosen = [i for i, label in enumerate(labels) if label.source == source]
        ap = box_average_precision([labels[i] for i in chosen], [detections[i] for i in chosen])
        per_source[f"ap50_{source or 'all'}"] = ap
    known = [value for value in per_source.values() if not math.isnan(value)]
    return {"ap50": sum(known) / len(known) if known else math.nan, **per_source}
