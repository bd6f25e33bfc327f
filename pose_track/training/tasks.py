"""What can be trained: the keypoint network and the person detector, each with its data, loss and figures."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.cutouts import Cutouts, load_outlines
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.mixture import Mixture
from pose_track.datasets.people import PeopleDataset
from pose_track.datasets.readers import load_people
from pose_track.datasets.top_down import TopDownDataset
from pose_track.detection.detector import CentreDetector
from pose_track.evaluation.boxes import average_precision
from pose_track.models.centre import centre_compact
from pose_track.models.hrnet import NETWORKS
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.frames import ImageArray
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.training.batch_norm import share_batch_norms
from pose_track.training.config import CocoSource, DataSource, PoseTrainingConfig, TrainingConfig
from pose_track.training.loader import Draws, SampleSource
from pose_track.training.loop import Task
from pose_track.training.loss import centre_loss, joint_weights, joints_cross_entropy, joints_mse, joints_ohkm
from pose_track.training.validation import measure_poses, pose_test
from pose_track.training.visualize import draw_boxes, draw_heatmaps
from pose_track.weights.load import load_trunk, load_weights
from pose_track.weights.resolve import weights_file
from pose_track.weights.state_dict_names import possessive

log = logging.getLogger(__name__)

LOSSES = {"mse": joints_mse, "ohkm": joints_ohkm, "cross_entropy": joints_cross_entropy}
NUM_DRAWN = 8  # samples in the picture of a run


def build_network(experiment: TrainingConfig, device: str = "cpu") -> nn.Module:
    """The network, from `init_weights`, `init_trunk` or random ones of the loop's seed."""
    torch.manual_seed(experiment.loop.seed)
    if experiment.task == "detector":
        network: nn.Module = centre_compact()
    else:
        network = NETWORKS[experiment.pose.network](SKELETONS[experiment.pose.skeleton].num_joints)
    if experiment.init_weights is not None:
        load_weights(network, weights_file(str(experiment.init_weights)))
    if experiment.init_trunk is not None:
        whose, left = load_trunk(network, weights_file(str(experiment.init_trunk)))
        told = (experiment.init_trunk, possessive(whose), len(left))
        log.info("the trunk is %s, with %s names; %d tensors left out", *told)
    return share_batch_norms(network, torch.device(device)) if experiment.hardware.share_batch_norm else network


def build_task(experiment: TrainingConfig, device: str) -> Task:
    """What the trainer needs, for either kind of network."""
    return _detector_task(experiment, device) if experiment.task == "detector" else _pose_task(experiment, device)


def _pose_task(experiment: TrainingConfig, device: str) -> Task:
    network = build_network(experiment, device)  # first, as its faults are the quickest to tell
    options, val = experiment.pose, experiment.val
    skeleton, codec = SKELETONS[options.skeleton], options.codec
    data = Mixture([(_pose_data(s, experiment, skeleton), s.weight) for s in experiment.train])
    images = ImageStore(val.images)
    on_broken = experiment.loop.on_broken
    people = load_people(val.format, val.annotations, skeleton, on_broken)
    test = pose_test(people, skeleton, val.annotations, options.metric, on_broken=on_broken)

    def evaluate(trained: nn.Module) -> dict[str, float]:
        return measure_poses(trained, test, images, skeleton, codec, options.flip_test, device)

    def draw(trained: nn.Module) -> ImageArray:
        crops, targets, _ = first_samples(data, on_broken)
        run = TorchRuntime(InferenceModel(trained), device, "float32")
        return draw_heatmaps(run, codec, crops.transpose(0, 2, 3, 1), targets)

    return Task(network, data, _pose_loss(options, skeleton), evaluate, draw)


def _pose_data(source: DataSource, experiment: TrainingConfig, skeleton: Skeleton) -> TopDownDataset:
    options, on_broken = experiment.pose, experiment.loop.on_broken
    people = load_people(source.format, source.annotations, skeleton, on_broken)
    images, cutouts = ImageStore(source.images), _cutouts(options.cutouts)
    return TopDownDataset(images, people, skeleton, options.codec, options.augmentation, cutouts)


def _cutouts(source: CocoSource | None) -> Cutouts | None:
    return None if source is None else Cutouts(ImageStore(source.images), load_outlines(source.annotations))


def _pose_loss(options: PoseTrainingConfig, skeleton: Skeleton) -> Callable[..., Tensor]:
    loss = LOSSES[options.loss]
    if not options.weigh_joints:
        return loss
    shares = joint_weights(skeleton)
    return lambda output, targets, weights: loss(output, targets, weights * shares.to(weights.device))


def _detector_task(experiment: TrainingConfig, device: str) -> Task:
    network = build_network(experiment, device)
    options, val = experiment.detector, experiment.val
    cutouts = _cutouts(options.cutouts)
    parts = [
        (
            PeopleDataset(
                ImageStore(s.images), load_boxes(s.annotations), options.canvas, options.augmentation, cutouts
            ),
            s,
        )
        for s in experiment.train
    ]
    data = Mixture([(part, source.weight) for part, source in parts])
    images, labels = ImageStore(val.images), load_boxes(val.annotations)
    if not any(label.exhaustive for label in labels):
        raise ValueError(f"{val.annotations} has no picture in which everyone is labelled to measure with")

    def evaluate(trained: nn.Module) -> dict[str, float]:
        return detector_figures(trained, images, labels, options.long_side, device)

    def draw(trained: nn.Module) -> ImageArray:
        canvases, heat, boxes, *_ = first_samples(data, experiment.loop.on_broken)
        run = TorchRuntime(InferenceModel(trained), device, "float32")
        return draw_boxes(run, canvases.transpose(0, 2, 3, 1), heat, boxes)

    return Task(network, data, centre_loss, evaluate, draw)


def first_samples(data: SampleSource, on_broken: OnBroken = "stop") -> list[np.ndarray]:
    """The fields of the first samples of the first epoch, stacked; the same ones each time."""
    draws = Draws(data, on_broken)
    chosen = [draws[int(index), 0][0] for index in data.epoch_order(0, 0)[:NUM_DRAWN]]
    return [np.stack(field) for field in zip(*chosen, strict=True)]


def detector_figures(
    network: nn.Module, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, device: str = "cpu"
) -> dict[str, float]:
    """AP50 of people taller than 15 % of the picture: the mean over the sources, then each source; pictures that are
    not labelled exhaustively are left out."""
    detect = CentreDetector(TorchRuntime(InferenceModel(network), device, "float32"), long_side, min_score=0.02)
    counted = [label for label in labels if label.exhaustive]
    found = [detect(images.read(label.file_name)) for label in counted]
    each: dict[str, float] = {}
    for source in sorted({label.source for label in counted}):
        chosen = [i for i, label in enumerate(counted) if label.source == source]
        each[f"ap50_{source or 'all'}"] = average_precision([counted[i] for i in chosen], [found[i] for i in chosen])
    known = [value for value in each.values() if not math.isnan(value)]
    return {"ap50": sum(known) / len(known) if known else math.nan, **each}
