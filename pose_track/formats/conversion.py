"""Files of one format as files of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence, readable_files
from pose_track.structures.sequence import FrameInfo, FrameSource, People
from pose_track.structures.skeleton import Skeleton


class Counted:
    """The same source, which counts what its latest iteration passed. frames, people: how many."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.name, self.skeleton, self.more = source.name, source.skeleton, source.more
        self.layout: str = getattr(source, "layout", "")
        self.frames = self.people = 0

    def __iter__(self) -> Iterator[tuple[FrameInfo, People]]:
        self.frames = self.people = 0
        for info, people in self._source:
            self.frames += 1
            self.people += len(people)
            yield info, people


def convert_file(
    path: Path, out: Path, to: str, problems: Problems | None = None, skeleton: Skeleton | None = None
) -> Counted:
    """Read `path`, write it as `out` in the format `to`, and return how much that was; errors as in `read_sequence`."""
    source = Counted(read_sequence(path, problems, skeleton))
    out.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[to].write(source, out)
    return source


def conversions(path: Path, out: Path, to: str, overwrite: bool = False) -> list[tuple[Path, Path]]:
    """What to read and what to write: `out` for a file; for a folder one of the same name, but for the suffix, in the
    folder `out` for each file in it that may be one of tracks.

    Raises ValueError where there is nothing to read, or two files, or one that is to be read, would be written to, and
    FileExistsError where what is there already may not be overwritten.
    """
    paths = readable_files(path)
    outs = [out / (p.stem + FORMATS[to].suffix) for p in paths] if path.is_dir() else [out]
    twice = [str(target) for target, count in Counter(outs).items() if count > 1]
    if twice:
        raise ValueError(f"several files of {str(path)!r} would become {twice[0]!r}; convert each by itself")
    for target in outs:
        _check_target(target, paths, to, overwrite)
    return list(zip(paths, outs, strict=True))


def _check_target(target: Path, paths: list[Path], to: str, overwrite: bool) -> None:
    read = [path.resolve() for path in paths]
    if any(target.resolve() in (path, *path.parents) for path in read):
        raise ValueError(f"{str(target)!r} would take the place of what is read; give another OUT")
    if target.is_dir() and FORMATS[to].suffix:
        raise FileExistsError(f"{str(target)!r} is a folder; name a file in it")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{str(target)!r} is there already; give --overwrite or another OUT")
