"""The joints of COCO-WholeBody beyond COCO's 17: feet, face and hands, with their lines, sides and OKS deviations.

The order, and the deviations, are those of its annotations and evaluation (Jin et al., "Whole-Body Human Pose
Estimation in the Wild", ECCV 2020). The 68 landmarks of the face are iBUG's (Sagonas et al., "300 Faces in-the-Wild
Challenge", ICCV workshops 2013), counted from 0.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

Part = Literal["body", "foot", "face", "lefthand", "righthand"]
"""The parts of a person that COCO-WholeBody evaluates, as its annotation files name them."""

PART_SIZES: dict[Part, int] = {"body": 17, "foot": 6, "face": 68, "lefthand": 21, "righthand": 21}
"""The number of joints of each part, in the order of the joints."""

FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")

FOOT_JOINTS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))
FACE_JOINTS = tuple(f"face_{k}" for k in range(PART_SIZES["face"]))
HAND_JOINTS = tuple(
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hand_root", *(f"{finger}{k}" for finger in FINGERS for k in (1, 2, 3, 4)))
)


DETAIL_JOINTS = (*FOOT_JOINTS, *FACE_JOINTS, *HAND_JOINTS)


def _chain(*numbers: int) -> tuple[tuple[str, str], ...]:
    """Lines of the face from each landmark to the next."""
    return tuple((f"face_{a}", f"face_{b}") for a, b in pairwise(numbers))


FACE_LINES = (
    *_chain(*range(17)),  # jaw
    *_chain(*range(17, 22)), *_chain(*range(22, 27)),  # brows
    *_chain(*range(27, 31)), *_chain(*range(31, 36)),  # nose
    *_chain(*range(36, 42), 36), *_chain(*range(42, 48), 42),  # eyes
    *_chain(*range(48, 60), 48), *_chain(*range(60, 68), 60),  # lips, outside and inside
)  # fmt: skip

_FINGER_LINES = tuple(
    line
    for finger in FINGERS
    for line in (("hand_root", f"{finger}1"), *((f"{finger}{k}", f"{finger}{k + 1}") for k in (1, 2, 3)))
)
HAND_LINES = tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (("wrist", "hand_root"), *_FINGER_LINES)
)

# (landmarks on the person's left, their counterparts): jaw, brows, nose, eyes, lips. The image of a face that looks at
# the camera has landmark 0 on its left side, which is the person's right.
_MIRRORED = (
    (range(9, 17), range(7, -1, -1)),
    (range(22, 27), range(21, 16, -1)),
    (range(34, 36), range(32, 30, -1)),
    (range(42, 48), (39, 38, 37, 36, 41, 40)),
    ((52, 53, 54, 55, 56), (50, 49, 48, 59, 58)),
    ((63, 64, 65), (61, 60, 67)),
)

FACE_PAIRS = tuple(
    (f"face_{left}", f"face_{right}") for lefts, rights in _MIRRORED for left, right in zip(lefts, rights, strict=True)
)

_SIDE_COLOURS = {"left": (87, 144, 252), "right": (248, 156, 32)}  # as in drawing/palette.py
_FACE_COLOUR = (214, 214, 214)
_FINGER_COLOURS = ((213, 94, 0), (240, 228, 66), (86, 180, 233), (204, 121, 167), (0, 158, 115))  # Okabe and Ito, 2008


def joint_colour(name: str) -> tuple[int, int, int]:
    """RGB of a joint: that of its finger, of the face, or of its side.

    >>> joint_colour("right_thumb3"), joint_colour("left_heel"), joint_colour("nose")
    ((213, 94, 0), (87, 144, 252), (214, 214, 214))
    """
    for finger, colour in zip(FINGERS, _FINGER_COLOURS, strict=True):
        if finger in name:
            return colour
    return _SIDE_COLOURS.get(name.partition("_")[0], _FACE_COLOUR)


FOOT_DEVIATIONS = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
FACE_DEVIATIONS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041,
    0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012,
    0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008,
    0.008, 0.008, 0.010, 0.008,
)  # fmt: skip
_HAND_DEVIATIONS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
    0.032, 0.020, 0.019, 0.022, 0.031,
)  # fmt: skip
HAND_DEVIATIONS = 2 * _HAND_DEVIATIONS
