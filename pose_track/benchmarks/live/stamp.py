"""The number of a frame, drawn into its image so that it survives compression."""

from __future__ import annotations

import numpy as np

from pose_track.structures.arrays import ImageArray

_BLOCK = 16  # pixels: a macroblock of H.264, and a whole number of blocks of JPEG's chroma
_COLUMNS, _ROWS = 10, 2
_NUM_BITS, _CHECK_BITS = 16, 4
_DARK, _LIGHT, _MIDDLE = 30, 225, 128  # grey levels
_LEAST_CONTRAST = 60  # of a readable block, grey levels from the middle
STAMP_SIZE = _COLUMNS * _BLOCK, _ROWS * _BLOCK
"""Width and height of the stamp in pixels."""


def stamp(image: ImageArray, number: int) -> ImageArray:
    """A copy of the image with a number, 0 to 65,535, as blocks in its top left corner.

    image: (H, W, 3) uint8, at least of STAMP_SIZE. Raises ValueError for a smaller one, and for another number.

    >>> read_stamp(stamp(np.zeros((40, 170, 3), np.uint8), 3000))
    3000
    """
    height, width = image.shape[:2]
    if width < STAMP_SIZE[0] or height < STAMP_SIZE[1]:
        raise ValueError(f"the image must be {STAMP_SIZE[0]}x{STAMP_SIZE[1]} or larger, got {width}x{height}")
    if not 0 <= number < 1 << _NUM_BITS:
        raise ValueError(f"the number must be from 0 to {(1 << _NUM_BITS) - 1}, got {number}")
    code = number << _CHECK_BITS | _check(number)
    bits = np.array([code >> bit & 1 for bit in range(_COLUMNS * _ROWS)]).reshape(_ROWS, _COLUMNS)
    levels = np.where(bits, _LIGHT, _DARK).astype(np.uint8)
    stamped: ImageArray = image.copy()
    stamped[: STAMP_SIZE[1], : STAMP_SIZE[0]] = np.kron(levels, np.ones((_BLOCK, _BLOCK), np.uint8))[..., None]
    return stamped


def read_stamp(image: ImageArray) -> int | None:
    """The number of a stamped image after compression; None where it cannot be read."""
    corner = image[: STAMP_SIZE[1], : STAMP_SIZE[0]].mean(axis=2)
    if corner.shape != STAMP_SIZE[::-1]:
        return None
    inner = corner.reshape(_ROWS, _BLOCK, _COLUMNS, _BLOCK)[:, 4:-4, :, 4:-4]
    levels = inner.mean(axis=(1, 3)).ravel() - _MIDDLE  # (ROWS * COLUMNS,)
    code = sum(int(level > 0) << bit for bit, level in enumerate(levels.tolist()))
    number = code >> _CHECK_BITS
    is_clear = bool((np.abs(levels) >= _LEAST_CONTRAST).all())
    return number if is_clear and code & 15 == _check(number) else None


def _check(number: int) -> int:
    """Four bits by which most damaged numbers, and all images of one colour, are noticed."""
    return (number ^ number >> 4 ^ number >> 8 ^ number >> 12 ^ 0b1010) & 15
