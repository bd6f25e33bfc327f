"""One file from one place: a web address or a folder, of the file itself or of an archive that holds it."""

from __future__ import annotations

import shutil
from pathlib import Path

from pose_track.utils.atomic import atomic_path
from pose_track.weights.archive import is_archive, unpack_network
from pose_track.weights.download import Opener, check_digest, download, is_page
from pose_track.weights.partial_download import started_address


def fetch_from(source: str | Path, file: Path, sha256: str, open_url: Opener) -> None:
    """Bring the file of `source` to `file`, whose folder exists, whole or not at all.

    source: a web address, which may be that of a zip archive with a network, or the path of a file.
    sha256: hash of `file`, or its first digits. A file with another hash is renamed, see `download.set_aside`.

    Raises ConnectionError where the source has no such file, and ValueError for an archive without a network, a page in
    place of a file, or another hash; OSError (ENOSPC) if the disk is full.
    """
    if isinstance(source, Path):
        _copy(source, file, sha256)
    elif is_archive(source):
        archive = _archive_of(file)
        download(source, archive, open_url=open_url)
        _unpack(archive, file, sha256, source)
    else:
        download(source, file, sha256, open_url)


def started_source(file: Path) -> str | None:
    """The address from which a part of `file`, or of its archive, was received already; None for none."""
    return started_address(file) or started_address(_archive_of(file))


def _archive_of(file: Path) -> Path:
    return file.with_name(f".{file.stem}.zip")


def _unpack(archive: Path, file: Path, sha256: str, source: str) -> None:
    try:
        with atomic_path(file) as unpacked:
            try:
                unpack_network(archive, unpacked)
            except ValueError as error:
                raise ValueError(f"{source} {error}") from None
            check_digest(unpacked, file, sha256, f"the network in {source}")
    finally:
        archive.unlink(missing_ok=True)


def _copy(source: Path, file: Path, sha256: str) -> None:
    if not source.is_file():
        raise ConnectionError(f"there is no {str(source)!r}")
    with source.open("rb") as start:
        if is_page(start.read(100)):
            raise ConnectionError(f"{str(source)!r} is an HTML page instead of the file")
    with atomic_path(file) as copy:
        shutil.copyfile(source, copy)
        check_digest(copy, file, sha256, repr(str(source)))
