"""Images in memory as a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction
from functools import partial
from itertools import chain

import numpy as np

from pose_track.structures.arrays import ImageArray
from pose_track.video.declared_size import MAX_PIXELS, check_size
from pose_track.video.source import DecodedFrame, Selection, VideoInfo, VideoReader

_SOURCE = "images in memory"


class MemoryReader(VideoReader):
    """Images at a constant frame rate, the first at 0 seconds, taken one by one as they are read.

    images: (H, W, 3) uint8 RGB each, all of one size; an array (T, H, W, 3) is such an iterable.

    Raises ValueError for another type or shape, here of the first and while reading of the others, and where there is
    none.
    """

    def __init__(
        self, images: Iterable[ImageArray], selection: Selection, fps: Fraction, max_pixels: int = MAX_PIXELS
    ) -> None:
        super().__init__(selection)
        number = len(images) if isinstance(images, Sized) else None
        remaining = iter(images)
        first = next(remaining, None)
        if first is None:
            raise ValueError(f"there are no {_SOURCE}; give at least one")
        height, width = checked_image(first, 0).shape[:2]
        check_size(_SOURCE, (width, height), max_pixels)
        self._images: Iterator[ImageArray] = chain([first], remaining)
        self.info = VideoInfo(_SOURCE, width, height, fps, number)

    def _decode(self) -> Iterator[DecodedFrame]:
        for index, image in enumerate(self._images):
            yield index / self.info.fps, partial(self._image, image, index)

    def _image(self, image: ImageArray, index: int) -> ImageArray:
        checked = checked_image(image, index)
        if checked.shape[:2] != (self.info.height, self.info.width):
            sizes = f"{checked.shape[1]}x{checked.shape[0]} but the first is {self.info.width}x{self.info.height}"
            raise ValueError(f"image {index} is {sizes}; resize them to one size")
        return checked


def checked_image(image: object, index: int) -> ImageArray:
    """The image, if it is (H, W, 3) uint8; raises ValueError otherwise. index: of the image in the message."""
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape[2:] == (3,) and image.size:
        return image
    given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise ValueError(f"image {index} must be an array (height, width, 3) of uint8, RGB, got {given}")
