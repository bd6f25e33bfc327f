"""Pictures of a data set, from a folder or a tar file."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np

from pose_track.types import ImageArray


def decode_image(data: bytes, name: str) -> ImageArray:
    """(H, W, 3) uint8 RGB. Raises ValueError naming the picture if `data` is none."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{name}: not a picture that OpenCV reads")
    return np.ascontiguousarray(image[:, :, ::-1])


class ImageStore:
    """Reads pictures by name from a folder or from an uncompressed tar file.

    Names are relative to the folder, or members of the tar file; they may not leave the folder.
    """

    def __init__(self, path: Path):
        if not path.exists():
            raise FileNotFoundError(f"no images at {path}")
        self.path = path
        self._members: dict[str, tuple[int, int]] | None = None
        if path.is_file():
            with tarfile.open(path, "r:") as tar:
                self._members = {m.name.removeprefix("./"): (m.offset_data, m.size) for m in tar if m.isfile()}

    def read(self, name: str) -> ImageArray:
        """(H, W, 3) uint8 RGB. Raises FileNotFoundError or ValueError naming the picture."""
        return decode_image(self._read_bytes(name), f"{self.path}: {name}")

    def _read_bytes(self, name: str) -> bytes:
        if self._members is None:
            file = (self.path / name).resolve()
            if not file.is_relative_to(self.path.resolve()):
                raise ValueError(f"{name!r} leaves the image folder {self.path}")
            return file.read_bytes()
        if name not in self._members:
            raise FileNotFoundError(f"{self.path} has no member {name!r}")
        offset, size = self._members[name]
        with self.path.open("rb") as file_object:  # opened at each call, so that workers share no file position
            file_object.seek(offset)
            return file_object.read(size)
