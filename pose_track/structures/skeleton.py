"""Skeletons: the names and order of a pose's joints, with edges, left/right flip pairs and OKS sigmas."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pose_track.structures import whole_body
from pose_track.structures.arrays import Float64Array, IntArray

SkeletonName = Literal[
    "coco_17", "posetrack_15", "posetrack18_17", "mpii_16", "lsp_14", "halpe_26", "coco_wholebody_133"
]
Colour = tuple[int, int, int]

DEFAULT_SIGMA = 0.067
"""The OKS deviation of a joint of unknown type: the mean of COCO's 17."""

# Annotators' standard deviation per joint type, in units of sqrt(area), from the COCO keypoint evaluation. head_bottom
# and head_top: openpifpaf's PoseTrack18 constants. No source has pelvis and thorax: they use hip and shoulder.
_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089, "head_bottom": 0.08, "head_top": 0.06, "pelvis": 0.107, "thorax": 0.079,
}  # fmt: skip

_LIMBS = (
    ("{}_shoulder", "{}_elbow"), ("{}_elbow", "{}_wrist"), ("{}_hip", "{}_knee"), ("{}_knee", "{}_ankle"),
    ("{}_shoulder", "{}_hip"), ("nose", "{}_eye"), ("{}_eye", "{}_ear"),
    ("{}_ankle", "{}_big_toe"), ("{}_ankle", "{}_small_toe"), ("{}_ankle", "{}_heel"),
)  # fmt: skip
_CENTRE_EDGES = (
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("head_bottom", "nose"), ("nose", "head_top"),
    ("pelvis", "thorax"), ("thorax", "head_bottom"),
)  # fmt: skip


# "left" or "right", or their first letter, as a word of a joint's name
_SIDE = re.compile(r"(?<![A-Za-z])(left|right|l|r)(?![A-Za-z])", re.IGNORECASE)
_OTHER_SIDE = {"left": "right", "right": "left", "l": "r", "r": "l"}


def side_of(name: str) -> Literal["left", "right", ""]:
    """The side of the body that a joint's name states.

    >>> side_of("left_ear"), side_of("hind_R_hoof"), side_of("withers")
    ('left', 'right', '')
    """
    match = _SIDE.search(name)
    if match is None:
        return ""
    return "left" if match[0][0] in "lL" else "right"


def joint_type(name: str) -> str:
    """A joint's name without its side.

    >>> joint_type("left_ear"), joint_type("hind_R_hoof"), joint_type("withers")
    ('ear', 'hind_hoof', 'withers')
    """
    start, _, end = _SIDE.sub("\n", name, count=1).partition("\n")
    return "_".join(filter(None, (start.rstrip("_ -."), end.lstrip("_ -."))))


def _twin_name(name: str) -> str:
    """The name of the joint on the other side of the body; a centre joint's own name."""
    return _SIDE.sub(lambda match: _in_case_of(_OTHER_SIDE[match[0].lower()], match[0]), name, count=1)


def _in_case_of(word: str, example: str) -> str:
    return word.upper() if example.isupper() else word.title() if example.istitle() else word


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints.

    name: the skeleton's name in settings and files.
    joint_names: K names, in the order of the joint arrays.
    pairs: the joints that change places in a mirrored image, (left, right); None for those whose names differ in "left"
        and "right", or in "l" and "r", only.
    limbs: the joints between which lines are drawn; None for the usual lines between the joints of a human body.
    deviations: K standard deviations of the OKS, see `sigmas`; None for COCO's of the joint type, and `DEFAULT_SIGMA`
        for joints that COCO does not have.
    colours: K RGB colours, 0 to 255, in which the joints are drawn; None for the colour of the track.
    detail: joints of hands, feet and face that are drawn thin and not compared when people are linked. Those that lines
        connect with a limb change sides with it.

    Raises ValueError, with the skeleton's name, for joints that are not there or occur twice, and for contradictions.
    """

    name: str
    joint_names: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] | None = None
    limbs: tuple[tuple[str, str], ...] | None = None
    deviations: tuple[float, ...] | None = None
    colours: tuple[Colour, ...] | None = None
    detail: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(self.joint_names).items() if count > 1]
        if twice:
            raise ValueError(f"{self.name} has the joint {twice[0]!r} twice; name each joint once")
        self._check_pairs()
        for limb in self.limbs or ():
            self._check_joints("edge", limb)
        for key, values in (("sigmas", self.deviations), ("colours", self.colours)):
            if values is not None and len(values) != self.num_joints:
                raise ValueError(f"{self.name} has {self.num_joints} joints but {len(values)} {key}; give one a joint")
        if not all(math.isfinite(sigma) and sigma > 0 for sigma in self.deviations or ()):
            raise ValueError(f"the sigmas of {self.name} must be above 0, got {list(self.deviations or ())}")
        for name in self.detail:
            self.index(name)
        if len(set(self.detail)) == self.num_joints:
            raise ValueError(f"all joints of {self.name} are detail; leave out those by which people are compared")

    def _check_pairs(self) -> None:
        for pair in self.pairs or ():
            self._check_joints("pair", pair)
        paired = Counter(name for pair in self.pairs or () for name in pair)
        twice = [name for name, count in paired.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is in two pairs of {self.name}; a joint has one counterpart")
        alone = [name for name in self.joint_names if _twin_name(name) not in self.joint_names]
        if alone and self.pairs is None:
            raise ValueError(f"{self.name} has {alone[0]!r} but no {_twin_name(alone[0])!r}; add it, or give the pairs")

    def _check_joints(self, what: str, names: tuple[str, str]) -> None:
        for name in names:
            if name not in self.joint_names:
                raise ValueError(f"the {what} {list(names)} of {self.name}: {self._unknown(name)}")
        if names[0] == names[1]:
            raise ValueError(f"the {what} {list(names)} of {self.name} must have two different joints")

    def _unknown(self, name: str) -> str:
        return f"{self.name} has no joint {name!r}; its joints are {', '.join(self.joint_names)}"

    def __str__(self) -> str:
        return self.name

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    def index(self, joint_name: str) -> int:
        """The index of a joint. Raises ValueError, listing the skeleton's joints, for an unknown name."""
        if joint_name not in self.joint_names:
            raise ValueError(self._unknown(joint_name))
        return self.joint_names.index(joint_name)

    def has_sides(self, *joint_types: str) -> bool:
        """Whether it has the left and the right joint of each type.

        >>> LSP_14.has_sides("shoulder", "hip"), LSP_14.has_sides("ear")
        (True, False)
        """
        return {f"{side}_{part}" for side in ("left", "right") for part in joint_types} <= set(self.joint_names)

    @cached_property
    def twins(self) -> tuple[tuple[int, int], ...]:
        """The joint indices of each pair, (left, right).

        >>> Skeleton("horse", ("nose", "right_ear", "left_ear")).twins
        ((2, 1),)
        """
        pairs = _sided_pairs(self.joint_names) if self.pairs is None else self.pairs
        return tuple((self.index(left), self.index(right)) for left, right in pairs)

    @cached_property
    def body_joints(self) -> IntArray:
        """The indices of the joints that are not `detail`."""
        return np.array([k for k, name in enumerate(self.joint_names) if name not in set(self.detail)], np.int64)

    @cached_property
    def body_twins(self) -> tuple[tuple[int, int], ...]:
        """Those of `twins` that are not `detail`."""
        body = set(self.body_joints.tolist())
        return tuple(pair for pair in self.twins if body.issuperset(pair))

    @cached_property
    def flip_indices(self) -> IntArray:
        """(K,) the index of each joint's left/right counterpart; a centre joint's own index.

        >>> LSP_14.flip_indices[:6].tolist()
        [5, 4, 3, 2, 1, 0]
        """
        indices = np.arange(self.num_joints)
        for left, right in self.twins:
            indices[[left, right]] = right, left
        return indices

    @cached_property
    def joint_types(self) -> tuple[str, ...]:
        """K joint names without their side: "wrist" for both wrists."""
        return tuple(map(joint_type, self.joint_names))

    @cached_property
    def sigmas(self) -> Float64Array:
        """(K,) OKS standard deviations, in units of sqrt(area)."""
        if self.deviations is not None:
            return np.array(self.deviations)
        return np.array([_SIGMAS.get(joint_type, DEFAULT_SIGMA) for joint_type in self.joint_types])

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joint indices: the lines of a drawn skeleton."""
        limbs = _human_limbs(set(self.joint_names)) if self.limbs is None else self.limbs
        return tuple((self.index(a), self.index(b)) for a, b in limbs)


def _sided_pairs(joint_names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The pairs whose names differ in the side only."""
    return tuple((name, _twin_name(name)) for name in joint_names if side_of(name) == "left")


def _human_limbs(known: set[str]) -> tuple[tuple[str, str], ...]:
    """The usual lines between the known joints of a human body."""
    limbs = [(a.format(side), b.format(side)) for a, b in _LIMBS for side in ("left", "right")]
    neck = [("head_bottom", "left_shoulder"), ("head_bottom", "right_shoulder")]
    head = [] if "nose" in known else [("head_bottom", "head_top")]
    return tuple((a, b) for a, b in (*limbs, *_CENTRE_EDGES, *neck, *head) if a in known and b in known)


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

# Deviations of head, neck, pelvis and feet: the evaluation code of Halpe (Fang et al., "AlphaPose", TPAMI 2022)
_HALPE_NAMES = (*COCO_17.joint_names, "head_top", "head_bottom", "pelvis", *_sided("big_toe small_toe heel"))
HALPE_26 = Skeleton(
    "halpe_26",
    _HALPE_NAMES,
    limbs=(*_human_limbs(set(_HALPE_NAMES)), ("head_bottom", "pelvis")),
    deviations=(*COCO_17.sigmas.tolist(), 0.026, 0.026, 0.066, *[0.079] * 6),
    detail=_sided("big_toe small_toe heel"),
)


def _coco_wholebody() -> Skeleton:
    names = (*COCO_17.joint_names, *whole_body.DETAIL_JOINTS)
    fine = (*whole_body.FOOT_DEVIATIONS, *whole_body.FACE_DEVIATIONS, *whole_body.HAND_DEVIATIONS)
    return Skeleton(
        "coco_wholebody_133",
        names,
        pairs=(*_sided_pairs(names), *whole_body.FACE_PAIRS),
        limbs=(*_human_limbs(set(names)), *whole_body.FACE_LINES, *whole_body.HAND_LINES),
        deviations=(*COCO_17.sigmas.tolist(), *fine),
        colours=tuple(map(whole_body.joint_colour, names)),
        detail=whole_body.DETAIL_JOINTS,
    )


COCO_WHOLEBODY_133 = _coco_wholebody()

SKELETONS = {s.name: s for s in (COCO_17, POSETRACK_15, POSETRACK18_17, MPII_16, LSP_14, HALPE_26, COCO_WHOLEBODY_133)}
"""The built-in skeletons, by name."""


def check_skeleton(skeleton: object) -> None:
    """Raises TypeError for anything but a `Skeleton`, such as a skeleton's name."""
    if not isinstance(skeleton, Skeleton):
        raise TypeError(f"skeleton must be a pose_track.Skeleton, such as SKELETONS['coco_17'], got {skeleton!r}")
