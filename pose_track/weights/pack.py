"""Stored weights as a folder, to carry them to a machine without a network, or to serve them as a mirror."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from pose_track.utils.atomic import atomic_path
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.pins import expected_digest
from pose_track.weights.store import add_to_store, stored_path
from pose_track.weights.zoo import find_published

SUMS = "SHA256SUMS"
"""The file of digests beside packed weights, in the format of `sha256sum`."""


def add_to_pack(folder: Path, entry: PublishedWeights) -> Path:
    """Copy the stored file of an entry into a folder, which is made if needed, and add its digest to the list there.

    A file that is there already with the same digest is left as it is. Raises OSError if the folder cannot be written,
    ValueError if its list is damaged.
    """
    source, target = stored_path(entry), folder / entry.file
    folder.mkdir(parents=True, exist_ok=True)
    digest = file_sha256(source)
    if not (target.is_file() and file_sha256(target) == digest):
        with atomic_path(target) as part:
            shutil.copyfile(source, part)
    sums = _read_sums(folder) if (folder / SUMS).is_file() else {}
    _write_sums(folder, {**sums, entry.file: digest})
    return target


def unpack(folder: Path) -> list[Path]:
    """Bring all files of a pack into the store, checked against their list and against the published digests, and
    return their paths there. No network is used.

    Raises FileNotFoundError for a folder without a list, or without a file of the list; ValueError for a damaged list,
    a file that is not the one of the list or of the publisher, or one that is no published weights; OSError if they
    cannot be stored.
    """
    return [_add(folder / file, digest) for file, digest in _read_sums(folder).items()]


def _add(path: Path, digest: str) -> Path:
    entry = find_published(path.name)
    if entry is None or entry.file != path.name:
        raise ValueError(f"{str(path)!r} is none of the published weights; take it out of {SUMS}")
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r}, which {SUMS} lists, is missing; pack it again")
    if file_sha256(path) != digest:
        raise ValueError(f"{str(path)!r} is not the file that {SUMS} lists; copy or pack it again")
    published = expected_digest(stored_path(entry), entry)
    if not digest.startswith(published):
        raise ValueError(f"{str(path)!r} has the SHA-256 {digest[:8]}... instead of {published[:8]}...; pack it again")
    return add_to_store(entry, path, digest)


def _read_sums(folder: Path) -> dict[str, str]:
    """The digest of each file. Raises FileNotFoundError, or ValueError for a line of another form."""
    path = folder / SUMS
    if not path.is_file():
        raise FileNotFoundError(f"{str(folder)!r} has no {SUMS}; give a folder that pose-track weights pack wrote")
    lines = path.read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([0-9a-f]{64})  ([^/\\]+)", line) for line in lines]
    for number, match in enumerate(matches, 1):
        if match is None:
            raise ValueError(f"line {number} of {str(path)!r} is no digest with the name of a file; pack it again")
    return {match[2]: match[1] for match in matches if match is not None}


def _write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    with atomic_path(folder / SUMS) as part:
        part.write_text("".join(f"{digest}  {file}\n" for file, digest in sorted(sums.items())), encoding="utf-8")
