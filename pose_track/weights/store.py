"""Published weights on this machine: a folder that each file enters once, checked."""

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

log = logging.getLogger(__name__)

_WITHOUT: dict[Use, str] = {
    "pose": "use --preset fast, which needs no download",
    "detector": "use --preset fast, which needs no download",
    "flow": "use tracker.flow.method dis, which needs no download",
    "trunk": "train from random weights",
}


def weights_folder() -> Path:
    """Where published weights are kept: `weights` in the cache folder, see `runtime.cache`."""
    return cache_folder() / "weights"


def stored_path(entry: PublishedWeights) -> Path:
    """Where its weights are once they were fetched."""
    return weights_folder() / entry.file


def fetch_weights(entry: PublishedWeights, open_url: Opener = open_https) -> Path:
    """The file of published weights, which is downloaded unless it is kept already.

    A kept file whose hash is wrong is not used but renamed, which is logged as a warning. Of several processes one
    downloads and the others wait. Raises ConnectionError, with the address, the place for the file and what else to do,
    where it cannot be downloaded; FileNotFoundError with the same for a file that has to be fetched by hand; ValueError
    where what was downloaded has another hash; OSError where it cannot be kept.
    """
    path = stored_path(entry)
    if path.is_file() and fault(path, entry) is None:
        return path
    if entry.url is None:
        raise _by_hand(path, entry)
    _make(path.parent)
    with _alone(path):
        if not (path.is_file() and _is_usable(path, entry)):
            _fetch(entry.url, path, entry, open_url)
    return path


def _by_hand(path: Path, entry: PublishedWeights) -> FileNotFoundError:
    if path.is_file():
        _is_usable(path, entry)
    get = f"get {entry.file} from {entry.source}, and {_place(path)}"
    return FileNotFoundError(f"{entry.name} has to be fetched by hand: {get}, or {_other(entry)}")


def _fetch(url: str, path: Path, entry: PublishedWeights, open_url: Opener) -> None:
    try:
        download(url, path, entry.sha256, open_url)
    except ConnectionError as error:
        instead = f"fetch it in another way and {_place(path)}, or {_WITHOUT[entry.use]}"
        raise ConnectionError(f"cannot fetch {entry.name}: {error}; {instead}") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(f"{error.strerror}, or set {VARIABLE} to a folder with more room") from None


def fault(path: Path, entry: PublishedWeights) -> str | None:
    """What is wrong with a file that should hold these weights; None for nothing, as far as their hash is known."""
    if not entry.sha256 and not path.stat().st_size:
        return "is empty"
    found = file_sha256(path)
    if entry.sha256 and found.startswith(entry.sha256):
        return None
    with open(path, "rb") as file:
        if is_page(file.read(100)):
            return "is a page, as a proxy or a login gives, and no weights"
    return f"has the SHA-256 {found[:8]}... instead of {entry.sha256}..." if entry.sha256 else None


def _is_usable(path: Path, entry: PublishedWeights) -> bool:
    """Whether a file holds these weights; one that does not is set aside, and a warning tells so."""
    reason = fault(path, entry)
    if reason is not None:
        log.warning("%s %s: it is kept as %s and not used", path, reason, set_aside(path, path).name)
    return reason is None


def _place(path: Path) -> str:
    return f"put it into {str(path.parent)!r} as {path.name!r}"


def _other(entry: PublishedWeights) -> str:
    """What to use instead of a file that has to be fetched by hand."""
    same = [other.name for other in ZOO.values() if other.url is not None and _form(other) == _form(entry) != ()]
    return f"use {same[0]}, which is downloaded" if same else _WITHOUT[entry.use]


def _form(entry: PublishedWeights) -> tuple[object, ...]:
    """Two keypoint networks of one form are used alike."""
    if not isinstance(entry, PublishedPoseWeights):
        return ()
    return entry.network, entry.skeleton, entry.input_size, entry.kind


def _make(folder: Path) -> None:
    remedy = f"set {VARIABLE} to a folder that can be written to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"weights cannot be kept in {str(folder)!r} ({error.strerror}); {remedy}") from None
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"weights cannot be kept in {str(folder)!r}, which is not writable; {remedy}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else downloads this file at the same time; whoever does is waited for."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s is being downloaded by another process: waiting for it", path.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
