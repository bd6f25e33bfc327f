"""A folder of images, a single image, or a file with several, as a video."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from pose_track.structures.arrays import ImageArray
from pose_track.video.bit_depth import decode_rgb, used_bits
from pose_track.video.declared_size import IMAGE_KINDS, MAX_PIXELS, check_size, declared_size
from pose_track.video.image_stacks import stack_format
from pose_track.video.source import DecodedFrame, DecodeError, Fault, OnDamage, Selection, VideoInfo, VideoReader
from pose_track.video.tiff import FileBytes, TiffPage, map_file, map_page, tiff_pages

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
DEFAULT_FPS = Fraction(25)
_MAX_BYTES_PER_PIXEL = 16  # four channels of 32 bits, not compressed
_SAMPLE = 16  # images from which the bits that a folder uses are counted


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


@dataclass(frozen=True)
class _Source:
    """Where an image is: a file, and its page in a file with several."""

    path: Path
    page: TiffPage | None = None


def _sources(path: Path | Sequence[Path]) -> list[_Source]:
    """The images of a folder or file, or those that are listed. Raises ValueError where there are none."""
    if not isinstance(path, Path):
        return [_Source(image) for image in path]
    if not (path.is_dir() or path.is_file()):
        raise ValueError(f"{str(path)!r} is a pipe or a device, not an image; give the file")
    if path.is_dir():
        return [_Source(image) for image in list_images(path)]
    if stack_format(path) == "tiff":
        return [_Source(path, page) for page in tiff_pages(map_file(path))]
    return [_Source(path)]


class ImageReader(VideoReader):
    """Images of one size at a constant frame rate, the first at 0 seconds: those of a folder or of a list, or the pages
    of a TIFF.

    name: of the video in messages and results; by default the path.

    Images of 16 bits become 8 bits from the highest bit that the folder uses on, so that 12-bit data are not dark.

    An image that cannot be decoded, of another size than the first, of more than `max_pixels`, or in a file with
    several is left out as a fault, or raises ValueError or DecodeError, see `on_damage` of `open_video`. So does the
    first where none is left.
    """

    def __init__(
        self,
        source: Path | Sequence[Path],
        selection: Selection,
        fps: Fraction = DEFAULT_FPS,
        on_damage: OnDamage = "continue",
        max_pixels: int = MAX_PIXELS,
        name: str = "",
    ) -> None:
        super().__init__(selection)
        self._on_damage, self._max_pixels = on_damage, max_pixels
        self._sources = _sources(source)
        self._bits = used_bits(self._sample())
        self._first_index, self._first = self._first_usable()
        height, width = self._first.shape[:2]
        self.info = VideoInfo(name or str(source), width, height, fps, len(self._sources))

    def _image_name(self, index: int) -> str:
        source = self._sources[index]
        return source.path.name if source.page is None else ""

    def _sample(self) -> Iterator[FileBytes]:
        """Some of the images; one that cannot be read is an error when its turn comes."""
        for index in range(0, len(self._sources), -(-len(self._sources) // _SAMPLE)):
            with suppress(OSError, ValueError):
                yield self._content(index)

    def _first_usable(self) -> tuple[int, ImageArray]:
        """The first image that can be decoded, and its index; the faults of those before it are recorded."""
        first_error = None
        for index in range(len(self._sources)):
            try:
                return index, self._load(index)
            except (DecodeError, OSError, ValueError) as error:
                if self._on_damage == "stop":
                    raise
                self._record(index, error)
                first_error = first_error or error
        assert first_error is not None  # there is at least one image
        raise first_error

    def _content(self, index: int) -> FileBytes:
        """Raises OSError, and ValueError for a file that is not to be decoded."""
        source = self._sources[index]
        if source.page is not None:
            check_size(source.path, (source.page.width, source.page.height), self._max_pixels)
            return map_page(source.path, source.page)
        if len(self._sources) > 1 and stack_format(source.path) is not None:
            raise ValueError(f"{str(source.path)!r} holds several images; give it as a video of its own")
        if source.path.stat().st_size > _MAX_BYTES_PER_PIXEL * max(self._max_pixels, MAX_PIXELS):
            raise ValueError(f"{str(source.path)!r} is larger than an image can be; scale it down")
        content = source.path.read_bytes()
        check_size(source.path, declared_size(content), self._max_pixels)
        return content

    def _load(self, index: int) -> ImageArray:
        image = decode_rgb(self._content(index), self._bits)
        if image is None:
            raise DecodeError(
                str(self._sources[index].path),
                index,
                f"it is not a {IMAGE_KINDS} image, or is damaged",
            )
        return image

    def _image(self, index: int) -> ImageArray | None:
        """None for an image that cannot be used, whose fault is recorded."""
        if index <= self._first_index:
            return self._first if index == self._first_index else None
        try:
            image = self._load(index)
            self._check_shape(image, index)
        except (DecodeError, OSError, ValueError) as error:
            if self._on_damage == "stop":
                raise
            self._record(index, error)
            return None
        return image

    def _record(self, index: int, error: Exception) -> None:
        cause = f"{self._sources[index].path.name}: {error.cause}" if isinstance(error, DecodeError) else str(error)
        self.faults.append(Fault(index, cause))

    def _check_shape(self, image: ImageArray, index: int) -> None:
        if image.shape != self._first.shape:
            raise ValueError(
                f"{str(self._sources[index].path)!r} is {image.shape[1]}x{image.shape[0]} but the first image is "
                f"{self.info.width}x{self.info.height}; resize them to one size"
            )

    def _decode(self) -> Iterator[DecodedFrame]:
        for index in range(len(self._sources)):
            yield index / self.info.fps, partial(self._image, index)
