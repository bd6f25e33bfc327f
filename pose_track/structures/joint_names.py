"""Joint names, whatever their spelling in a file."""

from __future__ import annotations

from pose_track.structures.skeleton import SKELETONS

_ALIASES = {
    "neck": "head_bottom",  # LSP, CrowdPose, AI Challenger
    "upper_neck": "head_bottom",  # MPII
    "head": "head_top",  # CrowdPose, Halpe
    "top_head": "head_top",
}


def joint_name(spelling: str) -> str:
    """The package's name of a joint, from any usual spelling; an unknown spelling is returned unchanged.

    Case, spaces and punctuation are ignored; "l" and "r" stand for left and right.

    >>> [joint_name(s) for s in ("Left shoulder", "r_wrist", "LKnee", "upper neck", "headtop", "tail")]
    ['left_shoulder', 'right_wrist', 'left_knee', 'head_bottom', 'head_top', 'tail']
    """
    return _NAMES.get(_letters(spelling), spelling)


def _letters(spelling: str) -> str:
    return "".join(filter(str.isalnum, spelling.lower()))


def _spellings(name: str) -> list[str]:
    """The letters of a name, with the side written out and abbreviated to one letter."""
    side, _, joint_type = name.partition("_")
    return [_letters(name), *([_letters(side[0] + joint_type)] if side in ("left", "right") else [])]


_NAMES = {s: name for skeleton in SKELETONS.values() for name in skeleton.joint_names for s in _spellings(name)} | {
    _letters(alias): name for alias, name in _ALIASES.items()
}
