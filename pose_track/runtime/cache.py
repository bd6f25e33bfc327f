"""Where compiled networks are kept from one start of the program to the next."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import pose_track.models
from pose_track.utils.cache_dir import VARIABLE

T = TypeVar("T")

log = logging.getLogger(__name__)


def entry_name(key: str) -> str:
    """A name for what `key` tells everything about: its first word, for people, and a hash of all of it.

    >>> entry_name("hrnet_compact of 15 joints"), entry_name("hrnet_compact of 17 joints")
    ('hrnet_compact-da1269555bdfdeea', 'hrnet_compact-0f54d88bbf3a803a')
    """
    word = re.sub(r"[^A-Za-z0-9_]+", "-", key.split()[0])
    return f"{word}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


@cache
def code_hash() -> str:
    """A hash of the modules that define the networks, whose change an unreleased version does not tell."""
    digest = hashlib.sha256()
    for path in sorted(Path(pose_track.models.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def read_kept(entry: Path, read: Callable[[Path], T]) -> T | None:
    """What `read` makes of the folder `entry`; None where there is none, or where `read` fails: then that is logged and
    the folder removed, to be made again."""
    if not entry.is_dir():
        return None
    try:
        return read(entry)
    except Exception as error:  # the errors of those who read networks share no class
        log.warning("%s cannot be read and is made again (%s)", entry, " ".join(str(error).split()))
        shutil.rmtree(entry, ignore_errors=True)
        return None


def keep(entry: Path, write: Callable[[Path], None]) -> None:
    """Make the folder `entry` with what `write` puts into the folder it is given; whole or not at all, whoever else
    does the same at the same time.

    Where nothing can be written, OSError or RuntimeError, that is logged as a warning once, for the program can do
    without.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=entry.parent) as beside:
            part = Path(beside) / entry.name
            part.mkdir()
            write(part)
            _move(part, entry)
    except (OSError, RuntimeError) as error:
        _warn(entry.parent, " ".join(str(error).split()))


def _move(part: Path, entry: Path) -> None:
    try:
        part.rename(entry)
    except OSError:
        if not entry.is_dir():  # else another process was first, with the same
            raise


@cache
def _warn(folder: Path, reason: str) -> None:
    remedy = f"set {VARIABLE} to a folder that can be written to"
    log.warning("compiled networks cannot be kept in %s (%s), so every start is slow; %s", folder, reason, remedy)
