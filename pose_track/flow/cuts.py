"""Whether the shot changes between two pictures, from thumbnails.

The picture is cut into tiles, and each is looked for in the other picture, around its place, by normalised
correlation, which does not see brightness and contrast. Within a shot most tiles are found again: moved by the camera,
all but those behind someone passing near it, under another light. In another shot they are not. A change that takes
several pictures, such as a fade, is not a cut.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.flow.pixels import grey, reduced_size
from pose_track.geometry.resize import shrunk
from pose_track.structures.frames import ImageArray

# Measured: 0.09 at most between successive pictures of nine videos at 5 to 60 a second; 0.23 at least in 2,592 pairs
# of pictures from two of them each; 0.21 where the camera turns by 0.4 of the picture, 0.17 for zooming by 15 %.
MAX_CHANGE = 0.22

_LONG_SIDE = 128
_TILES = 6  # in a row and in a column
_REACH = 26  # pixels of the thumbnail, a fifth of its longer side, that a tile may have moved
_MIN_CONTRAST = 4.0  # standard deviation in grey levels: a tile with less looks like any other
_SHARE = 60  # per cent of the tiles that may be found less well than `change` says


def thumbnail(image: ImageArray) -> ImageArray:
    """(h, w) grey, its longer side 128 pixels at most, of a (H, W, 3) RGB or (H, W) grey picture."""
    h, w = image.shape[:2]
    return shrunk(grey(image), reduced_size((w, h), _LONG_SIDE))


def is_cut(before: ImageArray, after: ImageArray) -> bool:
    """Whether two thumbnails of successive pictures are of different shots; of different shapes, they are."""
    if before.shape != after.shape:
        return True
    return still_change(before, after) > MAX_CHANGE and change(before, after) > MAX_CHANGE


def change(before: ImageArray, after: ImageArray) -> float:
    """How little of two (h, w) thumbnails is found in each other, from 0 (all of it) to 2: 1 less the correlation that
    40 % of the textured tiles of both reach. 0 where there is no texture in either."""
    return _lacking([*_found(before, after), *_found(after, before)])


def still_change(before: ImageArray, after: ImageArray) -> float:
    """The same with each tile looked for at its own place alone, which is enough within nearly all shots and takes
    a small part of the time."""
    a, b = _tiles(before), _tiles(after)
    contrasts = np.stack([a.std(axis=1), b.std(axis=1)])
    textured = contrasts.max(axis=0, initial=0) >= _MIN_CONTRAST
    correlations = (a * b).mean(axis=1)[textured] / np.maximum(contrasts.prod(axis=0)[textured], 1e-6)
    return _lacking(correlations.tolist())


def _lacking(correlations: list[float]) -> float:
    return 1 - float(np.percentile(correlations, _SHARE)) if correlations else 0.0


def _tiles(image: ImageArray) -> NDArray[np.float32]:
    """(T, P) the tiles' pixels, each less the mean of its tile; none where the picture has fewer pixels than tiles."""
    h, w = (side // _TILES for side in image.shape)
    if not h * w:
        return np.zeros((0, 1), np.float32)
    tiles = image[: h * _TILES, : w * _TILES].reshape(_TILES, h, _TILES, w).swapaxes(1, 2)  # (rows, columns, h, w)
    pixels = tiles.reshape(_TILES**2, h * w).astype(np.float32)
    return np.asarray(pixels - pixels.mean(axis=1, keepdims=True))


def _found(image: ImageArray, other: ImageArray) -> Iterator[float]:
    """For each textured tile of `image` the highest correlation around its place in `other`."""
    h, w = (side // _TILES for side in image.shape)
    for top in range(0, h * _TILES, max(h, 1)):
        for left in range(0, w * _TILES, max(w, 1)):
            tile = image[top : top + h, left : left + w]
            if tile.std() >= _MIN_CONTRAST:
                window = other[max(top - _REACH, 0) : top + h + _REACH, max(left - _REACH, 0) : left + w + _REACH]
                yield float(cv2.matchTemplate(window, tile, cv2.TM_CCOEFF_NORMED).max())
