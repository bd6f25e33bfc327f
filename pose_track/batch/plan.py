"""The videos of a batch as units of work: names, settings, weights, and the share of one machine of several."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pose_track.batch.driver import Video
from pose_track.batch.naming import result_names
from pose_track.batch.recipe import Recipe, make_recipe
from pose_track.batch.sources import find_videos
from pose_track.config.settings import Settings


@dataclass(frozen=True)
class Shard:
    """One of several parts of a batch. index: from 0."""

    index: int
    count: int


def parse_shard(text: str) -> Shard:
    """Raises ValueError for anything but i/n with i from 0 to n - 1.

    >>> parse_shard("2/3")
    Shard(index=2, count=3)
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise ValueError(f"--shard is i/n with i from 0 to n - 1, such as 0/4, got {text!r}")
    return Shard(int(match[1]), int(match[2]))


def plan_videos(
    sources: Sequence[str],
    out: Path,
    settings_of: Callable[[Mapping[str, str]], Settings],
    stages: str | None = None,
    shard: Shard | None = None,
) -> list[Video]:
    """All videos of the sources, or every n-th of them.

    settings_of: settings of a video, from those of its row in a manifest. stages: see `TrackHandler`.

    Raises as `find_videos` and `make_recipe`, and ValueError for a wrong setting of a row.
    """
    found = find_videos(sources, out)
    recipes: dict[tuple[tuple[str, str], ...], Recipe] = {}
    videos = []
    for name, video in zip(result_names(found), found, strict=True):
        own = tuple(sorted(video.settings.items()))
        if own not in recipes:
            recipes[own] = make_recipe(settings_of(video.settings), stages)
        videos.append(Video(name, video.source, recipes[own], _weight(video.source)))
    return videos if shard is None else videos[shard.index :: shard.count]


def _weight(source: str) -> float:
    """The size of a file; 1 for what has none, and for a remote one, which would take a question for each."""
    try:
        return max(1.0, float(os.stat(source).st_size))
    except OSError:
        return 1.0
