"""Formats that hold one person a file: a folder with a file for each person, or one file for a single one."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

from pose_track.formats.motions import Motion, Motions, motions
from pose_track.structures.sequence import FrameSource
from pose_track.utils.atomic import atomic_path

logger = logging.getLogger(__name__)

PersonWriter = Callable[[Motions, Motion, Path], None]
"""Raises ValueError, before it writes anything, for somebody whom the format cannot hold."""


def write_person_files(source: FrameSource, path: str | Path, suffix: str, write: PersonWriter) -> None:
    """Write NAME_person3.SUFFIX for each person into the folder `path`, or, where `path` has the suffix, the only
    person's file; either appears, or replaces an older one, only when it is complete.

    In a folder, people whom the format cannot hold are left out, with a warning. Raises ValueError where one file is to
    hold several people or nobody, and FileExistsError for a folder that holds
    other files.
    """
    path, found = Path(path), motions(source)
    if path.suffix == suffix:
        if len(found.people) != 1:
            raise ValueError(
                f"{str(path)!r} can hold one person, not {len(found.people)}; give a folder, or --people ID"
            )
        with atomic_path(path) as temporary:
            write(found, found.people[0], temporary)
        return
    name = re.sub(r"[^A-Za-z0-9._-]", "_", found.name)[:100]
    older = _older_files(path, suffix)
    with atomic_path(path) as temporary:
        temporary.mkdir()
        for person in found.people:
            try:
                write(found, person, temporary / f"{name}_person{person.track_id}{suffix}")
            except ValueError as error:
                logger.warning("%s; left out", error)
        for file in older:
            file.unlink()


def _older_files(folder: Path, suffix: str) -> list[Path]:
    """The existing files of a folder. Raises FileExistsError where one is of another kind, or the folder is a file."""
    if folder.is_file():
        raise FileExistsError(
            f"{str(folder)!r} is a file, and a folder is written; give a folder, or the suffix {suffix}"
        )
    paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in paths:
        if not re.fullmatch(r".*_person\d+" + re.escape(suffix), path.name):
            raise FileExistsError(f"{str(folder)!r} holds {path.name!r}, which no such conversion wrote; give another")
    return paths
