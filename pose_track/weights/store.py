"""The folder of published weights: each file is downloaded once and checked."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pose_track.utils.cache_dir import VARIABLE, cache_folder
from pose_track.utils.hashing import file_sha256
from pose_track.weights.archive import MEMBER, is_archive
from pose_track.weights.download import Opener, is_page, open_web, set_aside
from pose_track.weights.entries.entry import PublishedPoseWeights, PublishedWeights, Use
from pose_track.weights.fetch import fetch_from, started_source
from pose_track.weights.pins import expected_digest, is_pinned, pin, pin_path
from pose_track.weights.sources import MIRROR_VARIABLE, Mirror, chosen_mirror, sources_of
from pose_track.weights.zoo import ZOO

logger = logging.getLogger(__name__)

_ALTERNATIVES: dict[Use, str] = {
    "pose": "use --preset fast, which needs no download",
    "detector": "use --preset fast, which needs no download",
    "one_stage": "use --preset fast, which needs no download",
    "flow": "use tracker.flow.method dis, which needs no download",
    "trunk": "train from random weights",
}


def weights_folder() -> Path:
    """The folder of published weights: `weights` in the cache folder, see `utils.cache_dir`."""
    return cache_folder() / "weights"


def stored_path(entry: PublishedWeights) -> Path:
    """The path of an entry's file after its download."""
    return weights_folder() / entry.file


def fetch_weights(entry: PublishedWeights, open_url: Opener = open_web, mirror: Mirror | None = None) -> Path:
    """The file of published weights, which is downloaded unless it is stored already.

    mirror: tried before the published addresses; None for the one of the environment, if any.

    Its addresses are tried in turn. If no digest is published, that of the first file is kept, see `weights.pins`. A
    stored file with a wrong hash is renamed, with a warning, and downloaded again. If several processes need the file,
    one downloads and the others wait.

    Raises ConnectionError if no address has the file, naming all, the path for the file and an alternative;
    FileNotFoundError for a file that has to be downloaded by hand; ValueError if what is downloaded has another hash;
    OSError if it cannot be stored.
    """
    path = stored_path(entry)
    if path.is_file() and find_problem(path, entry) is None:
        pin(path, entry, "the file in the folder of weights")
        return path
    mirror = mirror or chosen_mirror()
    if not sources_of(entry, mirror):
        raise _manual_download_needed(path, entry)
    _create(path.parent)
    with _download_lock(path):
        if not (path.is_file() and _check_or_set_aside(path, entry)):
            _fetch(path, entry, mirror, open_url)
    return path


def add_to_store(entry: PublishedWeights, source: Path, sha256: str) -> Path:
    """The file of published weights, copied from a path unless it is stored already. sha256: of the file.

    Raises ValueError for another hash, OSError if it cannot be stored.
    """
    path = stored_path(entry)
    _create(path.parent)
    with _download_lock(path):
        if not (path.is_file() and _check_or_set_aside(path, entry)):
            fetch_from(source, path, sha256, open_web)
        pin(path, entry, str(source))
    return path


def _manual_download_needed(path: Path, entry: PublishedWeights) -> FileNotFoundError:
    if path.is_file():
        _check_or_set_aside(path, entry)
    download = f"download {entry.file} from {entry.source}, and {_placement(path)}"
    return FileNotFoundError(f"{entry.name} has to be downloaded by hand: {download}, or {_alternative(entry)}")


def _fetch(path: Path, entry: PublishedWeights, mirror: Mirror | None, open_url: Opener) -> None:
    """Fetch from the first source that has the file."""
    failures: dict[str | Path, Exception] = {}
    for source in sources_of(entry, mirror, first=started_source(path)):
        try:
            fetch_from(source, path, expected_digest(path, entry), open_url)
        except (ConnectionError, ValueError) as error:
            failures[source] = error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(f"{error.strerror}, or set {VARIABLE} to a folder with more space") from None
        else:
            for wrong in (error for error in failures.values() if isinstance(error, ValueError)):
                logger.warning("%s", wrong)
            return pin(path, entry, str(source))
    raise _not_fetched(path, entry, failures)


def _not_fetched(path: Path, entry: PublishedWeights, failures: Mapping[str | Path, Exception]) -> Exception:
    """The error for an entry that no source has: what is wrong with each, and what would work."""
    (first, error), *others = failures.items()
    if isinstance(error, ValueError) and not others:
        return error
    reasons = "; ".join(dict.fromkeys(_reason(source, error) for source, error in failures.items()))
    address = entry.urls[0] if entry.urls else str(first)
    remedy = f"download {address} in another way and {_placement(path, is_archive(address))}"
    others_work = f"name a mirror in {MIRROR_VARIABLE}, or {_ALTERNATIVES[entry.use]}"
    return ConnectionError(f"cannot download {entry.name}: {reasons}; {remedy}, {others_work}")


def _reason(source: str | Path, error: Exception) -> str:
    """What is wrong with a source, in brief; an address is shortened to its host."""
    shown = source.split("/")[2] if isinstance(source, str) else str(source)
    return str(error).partition(";")[0].replace(str(source), shown)


def find_problem(path: Path, entry: PublishedWeights) -> str | None:
    """Why a file does not hold these weights; None if it does, as far as their hash is known."""
    expected = expected_digest(path, entry)
    if not expected and not path.stat().st_size:
        return "is empty"
    actual = file_sha256(path)
    if expected and actual.startswith(expected):
        return None
    with open(path, "rb") as file:
        if is_page(file.read(100)):
            return "is an HTML page, as a proxy or a login sends it, instead of weights"
    if not expected:
        return None
    pinned = f", which is pinned in {pin_path(path).name}" if is_pinned(path, entry) else ""
    return f"has the SHA-256 {actual[:8]}... instead of {expected[:8]}...{pinned}"


def _check_or_set_aside(path: Path, entry: PublishedWeights) -> bool:
    """Whether a file holds these weights; any other is renamed, with a warning."""
    problem = find_problem(path, entry)
    if problem is not None:
        logger.warning("%s %s; it is renamed to %s and not used", path, problem, set_aside(path, path).name)
    return problem is None


def _placement(path: Path, from_archive: bool = False) -> str:
    what = f"the {MEMBER} of the archive" if from_archive else "it"
    return f"save {what} in {str(path.parent)!r} as {path.name!r}"


def _alternative(entry: PublishedWeights) -> str:
    """What to use instead of a file that has to be downloaded by hand."""
    same = [other.name for other in ZOO.values() if other.urls and _is_equivalent(other, entry)]
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
