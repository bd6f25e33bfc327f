"""Joints by name: the spellings in use for them."""

from __future__ import annotations

from pose_track.structures.skeleton import SKELETONS

_ALIASES = {
    "neck": "head_bottom",  # LSP, CrowdPose, AI Challenger
    "upper_neck": "head_bottom",  # MPII
    "head": "head_top",  # CrowdPose, Halpe
    "top_head": "head_top",
}


def joint_name(spelling: str) -> str:
    """The package's name of a joint, however a file spells it; the spelling itself where it is none of them.

    Capitals, spaces and other signs between the words do not count, "l" and "r" stand for the sides.

    >>> [joint_name(s) for s in ("Left shoulder", "r_wrist", "LKnee", "upper neck", "headtop", "tail")]
    ['left_shoulder', 'right_wrist', 'left_knee', 'head_bottom', 'head_top', 'tail']
    """
    return _NAMES.get(_letters(spelling), spelling)


def _letters(spelling: str) -> str:
    return "".join(filter(str.isalnum, spelling.lower()))


def _spellings(name: str) -> list[str]:
    """The letters of a name, with its side written out and as one letter."""
    side, _, part = name.partition("_")
    return [_letters(name), *([_letters(side[0] + part)] if side in ("left", "right") else [])]


_NAMES = {s: name for skeleton in SKELETONS.values() for name in skeleton.joint_names for s in _spellings(name)} | {
    _letters(alias): name for alias, name in _ALIASES.items()
}
