"""Conversion of files from one format to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pose_track.formats.chosen_people import ChosenPeople
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, read_sequence, readable_files
from pose_track.selection.choice import EVERYBODY, Choice
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.overwrite import check_not_input, check_output_file, check_overwrite


class CountingSource:
    """A source that counts the frames and people of its latest iteration."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.name, self.skeleton, self.extra = source.name, source.skeleton, source.extra
        self.layout: str = getattr(source, "layout", "")
        self.frames = self.people = 0

    def __iter__(self) -> Iterator[tuple[FrameInfo, PoseAnnotations]]:
        self.frames = self.people = 0
        for info, people in self._source:
            self.frames += 1
            self.people += len(people)
            yield info, people


def convert_file(
    path: Path,
    out: Path,
    to: str,
    problems: Problems | None = None,
    skeleton: Skeleton | None = None,
    choice: Choice = EVERYBODY,
) -> CountingSource:
    """Read `path`, write the chosen people as `out` in the format `to`, and return the counts.

    Raises as `read_sequence`, and ValueError for a choice that is not in the file.
    """
    found = read_sequence(path, problems, skeleton)
    choice.check_region(found.extra.get("width"), found.extra.get("height"))
    source = CountingSource(found if choice.is_all else ChosenPeople(found, choice))
    out.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[to].write(source, out)
    return source


def conversion_jobs(path: Path, out: Path, to: str, overwrite: bool = False) -> list[tuple[Path, Path]]:
    """Pairs of a file to read and a file to write.

    For a file, or a folder that holds one video, `out` itself; for another folder, each readable file in it, and a file
    of the same stem in the folder `out`.
    Raises as `readable_files` does; ValueError where two files would have the same output, or an input would be
    replaced; FileExistsError where an output exists and `overwrite` is off.
    """
    paths = readable_files(path)
    outputs = [out] if paths == [path] else [out / (p.stem + FORMATS[to].suffix) for p in paths]
    duplicates = [str(output) for output, count in Counter(outputs).items() if count > 1]
    if duplicates:
        raise ValueError(f"several files of {str(path)!r} would become {duplicates[0]!r}; convert each by itself")
    for output in outputs:
        if FORMATS[to].suffix:
            check_output_file(output, overwrite, paths)
        else:
            check_not_input(output, paths)
            check_overwrite(output, overwrite)
    return list(zip(paths, outputs, strict=True))
