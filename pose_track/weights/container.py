"""The container format of a file, by its first bytes and its table of contents: weights, or something else."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Container = Literal["safetensors", "torch"]

_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # near the start of `torch.save`'s files before PyTorch 1.6

_WEIGHTS_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")

_OTHER_FORMATS = {
    b"\x89PNG": "is an image (PNG)",
    b"\xff\xd8\xff": "is an image (JPEG)",
    b"GIF8": "is an image (GIF)",
    b"RIFF": "is an image or a video (RIFF)",
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"\x89HDF": "is an HDF5 file, such as Keras writes",
    b"version https://git-lfs": "is a Git LFS pointer instead of the file",
}


def detect_container(path: Path) -> Container:
    """The container of a weights file: safetensors, or the format of `torch.save`. The file's name does not matter.

    Nothing is unpacked. Raises FileNotFoundError for a missing file, and ValueError, saying what the file is, for one
    that holds no weights, is cut short, or would take more memory than it has bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {str(path)!r}; give the path of a .safetensors or .pth file")
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"PK\x03\x04"):
        problem = _problem_of_zip(path)
        if problem is None:
            return "torch"
    elif _LEGACY_MAGIC in start[:64]:
        return "torch"
    elif start[8:9] == b"{":
        if int.from_bytes(start[:8], "little") + 8 <= path.stat().st_size:
            return "safetensors"
        problem = "is cut short"
    else:
        problem = _describe_other_format(start)
    raise ValueError(invalid_file_message(path, problem))


def invalid_file_message(path: Path, problem: str) -> str:
    """The message for a file without usable weights."""
    return f"{str(path)!r} {problem}; download it again or give another file"


@contextmanager
def errors_naming_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """Prefixes the message of a ValueError raised inside with the file's name."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} {error}") from None


def _problem_of_zip(path: Path) -> str | None:
    """Why a zip file is not one of `torch.save`, which compresses nothing; None if it is."""
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return "is cut short, or a damaged zip archive"
    names = [entry.filename.rpartition("/")[2] for entry in entries]
    if "data.pkl" not in names:
        weights = next((name for name in names if name.endswith(_WEIGHTS_SUFFIXES)), None)
        if weights is not None:  # cloud drives pack a downloaded folder like this
            return f"is a zip archive with {weights} in it; unpack it first"
        return "is a zip archive without PyTorch weights"
    if "constants.pkl" in names:
        return "is a TorchScript program, which is not run here"
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        return "is a compressed archive, which PyTorch does not write"
    return None


def _describe_other_format(start: bytes) -> str:
    """What a file without weights is, by its first bytes."""
    if not start:
        return "is empty"
    for magic, description in _OTHER_FORMATS.items():
        if start.startswith(magic):
            return description
    if start[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if any(mark in start.lower() for mark in (b"<!doctype html", b"<html")):
        return "is an HTML page, such as a site or a proxy sends in place of a file"
    if start[:1] == b"\x80":
        return "is a pickle that PyTorch did not write"
    return "is text" if _is_text(start) else "is not a weights file"


def _is_text(start: bytes) -> bool:
    return json.dumps(start.decode("latin-1")).count("\\u00") == 0 and b"\x00" not in start
