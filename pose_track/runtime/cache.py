"""The cache of compiled networks, from one start of the program to the next."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import pose_track.models
from pose_track.utils.atomic import atomic_folder
from pose_track.utils.cache_dir import VARIABLE
from pose_track.utils.hashing import fresh_sha256

T = TypeVar("T")

CHECKSUMS = "SHA256SUMS"
"""The file of an entry that holds the SHA-256 of the others, as the program sha256sum writes it."""

logger = logging.getLogger(__name__)

_unwritable: set[Path] = set()  # folders of which a warning was logged


def entry_name(key: str) -> str:
    """The folder name of a cache entry: the first word of the key, for people, and a hash of the whole key.

    >>> entry_name("hrnet_compact of 15 joints"), entry_name("hrnet_compact of 17 joints")
    ('hrnet_compact-da1269555bdfdeea', 'hrnet_compact-0f54d88bbf3a803a')
    """
    word = re.sub(r"[^A-Za-z0-9_]+", "-", key.split()[0])
    return f"{word}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


@cache
def code_hash() -> str:
    """A hash of the modules that define the networks. They may change without a new version number."""
    digest = hashlib.sha256()
    for path in sorted(Path(pose_track.models.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def load_entry(entry: Path, read: Callable[[Path], T]) -> T | None:
    """What `read` returns for the folder `entry`, or None where there is no such folder.

    Where a file is not the one that was stored, as its SHA-256 tells, or `read` fails, the error is logged, the folder
    is removed, and None is returned.
    """
    if not entry.is_dir():
        return None
    try:
        if (entry / CHECKSUMS).read_text(encoding="utf-8") != _checksums(entry):
            raise ValueError(f"a file does not have the SHA-256 in {CHECKSUMS}")
        return read(entry)
    except Exception as error:  # the readers' errors share no class
        logger.warning("%s cannot be read and is written again (%s)", entry, " ".join(str(error).split()))
        shutil.rmtree(entry, ignore_errors=True)
        return None


def _checksums(folder: Path) -> str:
    """The content of CHECKSUMS for the files of a folder."""
    paths = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    return "".join(f"{fresh_sha256(path)}  {path.name}\n" for path in paths)


def store_entry(entry: Path, write: Callable[[Path], None]) -> None:
    """Create the folder `entry` with the files that `write` puts into the folder given to it.

    The entry appears complete or not at all, also where several processes store it at once. Where nothing can be
    written (OSError or RuntimeError), one warning says so: the program works without a cache.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(entry) as folder:
            write(folder)
            (folder / CHECKSUMS).write_text(_checksums(folder), encoding="utf-8")
    except (OSError, RuntimeError) as error:
        _warn_once(entry.parent, " ".join(str(error).split()))


def _warn_once(folder: Path, reason: str) -> None:
    if folder in _unwritable:
        return
    _unwritable.add(folder)
    remedy = f"set {VARIABLE} to a writable folder"
    logger.warning("compiled networks cannot be stored in %s (%s), so every start is slow; %s", folder, reason, remedy)
