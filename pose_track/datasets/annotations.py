"""Entries of annotation files, read one by one: a broken one is an error that names it, or is left out and counted."""

from __future__ import annotations

import json
import logging
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

OnBroken = Literal["stop", "skip"]
Note = dict[str, Any]

_Entry = TypeVar("_Entry")
_Label = TypeVar("_Label")


def read_entries(
    path: Path,
    entries: Iterable[tuple[str, _Entry]],
    read: Callable[[_Entry], _Label | None],
    on_broken: OnBroken = "stop",
) -> list[_Label]:
    """What `read` makes of the entries, in their order, without those it makes nothing of (None).

    entries: each with what to call it in an error; path: the file or folder they are from. Where `read` raises
    ValueError the entry is broken: "stop" raises a ValueError that names it, "skip" leaves all such entries out and
    logs one warning with their number and the first fault. Raises ValueError on another `on_broken`.
    """
    if on_broken not in ("stop", "skip"):
        raise ValueError(f'on_broken must be "stop" or "skip", got {on_broken!r}')
    labels, faults = [], []
    for where, entry in entries:
        try:
            label = read(entry)
        except ValueError as error:
            if on_broken == "stop":
                remedy = 'correct or remove it, or leave such entries out with on_broken "skip"'
                raise ValueError(f"{where} {error}; {remedy}") from None
            faults.append(f"{where} {error}")
            continue
        if label is not None:
            labels.append(label)
    if faults:
        logger.warning("%s: %d broken entries left out, the first: %s", path, len(faults), faults[0])
    return labels


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises FileNotFoundError, or ValueError where it is none."""
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def fields(note: Note, *keys: str) -> list[Any]:
    """The values of an entry's `keys`. Raises ValueError naming those it lacks.

    >>> fields({"center": [1, 2], "scale": 3}, "center", "scale")
    [[1, 2], 3]
    """
    lacking = [key for key in keys if key not in note]
    if lacking:
        raise ValueError(f"has no {', no '.join(lacking)}")
    return [note[key] for key in keys]


def numbers(value: object, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """`value` as an array of `shape`, NaN for None. Raises ValueError where it is no such array.

    >>> numbers([1, 2.5], (2,), "center").tolist()
    [1.0, 2.5]
    """
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):  # of ragged lists, text, objects
        array = None
    if array is None or array.shape != shape:
        count = " x ".join(map(str, shape)) + " numbers" if shape else "a number"
        raise ValueError(f"needs {count} as {name}, got {reprlib.repr(value)}")
    return array
