"""The labels of some of the collections that an annotation file brings together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, TypeVar


class Sourced(Protocol):
    """A label that states the collection that its image comes from."""

    @property
    def source(self) -> str: ...


Label = TypeVar("Label", bound=Sourced)


def of_sources(labels: Sequence[Label], sources: Collection[str], path: Path) -> list[Label]:
    """The labels of these collections, of all where `sources` is empty.

    path: of the annotation file, for the error message. Raises ValueError naming a collection that it lacks.
    """
    known = {label.source for label in labels}
    if missing := sorted(set(sources) - known):
        names = ", ".join(map(repr, sorted(known))) or "none"
        raise ValueError(f"{path} has no image of source {missing[0]!r}, only {names}; correct sources")
    return [label for label in labels if not sources or label.source in sources]
