"""Joint names, whatever their spelling in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pose_track.structures.skeleton import SKELETONS, joint_type, side_of

_SYNONYMS = (
    ("head_bottom", "neck", "upper_neck"),  # neck: LSP, CrowdPose, AI Challenger; upper_neck: MPII
    ("head_top", "head", "top_head"),  # head: CrowdPose, Halpe
    ("pelvis", "hip", "mid_hip"),  # hip without a side: Halpe; mid_hip: OpenPose
)


def joint_name(spelling: str) -> str:
    """The package's name of a joint, from any usual spelling; an unknown spelling is returned unchanged.

    Case, spaces and punctuation are ignored; "l" and "r" stand for left and right, which may come last.

    >>> [joint_name(s) for s in ("Left shoulder", "r_wrist", "LKnee", "ElbowRight", "upper neck", "headtop", "tail")]
    ['left_shoulder', 'right_wrist', 'left_knee', 'right_elbow', 'head_bottom', 'head_top', 'tail']
    """
    return _NAMES.get(_letters(spelling), spelling)


def match_joints(skeleton_joints: Sequence[str], names: Sequence[str]) -> dict[int, int]:
    """For each joint of a skeleton that a file has, its index in the file's names.

    A name matches a joint of the same name; else of another usual spelling of it, see `joint_name`. Of two spellings
    of one joint, the skeleton's own wins, else the first.

    >>> match_joints(("nose", "neck", "left_ear"), ("L_Ear", "Nose", "neck", "tail"))
    {0: 1, 1: 2, 2: 0}
    """
    joint_of = _by_spelling(skeleton_joints)
    columns = {joint_of.get(_letters(name)): j for j, name in reversed(list(enumerate(names)))}
    columns |= {name: j for j, name in reversed(list(enumerate(names))) if name in skeleton_joints}
    return {k: columns[name] for k, name in enumerate(skeleton_joints) if name in columns}


def _letters(spelling: str) -> str:
    return "".join(filter(str.isalnum, spelling.lower()))


def _spellings(name: str) -> list[str]:
    """The letters of a name, with the side as it is, and before and after the joint, written out and as one letter."""
    side, joint = side_of(name), _letters(joint_type(name))
    sided = [letters for s in (side, side[0]) for letters in (s + joint, joint + s)] if side else []
    return [_letters(name), *sided]


def _by_spelling(names: Iterable[str]) -> dict[str, str]:
    """The joint of each usual spelling, by its letters; a name's own letters come before synonyms of other joints."""
    known = list(dict.fromkeys(names))
    synonyms = {_letters(other): name for name in known for group in _SYNONYMS if name in group for other in group}
    return synonyms | {s: name for name in known for s in _spellings(name)} | {_letters(name): name for name in known}


_NAMES = _by_spelling(name for skeleton in SKELETONS.values() for name in skeleton.joint_names)
