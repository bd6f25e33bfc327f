"""Cores of this machine for workers that do not know of each other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claimed_cores(number: int, folder: Path | None = None) -> Iterator[Sequence[int]]:
    """A context in which no other process that asks for as many cores has the same ones; () where all are taken, or the
    system does not tell which this process may use. The system frees those of a process that ends in any way.

    folder: of the locks; by default one of this machine.
    """
    if not hasattr(os, "sched_getaffinity"):
        yield ()
        return
    folder = folder or Path(tempfile.gettempdir()) / f"pose_track-cores-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    usable = sorted(os.sched_getaffinity(0))
    for first in range(0, len(usable) - number + 1, number):
        lock = FileLock(folder / f"{number}-{first}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        with lock:
            yield usable[first : first + number]
        lock.release()
        return
    yield ()
