"""One writer at a time for a folder of results."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
OWNER_FILE = ".lock.json"
LOCK_FILES = (LOCK_FILE, OWNER_FILE)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """A context in which no other process may lock the folder; a folder that is missing is created.

    The system releases the lock of a process that ends in any way. At the end LOCK_FILES are removed, and the folder
    and parents that were created, where they are empty. Raises BlockingIOError, which names the other process, where
    another one has locked the folder; OSError where the folder cannot be created or written.
    """
    removable = [folder, *(path for path in folder.parents if not path.exists())]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            f"{str(folder)!r} is in use by {lock_owner(folder)}; wait until that has ended, or give another output"
        ) from None
    try:
        _write_owner(folder / OWNER_FILE)
        yield
    finally:
        for name in LOCK_FILES:
            with suppress(OSError):  # on Windows the lock file is removed on release
                (folder / name).unlink()
        lock.release()
        with suppress(OSError):  # one holds results
            for path in removable:
                path.rmdir()


def is_locked(folder: Path) -> bool:
    """Whether another process has locked the folder now."""
    if not (folder / LOCK_FILE).exists():
        return False
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def lock_owner(folder: Path) -> str:
    """The process that has locked the folder, in words."""
    try:
        owner = json.loads((folder / OWNER_FILE).read_bytes())
        return f"process {owner['pid']} on {owner['machine']}, which began at {owner['began']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just locked the folder, or just ended
        return "another process"


def _write_owner(path: Path) -> None:
    owner = {"pid": os.getpid(), "machine": platform.node(), "began": time.strftime("%Y-%m-%d %H:%M:%S")}
    with suppress(OSError):  # a full disk: the lock itself holds
        path.write_text(json.dumps(owner), encoding="utf-8")
