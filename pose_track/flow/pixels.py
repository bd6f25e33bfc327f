"""Image sizes, points rescaled between them, and sampling between pixels.

Sizes are (w, h). The centre of the top-left pixel is (0, 0) at every size, so an image covers -0.5 to w - 0.5.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, ImageArray

Size = tuple[int, int]


def reduced_size(size: Size, long_side: int) -> Size:
    """The size of an image downscaled to a longer side of `long_side`; smaller images keep their size.

    >>> reduced_size((1280, 720), 512), reduced_size((300, 200), 512), reduced_size((4000, 2), 400)
    ((512, 288), (300, 200), (400, 1))
    """
    scale = min(1.0, long_side / max(size))
    w, h = size
    return max(1, round(w * scale)), max(1, round(h * scale))


def to_grey(image: ImageArray) -> ImageArray:
    """(H, W) grey image of an (H, W, 3) RGB or (H, W) grey one."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def rescale_points(points: ArrayLike, from_size: Size, to_size: Size) -> Float64Array:
    """(P, 2) points of an image in the resized image. Edges stay edges, so pixel centres shift.

    >>> rescale_points([[-0.5, -0.5], [3.5, 1.5], [1.5, 0.5]], (4, 2), (8, 4)).tolist()
    [[-0.5, -0.5], [7.5, 3.5], [3.5, 1.5]]
    """
    return np.asarray((np.asarray(points, np.float64) + 0.5) * (np.array(to_size) / from_size) - 0.5)


def is_inside(points: ArrayLike, size: Size) -> BoolArray:
    """(P,) which of the (P, 2) points lie on a pixel of an image of this size; points that are not finite do not.

    >>> is_inside([[-0.5, 0], [9.5, 4.5], [9.6, 0], [0, float("nan")]], (10, 5)).tolist()
    [True, True, False, False]
    """
    points = np.asarray(points, np.float64)
    return np.asarray(((points >= -0.5) & (points <= np.array(size) - 0.5)).all(axis=-1))


def sample_bilinear(field: Float32Array, points: Float64Array) -> Float64Array:
    """(P, 2) values of an (H, W, 2) field at points x y of its grid, bilinear between the four pixels around.

    Beyond the outermost pixel centres the border values continue.

    >>> sample_bilinear(np.array([[[0, 5], [1, 5]]], np.float32), np.array([[0.25, 0.0], [7.0, -3.0]])).tolist()
    [[0.25, 5.0], [1.0, 5.0]]
    """
    h, w = field.shape[:2]
    clipped = np.clip(points, 0, (w - 1, h - 1))
    low = np.floor(clipped).astype(np.int64)
    (x0, y0), (x1, y1) = low.T, np.minimum(low + 1, (w - 1, h - 1)).T
    across, down = ((clipped - low)[:, :1], (clipped - low)[:, 1:])
    upper = field[y0, x0] * (1 - across) + field[y0, x1] * across
    lower = field[y1, x0] * (1 - across) + field[y1, x1] * across
    return np.asarray(upper * (1 - down) + lower * down)


def pad_image(image: ImageArray, multiple: int, min_side: int) -> ImageArray:
    """The image padded at the right and bottom by repeating its last column and row.

    Both sides become multiples of `multiple` and at least `min_side`.

    >>> pad_image(np.zeros((9, 200, 3), np.uint8), multiple=8, min_side=128).shape
    (128, 200, 3)
    """
    extra = [max(-(-side // multiple) * multiple, min_side) - side for side in image.shape[:2]]
    if not any(extra):
        return image
    return np.pad(image, [(0, extra[0]), (0, extra[1]), *[(0, 0)] * (image.ndim - 2)], mode="edge")
