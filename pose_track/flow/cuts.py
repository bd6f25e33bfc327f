"""Shot cuts between two successive images, found from thumbnails.

The image is divided into tiles, and each tile is searched for around its position in the other image by normalised
correlation, which ignores brightness and contrast. Within a shot most tiles are found: moved by the camera, under
another light, all but those behind a person who passes close to the camera. In another shot they are not found. For
transitions over several images see `transitions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.flow.pixels import reduced_size, to_grey
from pose_track.geometry.resize import downscale
from pose_track.structures.arrays import Float32Array, ImageArray

# Measured: at most 0.09 between successive images of nine videos at 5 to 60 frames a second, and at least 0.23 in 2,592
# pairs of images from two of these videos; 0.21 for a camera pan by 0.4 of the image, 0.17 for a zoom by 15 %.
MAX_CHANGE = 0.22

_LONG_SIDE = 128
_TILES = 6  # in a row and in a column
_MAX_SHIFT = 26  # pixels of the thumbnail, a fifth of its longer side, that a tile may have moved
_MIN_CONTRAST = 4.0  # standard deviation in grey levels; a tile with less is not distinctive
_PERCENTILE = 60  # per cent of the tiles that may have a lower correlation than the result


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A small grey image. image: (h, w) uint8, longer side at most 128 pixels."""

    image: ImageArray

    @cached_property
    def tiles(self) -> Float32Array:
        """(T, P) the tiles' pixels minus the mean of their tile; no tiles if the image is smaller than 6 x 6 pixels."""
        return tiles(self.image)

    @cached_property
    def contrasts(self) -> Float32Array:
        """(T,) standard deviation of each tile, in grey levels."""
        return np.asarray(np.sqrt(np.einsum("tp,tp->t", self.tiles, self.tiles) / max(self.tiles.shape[1], 1)))


def thumbnail(image: ImageArray) -> Thumbnail:
    """The thumbnail of an (H, W, 3) RGB or (H, W) grey image."""
    h, w = image.shape[:2]
    return Thumbnail(downscale(to_grey(image), reduced_size((w, h), _LONG_SIDE)))


def cut_or_change(before: Thumbnail, after: Thumbnail) -> float | None:
    """`aligned_tile_change` of the thumbnails of two successive images; None where they are of different shots, which
    those of different shapes always are."""
    if before.image.shape != after.image.shape:
        return None
    change = aligned_tile_change(before, after)
    return None if change > MAX_CHANGE and tile_change(before, after) > MAX_CHANGE else change


def tile_change(before: Thumbnail, after: Thumbnail) -> float:
    """Change between two thumbnails of one shape, from 0, all tiles found, to 2.

    It is 1 minus the correlation that 40 % of the textured tiles of both reach; 0 without textured tiles.
    """
    return _change([*_best_correlations(before, after), *_best_correlations(after, before)])


def aligned_tile_change(before: Thumbnail, after: Thumbnail) -> float:
    """`tile_change` with each tile compared at its own position only.

    Within nearly all shots that is enough, and it takes a small part of the time.
    """
    is_textured = np.maximum(before.contrasts, after.contrasts) >= _MIN_CONTRAST
    products = np.einsum("tp,tp->t", before.tiles, after.tiles) / max(before.tiles.shape[1], 1)
    correlations = products / np.maximum(before.contrasts * after.contrasts, 1e-6)
    return _change(correlations[is_textured])


def _change(correlations: Sequence[float] | Float32Array) -> float:
    """1 minus the percentile of the correlations; numpy's function takes longer than all the rest of a comparison."""
    if not len(correlations):
        return 0.0
    place = (len(correlations) - 1) * _PERCENTILE / 100
    return 1 - float(np.interp(place, np.arange(len(correlations)), np.sort(correlations)))


def tiles(image: NDArray[np.generic]) -> Float32Array:
    """(T, P) pixels of the tiles of an (h, w) image, minus the mean of their tile; no tiles if it is smaller than
    6 x 6 pixels."""
    h, w = (side // _TILES for side in image.shape)
    if not h * w:
        return np.zeros((0, 1), np.float32)
    parts = image[: h * _TILES, : w * _TILES].reshape(_TILES, h, _TILES, w).swapaxes(1, 2)  # (rows, columns, h, w)
    pixels = parts.reshape(_TILES**2, h * w).astype(np.float32)
    return np.asarray(pixels - pixels.mean(axis=1, keepdims=True))


def _best_correlations(thumbnail: Thumbnail, other: Thumbnail) -> Iterator[float]:
    """For each textured tile of `thumbnail`, the highest correlation around its position in `other`."""
    h, w = (side // _TILES for side in thumbnail.image.shape)
    for number in np.flatnonzero(thumbnail.contrasts >= _MIN_CONTRAST).tolist():
        top, left = number // _TILES * h, number % _TILES * w
        tile = thumbnail.image[top : top + h, left : left + w]
        rows = slice(max(top - _MAX_SHIFT, 0), top + h + _MAX_SHIFT)
        columns = slice(max(left - _MAX_SHIFT, 0), left + w + _MAX_SHIFT)
        yield float(cv2.matchTemplate(other.image[rows, columns], tile, cv2.TM_CCOEFF_NORMED).max())
