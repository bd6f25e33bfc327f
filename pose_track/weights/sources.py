"""Where the file of published weights may come from: a mirror first, then its published addresses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pose_track.weights.entries.entry import PublishedWeights

MIRROR_VARIABLE = "POSE_TRACK_MIRROR"


@dataclass(frozen=True)
class Mirror:
    """A folder or an address with weights files under the names that they have in the store.

    location: as the user gave it. Raises ValueError for one that is neither an address nor a folder.
    """

    location: str

    def __post_init__(self) -> None:
        if not self.is_address and not Path(self.location).is_dir():
            problem = "does not exist" if "://" not in self.location else "is no address of http or https"
            raise ValueError(
                f"the mirror {self.location!r} {problem}; give a folder, or an address such as https://..."
            )

    @property
    def is_address(self) -> bool:
        return self.location.startswith(("https://", "http://"))

    def source(self, file: str) -> str | Path:
        """The address or path of a file.

        >>> Mirror("https://lab.example/weights/").source("raft_small.pth")
        'https://lab.example/weights/raft_small.pth'
        """
        return f"{self.location.rstrip('/')}/{file}" if self.is_address else Path(self.location) / file


def chosen_mirror(location: str | None = None) -> Mirror | None:
    """The mirror at a location, or the one that the variable POSE_TRACK_MIRROR names; None without both."""
    location = location or os.environ.get(MIRROR_VARIABLE)
    return Mirror(location) if location else None


def sources_of(entry: PublishedWeights, mirror: Mirror | None, first: str | None = None) -> Sequence[str | Path]:
    """The addresses and paths of an entry's file, in the order in which they are tried.

    first: one of them that is tried before all others, since a part of the file came from there already.
    """
    mirrored = [] if mirror is None else [mirror.source(entry.file)]
    return sorted([*mirrored, *entry.urls], key=lambda source: source != first)  # stable
