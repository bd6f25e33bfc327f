"""Where the video of a result is."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from pose_track.video.locations import STREAM_SCHEMES


def find_video(result: Path, source: str | None) -> Path | None:
    """The video that a result names, a file or a folder of images: at the path as given, else below one of the folders
    above the result, with its path or its name alone. None where it is in none of these places.

    source: as in the header of a result; what is not a path of this machine, such as an address, is never opened.
    """
    if not source or source.partition("://")[0].lower() in STREAM_SCHEMES:
        return None
    name = PureWindowsPath(source).name
    folders = result.absolute().parents
    candidates = [Path(source), *(folder / source for folder in folders), *(folder / name for folder in folders[:3])]
    return next((path for path in candidates if name and _exists(path)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or with a null character
        return False


def given_video(video: str | Path) -> Path:
    """The video that the user gives. Raises FileNotFoundError where there is no such file or folder."""
    path = Path(video)
    if not _exists(path):
        raise FileNotFoundError(f"the video {str(video)!r} does not exist; check the path")
    return path
