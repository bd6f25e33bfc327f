"""Paths of images and videos below a root folder."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts", ".wmv")


def path_below(root: Path, name: str) -> Path:
    """`root`/`name`, where the name was read from a file that may come from any operating system.

    Raises ValueError where the path would leave the root: an absolute path, one with a drive or with "..".

    >>> path_below(Path("data"), "images\\\\a/000001.jpg").as_posix()
    'data/images/a/000001.jpg'
    """
    path = PureWindowsPath(name)  # knows the separators and drives of all systems
    if not path.name or path.anchor or ".." in path.parts:
        raise ValueError(f"an image name must be a path below {str(root)!r}, got {name!r}; correct it in the file")
    return root.joinpath(*path.parts)


def video_beside(folder: Path) -> Path | None:
    """The video that stands in for a folder of images: beside the folder and of its name; None where there is none."""
    candidates = [folder.with_name(folder.name + suffix) for suffix in VIDEO_SUFFIXES if folder.name]
    return next((path for path in candidates if path.is_file()), None)
