"""The names of results: the tree of the videos, in which no two share a folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from pose_track.batch.sources import Found

CONTROL = ".batch"
"""The folder of a batch's own files, beside the results."""

_TAKEN = {CONTROL, "failed.jsonl", "summary.csv", "summary.html", "summary.parquet"}


def result_names(videos: Sequence[Found]) -> list[str]:
    """The folder of each video's results below that of the batch: its place in the tree, without its suffix.

    A video whose folder would be that of another one, or one above it, keeps its suffix; where that is not enough, a
    digest of its path and settings follows. Names depend on the videos, not on their order. Case does not tell two
    names apart, as on some file systems.

    >>> found = [Found(text, PurePosixPath(text)) for text in ("a/clip.mp4", "a/clip.avi", "b/c.mp4", "b/c/d.mp4")]
    >>> result_names(found)
    ['a/clip.mp4', 'a/clip.avi', 'b/c.mp4', 'b/c/d']
    """
    folders = {_folded(folder) for video in videos for folder in video.place.parents} | _TAKEN
    names = [_without_suffix(video) for video in videos]
    rename: Callable[[Found], str]
    for rename in (_with_suffix, _with_digest):
        counts = Counter(name.casefold() for name in names)
        names = [
            rename(video) if counts[name.casefold()] > 1 or name.casefold() in folders else name
            for video, name in zip(videos, names, strict=True)
        ]
    return names


def _folded(folder: PurePosixPath) -> str:
    return str(folder).casefold()


def _without_suffix(video: Found) -> str:
    """A name whose stem is only dots stays whole."""
    return str(video.place.with_name(video.place.stem) if video.place.stem.strip(".") else video.place)


def _with_suffix(video: Found) -> str:
    return str(video.place)


def _with_digest(video: Found) -> str:
    text = "\0".join([video.source, *(f"{key}={value}" for key, value in sorted(video.settings.items()))])
    return f"{video.place}-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:8]}"
