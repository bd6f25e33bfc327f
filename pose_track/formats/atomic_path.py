"""Files and folders of any kind that are there whole or not at all; text files have `atomic`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Another name beside `path`, for the block to make a file or folder there, which takes the name `path` only when
    the block ends well; else nothing is left of it and a file that was there before stays.

    Raises OSError where `path` is a folder that is not empty.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
