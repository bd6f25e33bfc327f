"""The videos that a batch is about: files, folders, patterns, and the rows of manifests."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pose_track.batch.manifest import MANIFEST_SUFFIXES, read_manifest
from pose_track.batch.stores import find_remote, is_remote
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.video.image_reader import IMAGE_SUFFIXES
from pose_track.video.paths import VIDEO_SUFFIXES

WALKED_SUFFIXES = (*VIDEO_SUFFIXES, ".3gp", ".flv", ".m2ts", ".mts", ".ogv")
"""What counts as a video in a folder; a file that is named itself may have any suffix."""


@dataclass(frozen=True)
class Found:
    """A video.

    source: as `track` takes it. place: where it is in the tree that the results mirror, with its suffix. settings: of
    this video alone, as text by dotted key.
    """

    source: str
    place: PurePosixPath
    settings: Mapping[str, str] = field(default_factory=dict)


def find_videos(sources: Iterable[str], out: Path) -> list[Found]:
    """The videos of all sources, each once, in the order of the sources and sorted within each.

    sources: videos, folders of videos, patterns of either, and manifests. In folders, hidden files and results are
    passed over; a folder that holds images but no video is one video.
    out: the folder of results, which is passed over too.

    Raises FileNotFoundError for a source that is not there, or holds no video; ValueError for a wrong manifest.
    """
    found: dict[tuple[str, tuple[tuple[str, str], ...]], Found] = {}
    for source in sources:
        videos = list(_videos_of(source, out))
        if not videos:
            raise FileNotFoundError(f"there is no video in {source!r}; check the path")
        for video in videos:
            path = video.source if is_remote(video.source) else os.path.abspath(video.source)
            identity = path, tuple(sorted(video.settings.items()))
            found.setdefault(identity, video)
    return list(found.values())


def _videos_of(source: str, out: Path) -> Iterator[Found]:
    path = Path(source)
    if is_remote(source):
        yield from (Found(url, place) for url, place in find_remote(source, WALKED_SUFFIXES))
    elif path.is_dir():
        yield from _walk(path, path, out)
    elif path.exists() and path.suffix.lower() in MANIFEST_SUFFIXES:
        yield from _rows_of(path)
    elif path.exists():
        yield Found(source, PurePosixPath(path.name))
    elif glob.has_magic(source):
        yield from _matches_of(source, out)
    else:
        fault = "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
        raise FileNotFoundError(f"{source!r} {fault}; check the path")


def _walk(folder: Path, root: Path, out: Path, seen: frozenset[str] = frozenset()) -> Iterator[Found]:
    """The videos below a folder, at their places below `root`. seen: real paths of the folders above, so that links do
    not lead in circles."""
    real = os.path.realpath(folder)
    if real in seen or real == os.path.realpath(out):
        return
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file()]
    if any(file.name == TRACKS_FILE for file in files):
        return
    videos = [file for file in files if file.suffix.lower() in WALKED_SUFFIXES]
    if not videos and any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
        videos = [folder]
    for video in videos:
        place = PurePosixPath(video.relative_to(root).as_posix())
        yield Found(str(video), place if place.name else PurePosixPath(folder.resolve().name))
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry, root, out, seen | {real})


def _matches_of(pattern: str, out: Path) -> Iterator[Found]:
    """The files and folders that a pattern matches, at their places below its part without wildcards. A pattern whose
    end has no suffix is about videos only."""
    parts = Path(pattern).parts
    root = Path(*parts[: next(number for number, part in enumerate(parts) if glob.has_magic(part))])
    own = Path(os.path.realpath(out))
    for match in map(Path, sorted(glob.glob(pattern, recursive=True))):
        if own in (real := Path(os.path.realpath(match)), *real.parents):
            continue
        if match.is_dir() and "**" not in parts[-1]:
            yield from _walk(match, root, out)
        elif match.is_file() and (Path(parts[-1]).suffix or match.suffix.lower() in WALKED_SUFFIXES):
            yield Found(str(match), PurePosixPath(match.relative_to(root).as_posix()))


def _rows_of(manifest: Path) -> Iterator[Found]:
    """The videos of a manifest, at their places below the folder that holds them all."""
    rows = []
    for text, settings in read_manifest(manifest):
        if is_remote(text):
            yield Found(text, PurePosixPath(text.partition("://")[2].partition("?")[0]), settings)
        else:
            rows.append((manifest.parent / text, settings))
    if not rows:
        return
    root = os.path.commonpath([os.path.abspath(path.parent) for path, _ in rows])
    for path, settings in rows:
        place = PurePosixPath(Path(os.path.relpath(path, root)).as_posix())
        yield Found(str(path), place, settings)
