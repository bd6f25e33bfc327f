"""Hashes of files."""

from __future__ import annotations

import hashlib
import os
from functools import cache


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; the names of published weights often carry the first eight.

    An unchanged file is read once per process: weights may be large, and several callers need their hash.
    """
    status = os.stat(path)
    return _sha256(os.path.abspath(path), status.st_mtime_ns, status.st_size)


def fresh_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file as it is now, which is read in any case: a damaged file may keep its time and size."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@cache
def _sha256(path: str, mtime_ns: int, size: int) -> str:
    return fresh_sha256(path)
