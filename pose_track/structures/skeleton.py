"""Skeletons: the names and order of a pose's joints, with edges, left/right flip pairs and OKS sigmas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pose_track.structures.arrays import Float64Array, IntArray

SkeletonName = Literal["coco_17", "posetrack_15", "posetrack18_17", "mpii_16", "lsp_14"]

# Annotators' standard deviation per joint type, in units of sqrt(area), from the COCO keypoint evaluation. head_bottom
# and head_top: openpifpaf's PoseTrack18 constants. No source has pelvis and thorax: they use hip and shoulder.
_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089, "head_bottom": 0.08, "head_top": 0.06, "pelvis": 0.107, "thorax": 0.079,
}  # fmt: skip

_LIMBS = (
    ("{}_shoulder", "{}_elbow"), ("{}_elbow", "{}_wrist"), ("{}_hip", "{}_knee"), ("{}_knee", "{}_ankle"),
    ("{}_shoulder", "{}_hip"), ("nose", "{}_eye"), ("{}_eye", "{}_ear"),
)  # fmt: skip
_CENTRE_EDGES = (
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("head_bottom", "nose"), ("nose", "head_top"),
    ("pelvis", "thorax"), ("thorax", "head_bottom"),
)  # fmt: skip


def _flipped_name(name: str) -> str:
    """The name of the joint on the other side of the body; a centre joint's own name."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints.

    name: the skeleton's name in settings and files.
    joint_names: K names, in the order of the joint arrays.
    """

    name: str
    joint_names: tuple[str, ...]

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    def index(self, joint_name: str) -> int:
        """The index of a joint. Raises ValueError, listing the skeleton's joints, for an unknown name."""
        if joint_name not in self.joint_names:
            raise ValueError(f"{self.name} has no joint {joint_name!r}; its joints are {', '.join(self.joint_names)}")
        return self.joint_names.index(joint_name)

    @cached_property
    def flip_indices(self) -> IntArray:
        """(K,) the index of each joint's left/right counterpart; a centre joint's own index.

        >>> LSP_14.flip_indices[:6].tolist()
        [5, 4, 3, 2, 1, 0]
        """
        return np.array([self.index(_flipped_name(name)) for name in self.joint_names], np.int64)

    @cached_property
    def joint_types(self) -> tuple[str, ...]:
        """K joint names without left_ and right_: "wrist" for both wrists."""
        return tuple(name.removeprefix("left_").removeprefix("right_") for name in self.joint_names)

    @cached_property
    def sigmas(self) -> Float64Array:
        """(K,) OKS standard deviations, in units of sqrt(area)."""
        return np.array([_SIGMAS[joint_type] for joint_type in self.joint_types])

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joint indices: the lines of a drawn skeleton."""
        limbs = [(a.format(side), b.format(side)) for a, b in _LIMBS for side in ("left", "right")]
        neck = [("head_bottom", "left_shoulder"), ("head_bottom", "right_shoulder")]
        known = set(self.joint_names)
        head = [] if "nose" in known else [("head_bottom", "head_top")]
        pairs = [(a, b) for a, b in (*limbs, *_CENTRE_EDGES, *neck, *head) if a in known and b in known]
        return tuple((self.index(a), self.index(b)) for a, b in pairs)


def _sided(joint_types: str) -> tuple[str, ...]:
    """The left and the right joint of each type."""
    return tuple(f"{side}_{joint_type}" for joint_type in joint_types.split() for side in ("left", "right"))


_BODY = _sided("shoulder elbow wrist hip knee ankle")
_LEGS = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle")
_ARMS = ("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist")

COCO_17 = Skeleton("coco_17", ("nose", *_sided("eye ear"), *_BODY))
POSETRACK_15 = Skeleton("posetrack_15", (*_LEGS, *_ARMS, "head_bottom", "nose", "head_top"))
POSETRACK18_17 = Skeleton("posetrack18_17", ("nose", "head_bottom", "head_top", *_sided("ear"), *_BODY))
MPII_16 = Skeleton("mpii_16", (*_LEGS, "pelvis", "thorax", "head_bottom", "head_top", *_ARMS))
LSP_14 = Skeleton("lsp_14", (*_LEGS, *_ARMS, "head_bottom", "head_top"))

SKELETONS = {s.name: s for s in (COCO_17, POSETRACK_15, POSETRACK18_17, MPII_16, LSP_14)}


def check_skeleton(skeleton: object) -> None:
    """Raises TypeError for anything but a `Skeleton`, such as a skeleton's name."""
    if not isinstance(skeleton, Skeleton):
        raise TypeError(f"skeleton must be a pose_track.Skeleton, such as SKELETONS['coco_17'], got {skeleton!r}")
