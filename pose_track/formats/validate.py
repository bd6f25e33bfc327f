"""Checks of the values in a file; each raises ValueError with the expected and the actual value."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from pose_track.formats.problems import Problems

_T = TypeVar("_T")

INT64_MAX = 2**63 - 1

_short = reprlib.Repr()  # Python's own shows six levels of lists, which may be a page of text
_short.maxlevel = 2

MAX_NUMBER = 1e9
"""Numbers beyond are no positions in pixels and no scores; their squares would not fit into single precision."""


def try_read(read: Callable[..., _T], *args: Any, where: str, problems: Problems) -> _T | None:
    """`read(*args)`, or None where it raises ValueError, which is added to `problems` with the place `where`."""
    try:
        return read(*args)
    except ValueError as error:
        message = str(error)
    problems.add(f"{where}: {message}")
    return None


def finite_number(value: object, name: str) -> float:
    """A number of at most MAX_NUMBER, also if negative; no boolean, no text.

    >>> finite_number(3, "x")
    3.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER:
        return float(value)
    raise ValueError(f"{name} must be a finite number, got {reprlib.repr(value)}")


def integer(value: object, name: str, least: int, most: int = INT64_MAX) -> int:
    """An integer from `least` to `most`, which may be written as 3.0.

    >>> integer(3.0, "id", 0, 14)
    3
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most and value % 1 == 0:
        return int(value)
    limits = f"of at least {least}" if most == INT64_MAX else f"from {least} to {most}"
    raise ValueError(f"{name} must be an integer {limits}, got {reprlib.repr(value)}")


def object_list(value: object, name: str) -> list[dict[str, Any]]:
    """A list of JSON objects; empty for None."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} must be a list of objects, got {_short.repr(value)}")
    return value
