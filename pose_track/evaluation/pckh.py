"""PCKh on MPII: the share of joints that lie within half a head's length of the truth (Andriluka et al., "2D Human Pose
Estimation: New Benchmark and State of the Art Analysis", CVPR 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import head_sizes
from pose_track.structures.skeleton import MPII_16
from pose_track.utils.matlab import read_variable

_PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_COUNTED = np.array([name not in ("pelvis", "thorax") for name in MPII_16.joint_names])


@dataclass(frozen=True, eq=False)
class PckhTruth:
    """The labels of N people. joints: (N, 16, 2) pixels, MPII's joints; missing: (N, 16) joints without a label;
    head_sizes: (N,) in pixels, NaN where not known."""

    joints: NDArray[np.float64]
    missing: NDArray[np.bool_]
    head_sizes: NDArray[np.float64]


def load_pckh_truth(path: Path) -> PckhTruth:
    """The published truth of MPII's validation people, `gt_valid.mat`; its pixels, which count from 1, from 0 here.

    Raises FileNotFoundError, or ValueError where it is no such file.
    """
    joints, missing, corners = (read_variable(path, key) for key in ("pos_gt_src", "jnt_missing", "headboxes_src"))
    shapes = joints.shape, missing.shape, corners.shape
    if shapes != ((16, 2, joints.shape[-1]), (16, joints.shape[-1]), (2, 2, joints.shape[-1])):
        raise ValueError(f"{path} is not MPII's gt_valid.mat: joints, missing and head boxes have shapes {shapes}")
    sizes = head_sizes(corners.transpose(2, 0, 1).reshape(-1, 4))  # (2 corners, x y, N) -> (N, 4)
    return PckhTruth(joints.transpose(2, 0, 1).astype(np.float64) - 1, missing.T > 0, sizes)


def pckh(predicted: NDArray[np.floating], truth: PckhTruth) -> dict[str, float]:
    """MPII's table, in percent: the "Mean" over all labelled joints but pelvis and thorax, "Head" (its top), six pairs
    of joints, and "Mean@0.1", the mean at a tenth of a head.

    predicted: (N, 16, 2) pixels. A joint is right within half of its person's head size; people whose head size is not
    known or 0 are left out. NaN for a part of which one side is not labelled. As in the published evaluation the pairs
    are means of two sides, and the last column is measured at 0.11. Raises ValueError on another number of people.

    >>> truth = PckhTruth(np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.array([10.0]))
    >>> pckh(np.full((1, 16, 2), 2.0), truth)["Mean"], pckh(np.full((1, 16, 2), 2.0), truth)["Mean@0.1"]
    (100.0, 0.0)
    """
    if predicted.shape != truth.joints.shape:
        raise ValueError(f"predicted must have shape {truth.joints.shape}, got {predicted.shape}")
    usable = np.isfinite(truth.head_sizes) & (truth.head_sizes > 0)
    labelled = ~truth.missing[usable]
    errors = np.linalg.norm(predicted[usable] - truth.joints[usable], axis=-1) / truth.head_sizes[usable, None]
    right = labelled & (errors <= 0.5)
    nearer = labelled & (errors <= 0.11)
    each = {name: _percent(right[:, k], labelled[:, k]) for k, name in enumerate(MPII_16.joint_names)}
    pairs = {part.capitalize(): (each[f"left_{part}"] + each[f"right_{part}"]) / 2 for part in _PARTS}
    means = {"Mean": right, "Mean@0.1": nearer}
    totals = {name: _percent(found[:, _COUNTED], labelled[:, _COUNTED]) for name, found in means.items()}
    return {"Mean": totals["Mean"], "Head": each["head_top"], **pairs, "Mean@0.1": totals["Mean@0.1"]}


def _percent(right: NDArray[np.bool_], labelled: NDArray[np.bool_]) -> float:
    return 100 * float(right.sum()) / float(labelled.sum()) if labelled.any() else float("nan")
