"""Copies of remote videos, for as long as they are tracked: one ahead of each worker, and no more in all than a limit.

Workers of all machines share a folder of copies. Each copy has a lock, which its user holds. Whoever takes a lock,
counts, or removes holds the lock of the whole folder for that moment, so that no lock file is removed under another's
hands. The system releases the locks of a process that ends in any way; what it leaves is used by the next attempt, or
removed.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from pose_track.batch.stores import open_store, version_of
from pose_track.utils.atomic import atomic_path

_POLL_SECONDS = 0.5
_SIZE_FILE = "bytes"
_GIB = 2**30

logger = logging.getLogger(__name__)


class Staging:
    """The copies in a folder.

    limit_bytes: of all copies in the folder together; None for no limit. A size that a web server does not state counts
    as nothing.
    is_waiting: whether `staged` waits until there is room within the limit.
    """

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._ahead = threading.Thread()
        self.is_waiting = False

    @contextmanager
    def staged(self, name: str, source: str) -> Iterator[Path]:
        """A context with a copy of a remote video, which is removed at its end, however that comes.

        name: of the video in its batch. A copy that was made ahead, or that a killed process has left, is used. While
        the limit is reached, copies that nobody uses are removed, and then it waits for those in use. Raises
        ValueError for a video that is larger than the limit.
        """
        entry = self._entry(name)
        while (lock := self._take(entry)) is None:  # it is being copied ahead
            time.sleep(_POLL_SECONDS)
        try:
            yield self._copy(source, entry)
        finally:
            shutil.rmtree(entry, ignore_errors=True)
            self._release(lock)

    @contextmanager
    def ahead(self, name: str, source: str) -> Iterator[None]:
        """A context in the course of which another video is copied, for whichever worker tracks it later. A copy that
        has begun is ended after the context; until then there is no other. It removes nothing to have room."""
        over = threading.Event()
        if not self._ahead.is_alive():
            self._ahead = threading.Thread(
                target=self._copy_ahead, args=(name, source, over), name="staging", daemon=True
            )
            self._ahead.start()
        try:
            yield
        finally:
            over.set()

    def clean(self) -> None:
        """Remove the copies that nobody uses."""
        if not self._folder.exists():
            return
        with self._gate():
            for entry in self._entries():
                self._evict(entry)
            with suppress(OSError):  # some are in use
                self._folder.rmdir()

    def _copy_ahead(self, name: str, source: str, over: threading.Event) -> None:
        entry = self._entry(name)
        lock = self._take(entry)
        if lock is None:
            return
        try:
            self._copy(source, entry, over)
        except Exception as error:  # whoever tracks it will say so
            logger.info("%s was not copied ahead: %s", source, error)
            shutil.rmtree(entry, ignore_errors=True)
        finally:
            self._release(lock)

    def _copy(self, source: str, entry: Path, over: threading.Event | None = None) -> Path:
        """The copy of a video whose lock is held. over: of one that is copied ahead, to wait for room no longer; such a
        one may be missing then."""
        size, version = version_of(source)
        store, path = open_store(source)
        copy = entry / f"{version[:12]}-{PurePosixPath(path.partition('?')[0]).name}"
        if not copy.exists() and self._wait_for_room(source, entry, size, over):
            with atomic_path(copy, single_writer=True) as unfinished:
                store.get_file(path, str(unfinished))
        return copy

    def _wait_for_room(self, source: str, entry: Path, size: int, over: threading.Event | None) -> bool:
        if self._limit_bytes is not None and size > self._limit_bytes:
            raise ValueError(
                f"{source!r} has {size / _GIB:.3g} GiB, and copies may have {self._limit_bytes / _GIB:.3g}; "
                "give a larger --staging-limit"
            )
        try:
            while not self._reserve(entry, size, may_evict=over is None):
                if over is None:
                    self.is_waiting = True
                    time.sleep(_POLL_SECONDS)
                elif over.wait(_POLL_SECONDS):
                    return False
        finally:
            if over is None:
                self.is_waiting = False
        return True

    def _reserve(self, entry: Path, size: int, may_evict: bool) -> bool:
        """Make an empty folder for a copy, which from now on counts; False where there is no room."""
        with self._gate():
            shutil.rmtree(entry, ignore_errors=True)  # half a copy, or one of another version
            if self._limit_bytes is not None and not self._has_room(self._limit_bytes - size, may_evict):
                return False
            entry.mkdir(parents=True)
            (entry / _SIZE_FILE).write_text(str(size))
            return True

    def _has_room(self, most: int, may_evict: bool) -> bool:
        """Whether there are no more bytes than `most`, where that helps without the copies that nobody uses."""
        sizes = {entry: _size_of(entry) for entry in self._entries()}
        for entry in list(sizes):
            if sum(sizes.values()) <= most:
                break
            if may_evict and self._evict(entry):
                del sizes[entry]
        return sum(sizes.values()) <= most

    def _entry(self, name: str) -> Path:
        """The folder of a copy."""
        return self._folder / hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:20]

    def _entries(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.is_dir())

    def _gate(self) -> FileLock:
        """The lock of the whole folder, a file beside it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder.with_suffix(".lock"))

    def _take(self, entry: Path) -> FileLock | None:
        """The lock of a copy; None where another one has it."""
        with self._gate():
            return _locked(entry)

    def _release(self, lock: FileLock) -> None:
        with self._gate():
            _unlock(lock)

    def _evict(self, entry: Path) -> bool:
        """Remove a copy unless it is in use, from within the gate."""
        lock = _locked(entry)
        if lock is None:
            return False
        shutil.rmtree(entry, ignore_errors=True)
        _unlock(lock)
        return True


def _size_of(entry: Path) -> int:
    try:
        return int((entry / _SIZE_FILE).read_text())
    except (OSError, ValueError):  # it is being removed, or a full disk has cut it
        return 0


def _locked(entry: Path) -> FileLock | None:
    lock = FileLock(entry.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _unlock(lock: FileLock) -> None:
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
