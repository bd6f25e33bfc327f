"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_path(path: str | Path, sync: bool = False, single_writer: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, which is renamed to `path` when the block ends without an error.

    The block creates a file or a folder at the temporary path. After an error it is removed, and an existing `path`
    stays as it was. Temporary paths are unique, so any number of writers may work at the same time; the last one wins.
    What a killed process left is removed by the next writer of the same path.

    sync: whether to force the content of a file to the disk before it is renamed, so that it survives a power failure.
    single_writer: use a fixed temporary path, so that the file that a killed run leaves is replaced by the next one.

    Raises OSError where `path` is a folder that is not empty.
    """
    path = Path(path)
    _remove_abandoned(path)
    unique = "" if single_writer else f".{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}{unique}.part")
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _machine() -> str:
    """A short name of this machine: the folder may be shared, and process numbers are those of one machine."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary paths that killed processes of this machine have left beside `path`."""
    prefix = f".{path.name}.{_machine()}-"
    for temporary in path.parent.glob(f"{glob.escape(prefix)}*.part"):
        process = temporary.name.removeprefix(prefix).split("-")[0]
        if process.isdigit() and not _is_running(int(process)):
            with suppress(OSError):  # another process may be removing it too
                _remove(temporary)


def _is_running(process: int) -> bool:
    if sys.platform == "win32":  # os.kill would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


@contextmanager
def atomic_text(path: str | Path) -> Iterator[TextIO]:
    """A UTF-8 text file to write, which becomes `path` when the block ends without an error; see `atomic_path`."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes `path` when the block ends without an error; see `atomic_path`.

    Where another writer has created the folder `path` in the meantime, that one stays and this one is removed.
    """
    path = Path(path)
    filled = False
    try:
        with atomic_path(path) as temporary:
            temporary.mkdir()
            yield temporary
            filled = True
    except OSError:
        if not (filled and path.is_dir()):
            raise
