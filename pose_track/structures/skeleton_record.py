"""Skeletons as plain values: in a user's YAML file, the metadata of networks and the header of results.

    {"name": "horse", "joints": ["nose", "left_ear", ...], "pairs": [["left_ear", "right_ear"], ...],
     "edges": [["nose", "withers"], ...], "sigmas": [0.03, ...], "colours": [[255, 0, 0], ...],
     "detail": ["left_hoof_1", ...]}

Name and joints are required; see `Skeleton` for what the others are by default.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from pose_track.structures.skeleton import SKELETONS, Skeleton

DEFINITION_KEY = "skeleton_definition"
"""The key of a user's skeleton in the metadata of networks and in the header of results, beside its name."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # it becomes a part of file names
_MAX_JOINTS = 4096  # a file with more is an attempt to exhaust memory

_Pair = tuple[str, str]
_Channel = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    joints: Annotated[list[str], msgspec.Meta(min_length=1, max_length=_MAX_JOINTS)]
    pairs: tuple[_Pair, ...] | None = None
    edges: tuple[_Pair, ...] | None = None
    sigmas: tuple[float, ...] | None = None
    colours: tuple[tuple[_Channel, _Channel, _Channel], ...] | None = None
    detail: tuple[str, ...] = ()


def parse_skeleton(values: object) -> Skeleton:
    """The skeleton of a record. Raises ValueError, with the key or the joint, for anything else.

    >>> parse_skeleton({"name": "horse", "joints": ["nose", "left_ear", "right_ear"]}).flip_indices.tolist()
    [0, 2, 1]
    """
    try:
        record = msgspec.convert(values, _Record)
    except msgspec.ValidationError as error:
        raise ValueError(f"is not a skeleton: {error}; it needs name and joints, see docs/training.md") from None
    if not _NAME.fullmatch(record.name):
        raise ValueError(f"name {record.name!r} must be 1 to 64 letters, digits, underscores, dots or dashes")
    if record.name in SKELETONS:
        raise ValueError(f"name {record.name!r} is that of a built-in skeleton; choose another")
    unusable = [name for name in record.joints if not name.strip() or not name.isprintable() or "," in name]
    if unusable:
        raise ValueError(f"the joint name {unusable[0]!r} of {record.name} must be printable, without a comma")
    return Skeleton(
        record.name, tuple(record.joints), record.pairs, record.edges, record.sigmas, record.colours, record.detail
    )


def skeleton_record(skeleton: Skeleton) -> dict[str, Any]:
    """The inverse of `parse_skeleton`."""
    options = {
        "pairs": skeleton.pairs,
        "edges": skeleton.limbs,
        "sigmas": skeleton.deviations,
        "colours": skeleton.colours,
        "detail": skeleton.detail or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    return {"name": skeleton.name, "joints": list(skeleton.joint_names), **_to_lists(given)}


def _to_lists(value: Any) -> Any:
    """A value with lists in place of tuples, as JSON has them."""
    if isinstance(value, dict):
        return {key: _to_lists(item) for key, item in value.items()}
    return [_to_lists(item) for item in value] if isinstance(value, tuple) else value


def is_built_in(skeleton: Skeleton) -> bool:
    """Whether the name alone identifies the skeleton."""
    return SKELETONS.get(skeleton.name) == skeleton


def header_fields(skeleton: Skeleton) -> dict[str, Any]:
    """The fields of a results' header that state its skeleton: its definition where name and joints are not all, and
    the skeleton is not built in."""
    fields: dict[str, Any] = {"skeleton": skeleton.name, "joint_names": list(skeleton.joint_names)}
    record = skeleton_record(skeleton)
    is_user_defined = record.keys() > {"name", "joints"} and not is_built_in(skeleton)
    return fields | ({DEFINITION_KEY: record} if is_user_defined else {})


def named_skeleton(name: str, definition: object | None) -> Skeleton:
    """The skeleton of a name in a file, and of its definition beside it, None for a built-in one.

    Raises ValueError for an unknown name without definition, and for an invalid or another definition.
    """
    if definition is None:
        if name not in SKELETONS:
            raise ValueError(f"skeleton {name!r} is not built in, and its {DEFINITION_KEY} is missing")
        return SKELETONS[name]
    try:
        skeleton = parse_skeleton(definition)
    except ValueError as error:
        raise ValueError(f"{DEFINITION_KEY} {error}") from None
    if skeleton.name != name:
        raise ValueError(f"skeleton {name!r} has the {DEFINITION_KEY} of {skeleton.name!r}")
    return skeleton
