"""Pictures of a data set, from a folder or a tar file."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np

from pose_track.types import ImageArray


def decode_image(data: bytes, name: str) -> ImageArray:
    """(H, W, 3) uint8 RGB, as stored: labels count in stored pixels, whatever way up the picture is to be shown.

    Raises ValueError naming the picture if `data` is none.
    """
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise ValueError(f"{name}: not a picture that OpenCV reads; remove it and its labels, or fetch it again")
    return np.ascontiguousarray(image[:, :, ::-1], np.uint8)


class ImageStore:
    """Reads pictures by name from a folder or from an uncompressed tar file.

    Names are relative to the folder, or members of the tar file; they may not leave the folder. Raises
    FileNotFoundError where there is neither, and ValueError for a file that is no such tar file.
    """

    def __init__(self, path: Path):
        if not path.exists():
            raise FileNotFoundError(f"no images at {path}; give a folder or a tar file")
        self.path = path
        self._members = None if path.is_dir() else _members(path)

    def read(self, name: str) -> ImageArray:
        """(H, W, 3) uint8 RGB. Raises FileNotFoundError or ValueError naming the picture."""
        data = self._from_folder(name) if self._members is None else self._from_tar(name, self._members)
        return decode_image(data, f"{self.path}: {name}")

    def _from_folder(self, name: str) -> bytes:
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path.resolve()):
            raise ValueError(f"{name!r} leaves the image folder {self.path}")
        if not file.is_file():
            raise FileNotFoundError(f"{self.path} has no picture {name!r}")
        return file.read_bytes()

    def _from_tar(self, name: str, members: dict[str, tuple[int, int]]) -> bytes:
        if name not in members:
            raise FileNotFoundError(f"{self.path} has no picture {name!r}")
        offset, size = members[name]
        with self.path.open("rb") as file:  # opened at each call, so that processes share no file position
            file.seek(offset)
            return file.read(size)


def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Where the bytes of each file in a tar file lie: name -> offset and size."""
    try:
        with tarfile.open(path, "r:") as tar:
            return {m.name.removeprefix("./"): (m.offset_data, m.size) for m in tar if m.isfile()}
    except tarfile.TarError as error:
        raise ValueError(f"{path} is not an uncompressed tar file of pictures, or is cut short ({error})") from error
