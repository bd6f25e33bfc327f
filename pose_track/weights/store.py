"""The folder of published weights: each file is downloaded once and checked."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pose_track.utils.cache_dir import VARIABLE, cache_folder
from pose_track.utils.hashing import file_sha256
from pose_track.weights.download import Opener, download, is_page, open_https, set_aside
from pose_track.weights.zoo import ZOO, PublishedPoseWeights, PublishedWeights, Use

logger = logging.getLogger(__name__)

_ALTERNATIVES: dict[Use, str] = {
    "pose": "use --preset fast, which needs no download",
    "detector": "use --preset fast, which needs no download",
    "flow": "use tracker.flow.method dis, which needs no download",
    "trunk": "train from random weights",
}


def weights_folder() -> Path:
    """The folder of published weights: `weights` in the cache folder, see `utils.cache_dir`."""
    return cache_folder() / "weights"


def stored_path(entry: PublishedWeights) -> Path:
    """The path of an entry's file after its download."""
    return weights_folder() / entry.file


def fetch_weights(entry: PublishedWeights, open_url: Opener = open_https) -> Path:
    """The file of published weights, which is downloaded unless it is stored already.

    A stored file with a wrong hash is renamed, with a warning, and downloaded again. If several processes need the
    file, one downloads and the others wait.

    Raises ConnectionError for a failed download, naming the address, the path for the file and an alternative;
    FileNotFoundError for a file that has to be downloaded by hand; ValueError for a downloaded file with another hash;
    OSError if it cannot be stored.
    """
    path = stored_path(entry)
    if path.is_file() and find_problem(path, entry) is None:
        return path
    if entry.url is None:
        raise _manual_download_needed(path, entry)
    _create(path.parent)
    with _download_lock(path):
        if not (path.is_file() and _check_or_set_aside(path, entry)):
            _download(entry.url, path, entry, open_url)
    return path


def _manual_download_needed(path: Path, entry: PublishedWeights) -> FileNotFoundError:
    if path.is_file():
        _check_or_set_aside(path, entry)
    download = f"download {entry.file} from {entry.source}, and {_placement(path)}"
    return FileNotFoundError(f"{entry.name} has to be downloaded by hand: {download}, or {_alternative(entry)}")


def _download(url: str, path: Path, entry: PublishedWeights, open_url: Opener) -> None:
    try:
        download(url, path, entry.sha256, open_url)
    except ConnectionError as error:
        remedy = f"download it in another way and {_placement(path)}, or {_ALTERNATIVES[entry.use]}"
        raise ConnectionError(f"cannot download {entry.name}: {error}; {remedy}") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(f"{error.strerror}, or set {VARIABLE} to a folder with more space") from None


def find_problem(path: Path, entry: PublishedWeights) -> str | None:
    """Why a file does not hold these weights; None if it does, as far as their hash is known."""
    if not entry.sha256 and not path.stat().st_size:
        return "is empty"
    actual = file_sha256(path)
    if entry.sha256 and actual.startswith(entry.sha256):
        return None
    with open(path, "rb") as file:
        if is_page(file.read(100)):
            return "is an HTML page, as a proxy or a login sends it, instead of weights"
    return f"has the SHA-256 {actual[:8]}... instead of {entry.sha256}..." if entry.sha256 else None


def _check_or_set_aside(path: Path, entry: PublishedWeights) -> bool:
    """Whether a file holds these weights; any other is renamed, with a warning."""
    problem = find_problem(path, entry)
    if problem is not None:
        logger.warning("%s %s; it is renamed to %s and not used", path, problem, set_aside(path, path).name)
    return problem is None


def _placement(path: Path) -> str:
    return f"save it in {str(path.parent)!r} as {path.name!r}"


def _alternative(entry: PublishedWeights) -> str:
    """What to use instead of a file that has to be downloaded by hand."""
    same = [other.name for other in ZOO.values() if other.url is not None and _is_equivalent(other, entry)]
    return f"use {same[0]}, which is downloaded" if same else _ALTERNATIVES[entry.use]


def _is_equivalent(first: PublishedWeights, second: PublishedWeights) -> bool:
    """Whether two entries are keypoint networks of the same size, joints, crops and heatmaps."""
    if not (isinstance(first, PublishedPoseWeights) and isinstance(second, PublishedPoseWeights)):
        return False
    attributes = ("network", "skeleton", "input_size", "heatmap_type")
    return all(getattr(first, name) == getattr(second, name) for name in attributes)


def _create(folder: Path) -> None:
    remedy = f"set {VARIABLE} to a writable folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"weights cannot be stored in {str(folder)!r} ({error.strerror}); {remedy}") from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"weights cannot be stored in {str(folder)!r}, which is not writable; {remedy}")


@contextmanager
def _download_lock(path: Path) -> Iterator[None]:
    """Ensures that one process at a time downloads this file; the others wait."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("waiting for another process, which downloads %s", path.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
