"""Digests of weights whose publisher states none: that of the first download is kept, and holds from then on."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import FULL_DIGEST, PublishedWeights

PIN_SUFFIX = ".sha256"

logger = logging.getLogger(__name__)


def pin_path(path: Path) -> Path:
    """Where the digest of a stored file is kept, in the format of `sha256sum`."""
    return path.with_name(path.name + PIN_SUFFIX)


def expected_digest(path: Path, entry: PublishedWeights) -> str:
    """The SHA-256 that a stored file must have: the published one, else the pinned one, else the published first
    digits; "" if nothing is known."""
    if len(entry.sha256) == FULL_DIGEST:
        return entry.sha256
    pinned = _read(pin_path(path))
    return pinned if pinned.startswith(entry.sha256) else entry.sha256


def is_pinned(path: Path, entry: PublishedWeights) -> bool:
    """Whether the digest that a stored file must have is one that was pinned."""
    return len(entry.sha256) < FULL_DIGEST == len(expected_digest(path, entry))


def pin(path: Path, entry: PublishedWeights, source: str) -> None:
    """Keep the digest of a stored file, and say so, if no whole one is known yet. `source` names its origin.

    Nothing is kept in a folder that is not writable.
    """
    if len(expected_digest(path, entry)) == FULL_DIGEST or not os.access(path.parent, os.W_OK):
        return
    digest = file_sha256(path)
    pin_path(path).write_text(f"{digest}  {path.name}\n", encoding="utf-8")
    logger.warning(
        "pinned the SHA-256 of %s, which its publisher does not state: %s, from %s", path.name, digest, source
    )


def _read(path: Path) -> str:
    """The digest in a file of `sha256sum`; "" if there is none."""
    if not path.is_file():
        return ""
    match = re.match(r"[0-9a-f]{64}\b", path.read_text(encoding="utf-8", errors="replace"))
    return match[0] if match else ""
