"""The speed of a video over that of life, which a result of slow motion states."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPEED_KEY = "speed_factor"
"""Of a header; times of a result are those of the video as it is stored, and this times them are true seconds."""


def stated_speed(header: Mapping[str, Any]) -> float | None:
    """The speed that a header states; None where it states none.

    >>> stated_speed({"fps": 30.0, "speed_factor": 0.125})
    0.125
    """
    value = header.get(SPEED_KEY)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def agreed_speed(header: Mapping[str, Any], given: float | None, path: Path) -> float:
    """The speed of a video of which a header may state one, and the user another; 1 where neither does.

    path: of the file, for the message. Raises ValueError where the two differ.
    """
    stated = stated_speed(header)
    if None not in (stated, given) and stated != given:
        raise ValueError(
            f"{str(path)!r} states a speed factor of {stated:g}, so it cannot be {given:g}; leave it out, or track the "
            "video again with another one"
        )
    return given or stated or 1.0
