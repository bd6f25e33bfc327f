"""Images in memory as a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction
from functools import partial
from itertools import chain

from pose_track.structures.arrays import ImageArray
from pose_track.structures.images import checked_image
from pose_track.video.declared_size import MAX_PIXELS, check_size
from pose_track.video.source import DecodedFrame, Selection, VideoInfo, VideoReader

_SOURCE = "images in memory"


class MemoryReader(VideoReader):
    """Images at a constant frame rate, the first at 0 seconds, taken one by one as they are read.

    images: (H, W, 3) uint8 RGB each, all of one size; an array (T, H, W, 3) is such an iterable.

    Raises TypeError or ValueError for another type or shape, here of the first and while reading of the others, and
    ValueError where there is none.
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
        height, width = _checked(first, 0).shape[:2]
        check_size(_SOURCE, (width, height), max_pixels)
        self._images: Iterator[ImageArray] = chain([first], remaining)
        self.info = VideoInfo(_SOURCE, width, height, fps, number)

    def _decode(self) -> Iterator[DecodedFrame]:
        for index, image in enumerate(self._images):
            yield index / self.info.fps, partial(self._image, image, index)

    def _image(self, image: ImageArray, index: int) -> ImageArray:
        checked = _checked(image, index)
        if checked.shape[:2] != (self.info.height, self.info.width):
            sizes = f"{checked.shape[1]}x{checked.shape[0]} but the first is {self.info.width}x{self.info.height}"
            raise ValueError(f"image {index} is {sizes}; resize them to one size")
        return checked


def _checked(image: object, index: int) -> ImageArray:
    """As `checked_image`, with the image's index in the message."""
    try:
        return checked_image(image)
    except (TypeError, ValueError) as error:
        raise type(error)(f"image {index}: {error}") from None
