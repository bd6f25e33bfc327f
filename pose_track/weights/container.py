"""What a file is, by its first bytes and its table of contents: weights, or what a user took for weights."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Container = Literal["safetensors", "torch"]

_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # a number at the beginning of `torch.save`'s files before 1.6

_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")

_OTHERS = {
    b"\x89PNG": "is a picture (PNG)",
    b"\xff\xd8\xff": "is a picture (JPEG)",
    b"GIF8": "is a picture (GIF)",
    b"RIFF": "is a picture or a film (RIFF)",
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"\x89HDF": "is an HDF5 file, such as Keras writes",
    b"version https://git-lfs": "is a pointer of Git LFS, not the file it stands for",
}


def container(path: Path) -> Container:
    """How the weights in a file are packed: as safetensors, or by `torch.save`; its name does not matter.

    Nothing is unpacked. Raises FileNotFoundError where there is no file, and ValueError with what the file is where it
    holds no weights, is cut short, or would take more memory than it has bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {str(path)!r}; give the path of a .safetensors or .pth file")
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"PK\x03\x04"):
        fault = _fault_of_zip(path)
        if fault is None:
            return "torch"
    elif _LEGACY_MAGIC in start[:64]:
        return "torch"
    elif start[8:9] == b"{":
        if int.from_bytes(start[:8], "little") + 8 <= path.stat().st_size:
            return "safetensors"
        fault = "is cut short"
    else:
        fault = _what_else(start)
    raise ValueError(not_weights(path, fault))


def not_weights(path: Path, fault: str) -> str:
    """The line that tells a user what a file is instead of weights."""
    return f"{str(path)!r} {fault}; fetch it again or give another file"


@contextmanager
def in_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """A ValueError inside is a fault of this file, by whose name its line then begins."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} {error}") from None


def _fault_of_zip(path: Path) -> str | None:
    """What is wrong with a zip file as one of `torch.save`, which compresses nothing."""
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return "is cut short, or a damaged zip archive"
    names = [entry.filename.rpartition("/")[2] for entry in entries]
    if "data.pkl" not in names:
        inside = next((name for name in names if name.endswith(_SUFFIXES)), None)
        if inside is not None:  # as drives pack a folder that is downloaded
            return f"is a zip archive with {inside} in it; unpack it first"
        return "is a zip archive of something else than PyTorch's weights"
    if "constants.pkl" in names:
        return "is a TorchScript program, which is not run here"
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        return "is a compressed archive, which PyTorch does not write"
    return None


def _what_else(start: bytes) -> str:
    """What a file is that does not begin as weights do."""
    if not start:
        return "is empty"
    for magic, what in _OTHERS.items():
        if start.startswith(magic):
            return what
    if start[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if any(mark in start.lower() for mark in (b"<!doctype html", b"<html")):
        return "is a page of HTML, as a site or a proxy gives it in place of a file"
    if start[:1] == b"\x80":
        return "is a pickle, but not one of PyTorch's"
    return "is text" if _is_text(start) else "is no file of weights"


def _is_text(start: bytes) -> bool:
    return json.dumps(start.decode("latin-1")).count("\\u00") == 0 and b"\x00" not in start
