"""Which joints a pose has: names, order, edges, left/right twins and OKS deviations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Deviation of an annotator, in units of sqrt(area), per COCO keypoint (COCO keypoint evaluation). head_bottom and
# head_top: openpifpaf's PoseTrack18 constants; pelvis and thorax, which no source gives, as the hips and shoulders.
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


def _twin(name: str) -> str:
    """The name of the joint on the other side; a centre joint is its own twin."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints.

    name: how settings and files call it; joint_names: K names, in the order of the arrays.
    """

    name: str
    joint_names: tuple[str, ...]

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    def index(self, joint_name: str) -> int:
        """Position of a joint. Raises ValueError naming the joints there are."""
        if joint_name not in self.joint_names:
            raise ValueError(f"{self.name} has no joint {joint_name!r}; it has {', '.join(self.joint_names)}")
        return self.joint_names.index(joint_name)

    @cached_property
    def flip_indices(self) -> NDArray[np.int64]:
        """(K,) for each joint the position of its left/right twin, itself for a centre joint.

        >>> LSP_14.flip_indices[:6].tolist()
        [5, 4, 3, 2, 1, 0]
        """
        return np.array([self.index(_twin(name)) for name in self.joint_names], np.int64)

    @cached_property
    def part_names(self) -> tuple[str, ...]:
        """K names without their side: "wrist" for both wrists."""
        return tuple(name.removeprefix("left_").removeprefix("right_") for name in self.joint_names)

    @cached_property
    def sigmas(self) -> NDArray[np.float64]:
        """(K,) OKS deviations, in units of sqrt(area)."""
        return np.array([_SIGMAS[part] for part in self.part_names])

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joint positions to draw a line between; only joints this skeleton has."""
        limbs = [(a.format(side), b.format(side)) for a, b in _LIMBS for side in ("left", "right")]
        neck = [("head_bottom", "left_shoulder"), ("head_bottom", "right_shoulder")]
        known = set(self.joint_names)
        head = [] if "nose" in known else [("head_bottom", "head_top")]
        pairs = [(a, b) for a, b in (*limbs, *_CENTRE_EDGES, *neck, *head) if a in known and b in known]
        return tuple((self.index(a), self.index(b)) for a, b in pairs)


def _sided(parts: str, first: str = "left") -> tuple[str, ...]:
    """Names of pairs of joints, the `first` side before the other."""
    second = "right" if first == "left" else "left"
    return tuple(f"{side}_{part}" for part in parts.split() for side in (first, second))


_BODY = _sided("shoulder elbow wrist hip knee ankle")
_LEGS = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle")
_ARMS = ("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist")

COCO_17 = Skeleton("coco_17", ("nose", *_sided("eye ear"), *_BODY))
POSETRACK_15 = Skeleton("posetrack_15", (*_LEGS, *_ARMS, "head_bottom", "nose", "head_top"))
POSETRACK18_17 = Skeleton("posetrack18_17", ("nose", "head_bottom", "head_top", *_sided("ear"), *_BODY))
MPII_16 = Skeleton("mpii_16", (*_LEGS, "pelvis", "thorax", "head_bottom", "head_top", *_ARMS))
LSP_14 = Skeleton("lsp_14", (*_LEGS, *_ARMS, "head_bottom", "head_top"))

SKELETONS = {s.name: s for s in (COCO_17, POSETRACK_15, POSETRACK18_17, MPII_16, LSP_14)}


def check_skeleton(given: object) -> None:
    """Raises TypeError for what is no `Skeleton`, such as the name of one."""
    if not isinstance(given, Skeleton):
        raise TypeError(f"skeleton must be a pose_track.Skeleton, such as SKELETONS['coco_17'], got {given!r}")
