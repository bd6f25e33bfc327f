"""What can be trained: the keypoint network and the person detector, each with its data, loss and figures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from torch import nn

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.detect.detector import CentreDetector
from pose_track.evaluation.boxes import average_precision
from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.pose.estimator import PoseEstimator
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.skeleton import Skeleton
from pose_track.types import Detections


def pose_figures(
    network: nn.Module,
    images: ImageStore,
    people: Sequence[PersonLabel],
    skeleton: Skeleton,
    input_size: tuple[int, int],
    flip_test: bool = False,
    device: str = "cpu",
) -> dict[str, float]:
    """PCK@0.2 of the torso in the true boxes: "pck" over all joints, and "pck_hip" for each pair of sides.

    people: at least one. NaN for a part that nobody has labelled.
    """
    runtime = TorchRuntime(network, device, flip_indices=skeleton.flip_indices if flip_test else None)
    estimate = PoseEstimator(runtime, skeleton, input_size, max_oks=1.0)
    found = np.stack([estimate(images.read(person.file_name), _true_box(person)).joints[0] for person in people])
    truth, visibility = np.stack([p.joints for p in people]), np.stack([p.visibility for p in people])
    total, each = pck(found, truth, visibility, torso_sizes(truth, visibility, skeleton))
    parts: dict[str, list[float]] = defaultdict(list)
    for part, value in zip(skeleton.part_names, each, strict=True):
        parts[part].append(float(value))
    return {"pck": total, **{f"pck_{part}": _mean_known(parts[part]) for part in sorted(parts)}}


def _true_box(person: PersonLabel) -> Detections:
    return Detections(person.box[None].astype(np.float32), np.ones(1, np.float32))


def _mean_known(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN, NaN where there is none."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def detector_figures(
    network: nn.Module, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, device: str = "cpu"
) -> dict[str, float]:
    """AP50 of people taller than 15 % of the picture: the mean over the sources, then each source; pictures that are
    not labelled exhaustively are left out."""
    detect = CentreDetector(TorchRuntime(network, device), long_side, min_score=0.02)
    counted = [label for label in labels if label.exhaustive]
    found = [detect(images.read(label.file_name)) for label in counted]
    each: dict[str, float] = {}
    for source in sorted({label.source for label in counted}):
        chosen = [i for i, label in enumerate(counted) if label.source == source]
        each[f"ap50_{source or 'all'}"] = average_precision([counted[i] for i in chosen], [found[i] for i in chosen])
    return {"ap50": _mean_known(list(each.values())), **each}
