"""What readers ask of the values in a file; each raises ValueError that says what must be and what is."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from pose_track.formats.problems import Problems

_T = TypeVar("_T")

INT64_MAX = 2**63 - 1


def attempt(read: Callable[..., _T], *args: Any, where: str, problems: Problems) -> _T | None:
    """What `read` makes of `args`; None where that raises ValueError, which goes to `problems` with `where` it is."""
    try:
        return read(*args)
    except ValueError as error:
        fault = str(error)
    problems.add(f"{where}: {fault}")
    return None


def finite(value: object, name: str) -> float:
    """A number, but neither NaN nor infinite, nor true, nor text.

    >>> finite(3, "x")
    3.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300:
        return float(value)
    raise ValueError(f"{name} must be a finite number, got {reprlib.repr(value)}")


def whole(value: object, name: str, least: int, most: int = INT64_MAX) -> int:
    """A whole number, which may be told as 3.0, of `least` to `most`.

    >>> whole(3.0, "id", 0, 14)
    3
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most and value % 1 == 0:
        return int(value)
    limits = f"of at least {least}" if most == INT64_MAX else f"from {least} to {most}"
    raise ValueError(f"{name} must be a whole number {limits}, got {reprlib.repr(value)}")


def objects(value: object, name: str) -> list[dict[str, Any]]:
    """A list of JSON objects; none where it is None."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} must be a list of objects, got {reprlib.repr(value)}")
    return value
