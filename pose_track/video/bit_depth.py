"""Images with more than eight bits as images with eight: many cameras write 10, 12 or 14 bits into files of 16."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import ImageArray
from pose_track.video.declared_size import declared_size
from pose_track.video.tiff import FileBytes

_Pixels = NDArray[np.integer[Any]]

_ANY_DEPTH = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute OpenCV, which prints many lines for one damaged image."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def used_bits(files: Iterable[FileBytes]) -> int:
    """How many bits the values of images of one kind use: 8, unless the first has 16; then that of the highest value
    in all of them, 8 to 16.

    files: the content of the files; those that cannot be decoded are left out.
    """
    highest = 0
    for data in files:
        image = decode_pixels(data, _ANY_DEPTH)
        if image is None:
            continue
        if image.dtype != np.uint16:
            return 8
        highest = max(highest, int(image.max()))
    return max(8, highest.bit_length()) if highest else 16


def decode_rgb(data: FileBytes, bits: int) -> ImageArray | None:
    """(H, W, 3) uint8 RGB, upright; None for a file that OpenCV cannot decode.

    bits: of an image with 16 bits, how many are used, see `used_bits`; the highest eight of these are kept.
    """
    is_stretched = 8 <= bits < 16
    image = decode_pixels(data, _ANY_DEPTH if is_stretched else cv2.IMREAD_COLOR)
    if image is not None and is_stretched and image.dtype != np.uint8:
        image = _top_bits(image, bits) if image.dtype == np.uint16 else decode_pixels(data, cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _top_bits(image: _Pixels, bits: int) -> ImageArray:
    """
    >>> _top_bits(np.array([4095, 16, 65535], np.uint16), 12).tolist()
    [255, 1, 255]
    """
    return np.asarray(np.minimum(image >> (bits - 8), 255), np.uint8)


def decode_pixels(data: FileBytes, flags: int) -> _Pixels | None:
    """What OpenCV decodes, by its flags of imread; None where it cannot, and for other files than IMAGE_KINDS."""
    if declared_size(data) is None:  # of other formats, OpenCV would take any size, gigabytes for a small file
        return None
    # On Windows, imread cannot open names outside the system's code page; decoding bytes works everywhere.
    with _quiet():
        try:
            return cast("_Pixels | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
        except cv2.error:
            return None
