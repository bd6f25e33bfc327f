"""PCKh on MPII: the percentage of keypoints within half a head length of the ground truth (Andriluka et al., "2D Human
Pose Estimation: New Benchmark and State of the Art Analysis", CVPR 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose_track.geometry.boxes import head_sizes
from pose_track.structures.arrays import BoolArray, Float64Array, FloatingArray
from pose_track.structures.skeleton import MPII_16
from pose_track.utils.matlab import read_variable

_JOINT_TYPES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_IN_MEAN = np.array([name not in ("pelvis", "thorax") for name in MPII_16.joint_names])


@dataclass(frozen=True, eq=False)
class PckhGroundTruth:
    """The labels of N people.

    joints: (N, 16, 2) pixels, MPII's joints.
    missing: (N, 16) whether the joint is unlabelled.
    head_sizes: (N,) pixels; NaN where unknown.
    """

    joints: Float64Array
    missing: BoolArray
    head_sizes: Float64Array


def load_pckh_ground_truth(path: Path) -> PckhGroundTruth:
    """The published labels of MPII's validation people, `gt_valid.mat`. Its pixels count from 1, the result's from 0.

    Raises FileNotFoundError, and ValueError for a file of other contents.
    """
    joints, missing, corners = (read_variable(path, key) for key in ("pos_gt_src", "jnt_missing", "headboxes_src"))
    shapes = joints.shape, missing.shape, corners.shape
    if shapes != ((16, 2, joints.shape[-1]), (16, joints.shape[-1]), (2, 2, joints.shape[-1])):
        raise ValueError(
            f"{path} is not MPII's gt_valid.mat: joints, missing and head boxes have shapes {shapes}; "
            "give the published file"
        )
    sizes = head_sizes(corners.transpose(2, 0, 1).reshape(-1, 4))  # (2 corners, x y, N) -> (N, 4)
    return PckhGroundTruth(joints.transpose(2, 0, 1).astype(np.float64) - 1, missing.T > 0, sizes)


def pckh(predicted: FloatingArray, gt: PckhGroundTruth) -> dict[str, float]:
    """MPII's table, in percent: "Mean" over all labelled joints but pelvis and thorax, "Head" (the top of the head),
    six pairs of joints, and "Mean@0.1".

    As in the published evaluation, the pairs are means of left and right, and "Mean@0.1" uses the threshold 0.11. NaN
    for a pair of which one side is never labelled.

    predicted: (N, 16, 2) pixels. A joint is correct up to half the person's head size. People whose head size is NaN or
        0 are left out. Raises ValueError for another number of people.

    >>> gt = PckhGroundTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    >>> pckh(np.full((1, 16, 2), 2.0), gt)["Mean"], pckh(np.full((1, 16, 2), 2.0), gt)["Mean@0.1"]
    (100.0, 0.0)
    """
    if predicted.shape != gt.joints.shape:
        raise ValueError(f"predicted must have shape {gt.joints.shape}, got {predicted.shape}")
    has_size = np.isfinite(gt.head_sizes) & (gt.head_sizes > 0)
    labelled = ~gt.missing[has_size]
    errors = np.linalg.norm(predicted[has_size] - gt.joints[has_size], axis=-1) / gt.head_sizes[has_size, None]
    correct = labelled & (errors <= 0.5)
    per_joint = {name: _percent(correct[:, k], labelled[:, k]) for k, name in enumerate(MPII_16.joint_names)}
    pairs = {name.capitalize(): (per_joint[f"left_{name}"] + per_joint[f"right_{name}"]) / 2 for name in _JOINT_TYPES}
    mean = _percent(correct[:, _IN_MEAN], labelled[:, _IN_MEAN])
    strict_mean = _percent((labelled & (errors <= 0.11))[:, _IN_MEAN], labelled[:, _IN_MEAN])
    return {"Mean": mean, "Head": per_joint["head_top"], **pairs, "Mean@0.1": strict_mean}


def _percent(correct: BoolArray, labelled: BoolArray) -> float:
    return 100 * float(correct.sum()) / float(labelled.sum()) if labelled.any() else float("nan")
