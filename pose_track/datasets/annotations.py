"""Entries of annotation files, read one by one.

A broken entry raises an error that names it, or is skipped and counted.
"""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from pose_track.formats.json_text import parse_json
from pose_track.structures.arrays import Float64Array

logger = logging.getLogger(__name__)

OnBroken = Literal["stop", "skip"]
JsonObject = dict[str, Any]

SKIP_REMEDY = 'correct or remove it, or skip such entries with on_broken "skip"'

_Entry = TypeVar("_Entry")
_Label = TypeVar("_Label")


def read_entries(
    path: Path,
    entries: Iterable[tuple[str, _Entry]],
    read: Callable[[_Entry], _Label | None],
    on_broken: OnBroken = "stop",
    remedy: str = SKIP_REMEDY,
) -> list[_Label]:
    """The labels that `read` returns for the entries, in their order, without None.

    An entry for which `read` raises ValueError is broken. "stop" raises a ValueError that names it. "skip" leaves all
    broken entries out and logs one warning with their number and the first error.

    Args:
        path: the file or folder that the entries come from.
        entries: pairs of a name for error messages and the entry.
        read: returns the label of an entry, or None to leave it out.
        on_broken: "stop" or "skip"; any other value raises ValueError.
        remedy: what the error of a broken entry advises.
    """
    if on_broken not in ("stop", "skip"):
        raise ValueError(f'on_broken must be "stop" or "skip", got {on_broken!r}')
    labels, errors = [], []
    for name, entry in entries:
        try:
            label = read(entry)
        except ValueError as error:
            if on_broken == "stop":
                raise ValueError(f"{name} {error}; {remedy}") from None
            errors.append(f"{name} {error}")
            continue
        if label is not None:
            labels.append(label)
    log_skipped(path, errors)
    return labels


def log_skipped(path: Path, errors: list[str]) -> None:
    """Log one warning with the number of skipped entries and the first error; nothing where there are none."""
    if errors:
        logger.warning("%s: skipped %d broken entries, the first: %s", path, len(errors), errors[0])


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises FileNotFoundError, or ValueError if it is not JSON."""
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    return parse_json(path.read_bytes(), path)


def get_fields(entry: JsonObject, *keys: str) -> list[Any]:
    """The values of an entry's `keys`. Raises ValueError naming missing keys.

    >>> get_fields({"center": [1, 2], "scale": 3}, "center", "scale")
    [[1, 2], 3]
    """
    missing = [key for key in keys if key not in entry]
    if missing:
        raise ValueError(f"has no {', no '.join(missing)}")
    return [entry[key] for key in keys]


def checked_name(value: object, key: str) -> str:
    """The name of an image file in an entry. Raises ValueError for what is no text, or no name that a file can have."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"{key} must be the name of an image file, got {reprlib.repr(value)}")
    return value


def to_array(value: object, shape: tuple[int, ...], name: str) -> Float64Array:
    """`value` as an array of `shape`, NaN for None. Raises ValueError naming the field for anything else.

    >>> to_array([1, 2.5], (2,), "center").tolist()
    [1.0, 2.5]
    """
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):  # ragged lists, text, objects, numbers of hundreds of digits
        array = None
    if array is None or array.shape != shape:
        count = " x ".join(map(str, shape)) + " numbers" if shape else "a number"
        raise ValueError(f"needs {count} as {name}, got {reprlib.repr(value)}")
    return array
