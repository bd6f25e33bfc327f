"""Pictures of a data set, from a folder, a zip file or a tar file."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np

from pose_track.structures.frames import ImageArray

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"\xfd7": "xz"}
_ZIP_HEADER = struct.Struct("<26xHH")  # of a member: at its end the lengths of its name and of its extra field


def decode_image(data: bytes, name: str) -> ImageArray:
    """(H, W, 3) uint8 RGB, as stored: labels count in stored pixels, whatever way up the picture is to be shown.

    Raises ValueError naming the picture if `data` is none, or a JPEG file that ends too early.
    """
    if data.startswith(_JPEG_START) and data.find(_JPEG_END, data.find(_JPEG_SCAN)) < 0:
        raise ValueError(f"{name}: a JPEG file that is cut short; fetch it again, or remove it and its labels")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise ValueError(f"{name}: not a picture that OpenCV reads; remove it and its labels, or fetch it again")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


class ImageStore:
    """Reads pictures by name from a folder, a zip file, or an uncompressed tar file.

    Names are relative to `path`, and may not leave it; a folder within a zip or tar file is written as if the file were
    a folder itself, `train2017.zip/train2017`. A store may be handed to other processes and read in several threads.
    Raises FileNotFoundError where there is neither folder nor file, and ValueError for a file that is neither zip nor
    tar.
    """

    def __init__(self, path: Path):
        self.path = path
        self._files: _Folder | _Archive = _Folder(path) if path.is_dir() else _Archive(path)

    def read(self, name: str) -> ImageArray:
        """(H, W, 3) uint8 RGB. Raises FileNotFoundError or ValueError naming the picture."""
        return decode_image(self._files.read(name), f"{self.path}: {name}")


class _Folder:
    def __init__(self, path: Path):
        self.path = path

    def read(self, name: str) -> bytes:
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise ValueError(f"{name!r} leaves the image folder {self.path}")
        if not file.is_file():
            raise FileNotFoundError(f"{self.path} has no picture {name!r}")
        return file.read_bytes()


class _Archive:
    """The files in a zip or tar file, or in a folder of it. It is opened at each call, so that processes and threads
    share no file position."""

    def __init__(self, path: Path):
        file = next((p for p in (path, *path.parents) if p.is_file()), None)
        if file is None:
            raise FileNotFoundError(f"no images at {path}; give a folder, a zip file or an uncompressed tar file")
        self.path, self.file, folder = path, file, PurePosixPath(path.relative_to(file))
        members = ((PurePosixPath(name), member) for name, member in _members(file).items())
        self.members = {str(n.relative_to(folder)): m for n, m in members if n.is_relative_to(folder)}
        if not self.members:
            raise FileNotFoundError(f"{file} has no pictures" + (f" in {str(folder)!r}" if path != file else ""))

    def read(self, name: str) -> bytes:
        if name not in self.members:
            example = next(iter(self.members))
            raise FileNotFoundError(f"{self.path} has no picture {name!r}; its names are like {example!r}")
        with self.file.open("rb") as file:
            try:
                return self.members[name].read(file)
            except (zlib.error, struct.error) as error:
                raise ValueError(f"{self.path}: {name} is damaged ({error}); fetch {self.file} again") from None


class _TarMember(NamedTuple):
    offset: int
    size: int

    def read(self, file: BinaryIO) -> bytes:
        file.seek(self.offset)
        return file.read(self.size)


class _ZipMember(NamedTuple):
    """offset: of the member's own header; size: as packed; deflated: or as it is; checksum: of the content."""

    offset: int
    size: int
    deflated: bool
    checksum: int

    def read(self, file: BinaryIO) -> bytes:
        file.seek(self.offset)
        name_length, extra_length = _ZIP_HEADER.unpack(file.read(_ZIP_HEADER.size))
        file.seek(name_length + extra_length, 1)
        data = file.read(self.size)
        if self.deflated:
            data = zlib.decompress(data, -zlib.MAX_WBITS)
        if zlib.crc32(data) != self.checksum:
            raise zlib.error("its checksum differs")
        return data


def _members(path: Path) -> dict[str, _TarMember] | dict[str, _ZipMember]:
    """Where the bytes of each file in a zip or tar file lie, by name."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in _PACKED:
        remedy = "unpack it to a folder or to an uncompressed tar file"
        raise ValueError(f"{path} is packed with {_PACKED[start]}, so that no picture can be read alone; {remedy}")
    return _zip_members(path) if start == b"PK" else _tar_members(path)


def _tar_members(path: Path) -> dict[str, _TarMember]:
    try:
        with tarfile.open(path, "r:") as tar:
            return {m.name: _TarMember(m.offset_data, m.size) for m in tar if m.isfile()}
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is not a zip file or an uncompressed tar file of pictures, or is cut short ({error})"
        ) from error


def _zip_members(path: Path) -> dict[str, _ZipMember]:
    try:
        with zipfile.ZipFile(path) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a whole zip file ({error}); fetch it again") from error
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    odd = [info.filename for info in infos if info.compress_type not in methods or info.flag_bits & 1]
    if odd:
        raise ValueError(f"{path}: {odd[0]} is encrypted, or neither stored nor deflated; pack the zip file again")
    return {
        i.filename: _ZipMember(i.header_offset, i.compress_size, i.compress_type == zipfile.ZIP_DEFLATED, i.CRC)
        for i in infos
    }
