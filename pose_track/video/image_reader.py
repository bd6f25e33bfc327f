"""A folder of images, or a single image, as a video."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path

from pose_track.structures.arrays import ImageArray
from pose_track.video.bit_depth import decode_rgb, used_bits
from pose_track.video.source import DecodedFrame, DecodeError, Selection, VideoInfo, VideoReader

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
DEFAULT_FPS = Fraction(25)
_SAMPLE = 16  # pictures from which the bits that a folder uses are counted


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key that orders numbers inside names by their value.

    >>> sorted(["img10.png", "img9.png", "img1.png"], key=natural_key)
    ['img1.png', 'img9.png', 'img10.png']
    """
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def list_images(folder: Path) -> list[Path]:
    """The images in a folder, without its subfolders, in natural order. Raises ValueError where there are none."""
    images = (p for p in folder.iterdir() if _is_image(p))
    paths = sorted(images, key=lambda p: natural_key(p.name))
    if not paths:
        raise ValueError(f"{str(folder)!r} holds no images; add files that end in {', '.join(IMAGE_SUFFIXES)}")
    return paths


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _sample(paths: Sequence[Path]) -> Iterator[bytes]:
    """The contents of some images of the folder; one that cannot be read is an error when its turn comes."""
    for path in paths[:: -(-len(paths) // _SAMPLE)]:
        with suppress(OSError):
            yield path.read_bytes()


def check_single_picture(path: Path, content: bytes) -> None:
    """Raises ValueError for an animated PNG or WebP and a TIFF of several pages, of which one picture would be read."""
    is_animated = _is_animated_png(content) or _is_animated_webp(content) or _num_tiff_pages(content) > 1
    if is_animated:
        raise ValueError(
            f"{str(path)!r} holds several pictures; save them as a video, a GIF or a folder with one file for each"
        )


def _is_animated_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG") and b"acTL" in content[: max(0, content.find(b"IDAT"))]


def _is_animated_webp(content: bytes) -> bool:
    """The flag of the extended header, see the WebP container specification."""
    return content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X" and len(content) > 20 and bool(content[20] & 2)


def _num_tiff_pages(content: bytes) -> int:
    """Number of pages, up to 2: the first directory ends with the place of the next one, see TIFF 6.0, page 14."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    try:
        (start,) = struct.unpack_from(f"{order}I", content, 4)
        (num_entries,) = struct.unpack_from(f"{order}H", content, start)
        (following,) = struct.unpack_from(f"{order}I", content, start + 2 + 12 * num_entries)
    except struct.error:  # no TIFF, or a damaged one
        return 1
    return 2 if following else 1


class ImageReader(VideoReader):
    """Images of one size at a constant frame rate, the first at 0 seconds.

    Images of 16 bits become 8 bits from the highest bit that the folder uses on, so that 12-bit data are not dark.

    While it is read, raises ValueError for an image of another size or several pictures in one file, and DecodeError
    for one that cannot be decoded.
    """

    def __init__(self, source: Path, selection: Selection, fps: Fraction = DEFAULT_FPS) -> None:
        super().__init__(selection)
        if not (source.is_dir() or source.is_file()):
            raise ValueError(f"{str(source)!r} is a pipe or a device, not an image; give the file")
        self._paths = list_images(source) if source.is_dir() else [source]
        self._bits = used_bits(_sample(self._paths))
        self._first = self._load(0)
        height, width = self._first.shape[:2]
        self.info = VideoInfo(str(source), width, height, fps, len(self._paths))

    def _image_name(self, index: int) -> str:
        return self._paths[index].name

    def _load(self, index: int) -> ImageArray:
        path = self._paths[index]
        content = path.read_bytes()
        check_single_picture(path, content)
        image = decode_rgb(content, self._bits)
        if image is None:
            raise DecodeError(str(path), index, "it is not an image that OpenCV can decode")
        return image

    def _image(self, index: int) -> ImageArray:
        image = self._first if index == 0 else self._load(index)
        if image.shape != self._first.shape:
            raise ValueError(
                f"{str(self._paths[index])!r} is {image.shape[1]}x{image.shape[0]} but the first image is "
                f"{self.info.width}x{self.info.height}; resize them to one size"
            )
        return image

    def _decode(self) -> Iterator[DecodedFrame]:
        for index in range(len(self._paths)):
            yield index / self.info.fps, partial(self._image, index)
