"""Fields of option classes with their descriptions, and checks of their ranges.

An option class is a frozen dataclass. A field's description is `metadata["description"]`, which pydantic reads as well.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any


def option(default: Any, description: str) -> Any:
    """A dataclass field with a default value and a one-line description that names its unit."""
    return field(default=default, metadata={"description": description})


def required_option(description: str) -> Any:
    """A dataclass field without default, with a one-line description that names its unit."""
    return field(metadata={"description": description})


def check_unit_interval(options: object, *names: str) -> None:
    """Raises ValueError for a named field that is not between 0 and 1."""
    for name in names:
        if not 0 <= getattr(options, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {getattr(options, name)!r}")


def check_fractions(options: object, *names: str) -> None:
    """Raises ValueError for a named field that is not at least 0 and below 1."""
    for name in names:
        if not 0 <= getattr(options, name) < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {getattr(options, name)!r}")
