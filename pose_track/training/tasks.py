"""What can be trained: the keypoint network and the person detector, each with its data, loss and figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from pose_track.datasets.coco import ImageLabel, PersonLabel
from pose_track.datasets.images import ImageStore
from pose_track.detect.detector import CentreDetector
from pose_track.evaluation.boxes import average_precision
from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.pose.estimator import PoseEstimator
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.skeleton import Skeleton
from pose_track.types import Detections


def pose_figures(
    network: nn.Module, images: ImageStore, people: Sequence[PersonLabel], skeleton: Skeleton,
    input_size: tuple[int, int], flip_test: bool = False, device: str = "cpu",
) -> dict[str, float]:
    """PCK@0.2 of the torso with true boxes, over all joints and for each joint's pair of sides."""
    runtime = TorchRuntime(network, device, flip_indices=skeleton.flip_indices if flip_test else None)
    estimate = PoseEstimator(runtime, skeleton, input_size, max_oks=1.0)
    found = [estimate(images.read(p.file_name), Detections(p.box[None], np.ones(1))).joints[0] for p in people]  # type: ignore[arg-type]
    truth, visibility = np.stack([p.joints for p in people]), np.stack([p.visibility for p in people])
    total, each = pck(np.stack(found), truth, visibility, torso_sizes(truth, visibility, skeleton))
    parts = {n.removeprefix("left_").removeprefix("right_") for n in skeleton.joint_names}
    of_part = {p: float(np.nanmean([v for n, v in zip(skeleton.joint_names, each, strict=True) if n.endswith(p)])) for p in sorted(parts)}
    return {"pck": total, **{f"pck_{part}": value for part, value in of_part.items()}}


def detector_figures(
    network: nn.Module, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, device: str = "cpu"
) -> dict[str, float]:
    """AP50 of people taller than 15 % of the picture: the mean over the sources, then each source; pictures that are
    not labelled exhaustively are left out."""
    detect = CentreDetector(TorchRuntime(network, device), long_side, min_score=0.02)
    counted = [label for label in labels if label.exhaustive]
    found = [detect(images.read(label.file_name)) for label in counted]
    each = {}
    for source in sorted({label.source for label in counted}):
        chosen = [i for i, label in enumerate(counted) if label.source == source]
        each[f"ap50_{source or 'all'}"] = average_precision([counted[i] for i in chosen], [found[i] for i in chosen])
    known = [value for value in each.values() if np.isfinite(value)]
    return {"ap50": float(np.mean(known)) if known else float("nan"), **each}
