"""The hash of a file, without PyTorch."""

from __future__ import annotations

import hashlib
import os
from functools import cache


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits. Published names often carry the first eight. A file that was not
    changed since is not read again: weights may be large, and more than one part of a start wants to know."""
    found = os.stat(path)
    return _sha256(os.path.abspath(path), found.st_mtime_ns, found.st_size)


@cache
def _sha256(path: str, mtime_ns: int, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
