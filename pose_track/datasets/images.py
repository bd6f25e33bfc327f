"""Images of a data set, from a folder, a zip file or a tar file."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np

from pose_track.structures.arrays import ImageArray
from pose_track.video.bit_depth import decode_pixels
from pose_track.video.declared_size import IMAGE_KINDS, MAX_PIXELS, declared_size

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
ImageSize = tuple[int, int]
"""Width and height in pixels."""

_MAX_FILE_BYTES = 200 * 2**20  # of an image, also unpacked; some zip files are small and unpack to gigabytes
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"\xfd7": "xz"}
_ZIP_HEADER = struct.Struct(
    "<26xHH"
)  # local file header; ends with the lengths of the file name and of the extra field


def with_slashes(name: str) -> str:
    """An image name that may come from Windows, its folders separated by slashes.

    >>> with_slashes("train\\\\0.jpg")
    'train/0.jpg'
    """
    return name.replace("\\", "/")


def decode_image(data: bytes, name: str, size: ImageSize | None = None) -> ImageArray:
    """(H, W, 3) uint8 RGB, in the orientation that its labels count in.

    That is the shown image, turned by its EXIF orientation, unless the labels declare the size of the stored one.

    Args:
        data: an image file.
        name: of the image, for error messages.
        size: width and height that the labels declare; None where they declare none.

    Raises ValueError naming the image if `data` is not an image, is a truncated JPEG file, declares more than
    MAX_PIXELS, or has neither shown nor stored the size `size`.
    """
    if data.startswith(_JPEG_START) and data.find(_JPEG_END, data.find(_JPEG_SCAN)) < 0:
        raise ValueError(f"{name}: a truncated JPEG file; download it again, or remove it and its labels")
    image = _decode(data, name, cv2.IMREAD_COLOR)
    if size not in (None, _size(image)):
        image = _decode(data, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if size is not None and size != _size(image):
        actual, declared = (f"{width}x{height}" for width, height in (_size(image), size))
        remedy = "correct the label, or give the image that was labelled"
        raise ValueError(f"{name} has {actual} pixels, its label {declared}; {remedy}")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _decode(data: bytes, name: str, flags: int) -> ImageArray:
    size = declared_size(data)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f"{name} declares {size[0]}x{size[1]} pixels, more than {MAX_PIXELS}; scale it down")
    image = decode_pixels(data, flags)
    if image is None:
        remedy = "convert it, download it again, or remove it and its labels"
        raise ValueError(f"{name}: not a {IMAGE_KINDS} image; {remedy}")
    return np.asarray(image, np.uint8)


def _size(image: ImageArray) -> ImageSize:
    height, width = image.shape[:2]
    return width, height


class ImageStore:
    """Reads images by name from a folder, a zip file or an uncompressed tar file.

    path: the folder or archive. A folder within an archive is written as if the archive were a folder,
    `train2017.zip/train2017`. Names are relative to `path` and must not leave it; backslashes separate folders too. A
    store can be pickled and read from several threads. Raises FileNotFoundError if there is neither folder nor file,
    and ValueError for a file that is neither zip nor tar.
    """

    def __init__(self, path: Path):
        self.path = path
        self._files: _Folder | _Archive = _Folder(path) if path.is_dir() else _Archive(path)

    def read(self, name: str, size: ImageSize | None = None) -> ImageArray:
        """(H, W, 3) uint8 RGB. size: width and height that the labels declare, see `decode_image`.

        Raises FileNotFoundError or ValueError naming the image.
        """
        return decode_image(self._files.read(name), f"{self.path}: {name}", size)


def _check_bytes(size: int, name: str) -> None:
    """Raises ValueError for a file of more than _MAX_FILE_BYTES."""
    if size > _MAX_FILE_BYTES:
        raise ValueError(f"{name} has {size >> 20} MB, more than {_MAX_FILE_BYTES >> 20} MB; scale the image down")


class _Folder:
    def __init__(self, path: Path):
        self.path = path

    def read(self, name: str) -> bytes:
        file = (self.path / name).resolve()
        if not file.is_file():
            file = (self.path / with_slashes(name)).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise ValueError(f"{name!r} leaves the image folder {self.path}")
        if not file.is_file():
            raise FileNotFoundError(f"{self.path} has no image {name!r}")
        _check_bytes(file.stat().st_size, str(file))
        return file.read_bytes()


class _Archive:
    """The files in a zip or tar file, or in a folder within it.

    Each read opens the file anew, so that processes and threads share no file position.
    """

    def __init__(self, path: Path):
        file = next((p for p in (path, *path.parents) if p.is_file()), None)
        if file is None:
            raise FileNotFoundError(f"no images at {path}; give a folder, a zip file or an uncompressed tar file")
        self.path, self.file, folder = path, file, PurePosixPath(path.relative_to(file))
        members = ((PurePosixPath(with_slashes(name)), member) for name, member in _members(file).items())
        self.members = {str(n.relative_to(folder)): m for n, m in members if n.is_relative_to(folder)}
        if not self.members:
            raise FileNotFoundError(f"{file} has no images" + (f" in {str(folder)!r}" if path != file else ""))

    def read(self, name: str) -> bytes:
        member = self.members.get(str(PurePosixPath(with_slashes(name))))
        if member is None:
            raise FileNotFoundError(f"{self.path} has no image {name!r}; {self._hint(with_slashes(name))}")
        _check_bytes(member.size, f"{self.path}: {name}")
        with self.file.open("rb") as file:
            try:
                return member.read(file)
            except (zlib.error, struct.error) as error:
                raise ValueError(f"{self.path}: {name} is damaged ({error}); download {self.file} again") from None

    def _hint(self, name: str) -> str:
        """The folder in the archive that has an image of this name, or an example of the names."""
        folder = next((member.removesuffix(f"/{name}") for member in self.members if member.endswith(f"/{name}")), None)
        example = next(iter(self.members))
        return f"give {self.path / folder} as images" if folder else f"its names are like {example!r}"


class _TarMember(NamedTuple):
    offset: int
    size: int

    def read(self, file: BinaryIO) -> bytes:
        file.seek(self.offset)
        return file.read(self.size)


class _ZipMember(NamedTuple):
    """offset: of the local file header; size: compressed; deflated: or stored; checksum: CRC-32 of the content."""

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
            data = _inflated(data)
        if zlib.crc32(data) != self.checksum:
            raise zlib.error("wrong checksum")
        return data


def _inflated(data: bytes) -> bytes:
    """Unpacked data of a zip file. Raises zlib.error for more than _MAX_FILE_BYTES, or fewer than were packed."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    content = unpacker.decompress(data, _MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise zlib.error(f"it unpacks to more than {_MAX_FILE_BYTES >> 20} MB")
    if not unpacker.eof:
        raise zlib.error("incomplete data")
    return content


def _members(path: Path) -> dict[str, _TarMember] | dict[str, _ZipMember]:
    """The position of each file in a zip or tar file, by name."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in _COMPRESSED:
        remedy = "unpack it to a folder or to an uncompressed tar file"
        raise ValueError(f"{path} is compressed with {_COMPRESSED[start]}, which allows no random access; {remedy}")
    return _zip_members(path) if start == b"PK" else _tar_members(path)


def _tar_members(path: Path) -> dict[str, _TarMember]:
    total = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as tar:
            return {m.name: _TarMember(m.offset_data, _fitting(m, total)) for m in tar if m.isfile()}
    except tarfile.TarError as error:
        raise ValueError(
            f"{path} is not a zip file or an uncompressed tar file of images, or is truncated ({error})"
        ) from error


def _fitting(member: tarfile.TarInfo, total: int) -> int:
    """The size of a member. Raises TarError where it is larger than the rest of the archive of `total` bytes."""
    if member.size > total - member.offset_data:
        raise tarfile.ReadError(f"{member.name} has {member.size} bytes, more than the file holds")
    return member.size


def _zip_members(path: Path) -> dict[str, _ZipMember]:
    try:
        with zipfile.ZipFile(path) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a complete zip file ({error}); download it again") from error
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    unsupported = [info.filename for info in infos if info.compress_type not in methods or info.flag_bits & 1]
    if unsupported:
        name = unsupported[0]
        raise ValueError(f"{path}: {name} is encrypted, or neither stored nor deflated; create the zip file again")
    return {
        i.filename: _ZipMember(i.header_offset, i.compress_size, i.compress_type == zipfile.ZIP_DEFLATED, i.CRC)
        for i in infos
    }
