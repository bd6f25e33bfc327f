"""Skeletons in settings: the name of a built-in one, or a user's YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.structures.skeleton_record import is_built_in, parse_skeleton, skeleton_record
from pose_track.utils.names import did_you_mean
from pose_track.utils.yaml_text import read_yaml_file

FOLDER = "folder"
"""The key of the validation context that holds the folder of the settings file, which paths are relative to."""


def read_skeleton(path: Path) -> Skeleton:
    """The skeleton of a YAML file; see `structures.skeleton_record` for its keys.

    Raises ValueError, with the file and the fault in one line.
    """
    values = read_yaml_file(path)
    try:
        return parse_skeleton(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def find_skeleton(name_or_path: str, folder: Path | None = None) -> Skeleton:
    """A built-in skeleton by name, or that of a file.

    folder: where a relative path is looked for first; then it is relative to the working folder. Raises ValueError for
    neither a name nor a file, and as `read_skeleton`.
    """
    if name_or_path in SKELETONS:
        return SKELETONS[name_or_path]
    places = [Path(name_or_path)] if folder is None else [folder / name_or_path, Path(name_or_path)]
    for path in places:
        if path.is_file():
            return read_skeleton(path)
    hint = did_you_mean(name_or_path, SKELETONS)
    raise ValueError(f"there is no skeleton {name_or_path!r}{hint}; give {', '.join(SKELETONS)} or a YAML file")


def _parse(value: Any, info: ValidationInfo) -> Skeleton:
    if isinstance(value, Skeleton):
        return value
    if isinstance(value, str):
        return find_skeleton(value, (info.context or {}).get(FOLDER))
    try:
        return parse_skeleton(value)
    except ValueError as error:
        raise ValueError(f"skeleton {error}") from None


def _parse_optional(value: Any, info: ValidationInfo) -> Skeleton | None:
    return None if value is None else _parse(value, info)


def _to_setting(skeleton: Skeleton | None) -> str | dict[str, Any] | None:
    """A skeleton as settings state it: the name of a built-in one, else all of it."""
    if skeleton is None:
        return None
    return skeleton.name if is_built_in(skeleton) else skeleton_record(skeleton)


_AS_SETTING = PlainSerializer(_to_setting)

SkeletonSetting = Annotated[Skeleton, PlainValidator(_parse), _AS_SETTING]
"""A skeleton in settings: a built-in one's name, the path of a YAML file, or the content of one."""

OptionalSkeletonSetting = Annotated[Skeleton | None, PlainValidator(_parse_optional), _AS_SETTING]
