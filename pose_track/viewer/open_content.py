"""From files to what a viewer shows."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from pose_track.editing.session import EditSession, default_edits_path
from pose_track.results.open_result import open_result
from pose_track.viewer.content import Content, ShownResult
from pose_track.viewer.marks import find_marks

logger = logging.getLogger(__name__)


def open_content(
    path: Path,
    other: Path | None = None,
    truth: Path | None = None,
    video: Path | None = None,
    edits: Path | None = None,
    can_edit: bool = True,
) -> Content:
    """Open the results that a viewer shows.

    path: a result, see `open_result`. other: a second result of the same video, or `truth`: a PoseTrack file of it,
        against which the first one is evaluated.
    video: a file or folder of images; None for the one that a result names. Without any, people are on black.
    edits: the file of the edits of the first result; None for the one beside it. A folder of another program's files
        has none.

    Raises ValueError and OSError as `open_result` and `EditSession` do, and `load_pairs` does for
    ground truth that does not fit.
    """
    if other is not None and truth is not None:
        raise ValueError("give a second result or ground truth, not both")
    first = open_result(path, video)
    can_edit = can_edit and first.path.is_file()  # edits belong to the hash of a file
    session = EditSession(path, edits or default_edits_path(path), video) if can_edit else None
    paths = [path] + [second for second in (other, truth) if second is not None]
    names = _names(paths)
    results = [ShownResult(names[0], path, first, session)]
    for name, second in zip(names[1:], paths[1:], strict=True):
        results.append(ShownResult(name, second, open_result(second, first.source)))
    source = first.source or (results[-1].result.source if other is not None else None)
    if source is None:
        logger.warning("the video of %s was not found; people are shown on black. Give it with --video", path)
    marks = None if truth is None else partial(find_marks, truth, first.skeleton)
    content = Content(results, source, marks)
    content.marks()  # ground truth that does not fit is an error now rather than in the browser
    return content


def _names(paths: list[Path]) -> list[str]:
    """Short names that tell results apart: as much of the end of each path as that takes.

    >>> _names([Path("a/clip/tracks.jsonl"), Path("b/clip/tracks.jsonl")]), _names([Path("runs/clip")])
    (['a/clip', 'b/clip'], ['clip'])
    """
    parts = [_parts(path) for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _parts(path: Path) -> tuple[str, ...]:
    return (path.parent if path.name == "tracks.jsonl" else path).parts
