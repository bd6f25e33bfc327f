"""Pictures made smaller, points between the two sizes, and fields read between their pixels.

Sizes are (w, h). The centre of the top-left pixel is (0, 0) at every size, so that a picture covers -0.5 to w - 0.5.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.structures.frames import FloatArray, ImageArray

Points = NDArray[np.float64]
Size = tuple[int, int]


def reduced_size(size: Size, long_side: int) -> Size:
    """The size of a picture whose longer side is brought down to `long_side`; nothing is enlarged.

    >>> reduced_size((1280, 720), 512), reduced_size((300, 200), 512), reduced_size((4000, 2), 400)
    ((512, 288), (300, 200), (400, 1))
    """
    scale = min(1.0, long_side / max(size))
    w, h = size
    return max(1, round(w * scale)), max(1, round(h * scale))


def grey(image: ImageArray) -> ImageArray:
    """(H, W) of a picture that is (H, W, 3) RGB, or grey already."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def rescaled(points: ArrayLike, from_size: Size, to_size: Size) -> Points:
    """(P, 2) points of a picture where they are once it is resized: edges stay edges, so that centres shift.

    >>> rescaled([[-0.5, -0.5], [3.5, 1.5], [1.5, 0.5]], (4, 2), (8, 4)).tolist()
    [[-0.5, -0.5], [7.5, 3.5], [3.5, 1.5]]
    """
    return np.asarray((np.asarray(points, np.float64) + 0.5) * (np.array(to_size) / from_size) - 0.5)


def in_picture(points: ArrayLike, size: Size) -> NDArray[np.bool_]:
    """(P,) which of the (P, 2) points lie on a pixel of a picture of `size`; none that is not finite does.

    >>> in_picture([[-0.5, 0], [9.5, 4.5], [9.6, 0], [0, float("nan")]], (10, 5)).tolist()
    [True, True, False, False]
    """
    points = np.asarray(points, np.float64)
    return np.asarray(((points >= -0.5) & (points <= np.array(size) - 0.5)).all(axis=-1))


def sampled(field: FloatArray, points: Points) -> Points:
    """(P, 2) a (H, W, 2) field at points of its grid, bilinear between the four pixels around; beyond the outermost
    pixel centres the values go on as they are there.

    >>> sampled(np.array([[[0, 5], [1, 5]]], np.float32), np.array([[0.25, 0.0], [7.0, -3.0]])).tolist()
    [[0.25, 5.0], [1.0, 5.0]]
    """
    h, w = field.shape[:2]
    at = np.clip(points, 0, (w - 1, h - 1))
    low = np.floor(at).astype(np.int64)
    (x0, y0), (x1, y1) = low.T, np.minimum(low + 1, (w - 1, h - 1)).T
    across, down = ((at - low)[:, :1], (at - low)[:, 1:])
    upper = field[y0, x0] * (1 - across) + field[y0, x1] * across
    lower = field[y1, x0] * (1 - across) + field[y1, x1] * across
    return np.asarray(upper * (1 - down) + lower * down)


def padded(image: ImageArray, multiple: int, least: int) -> ImageArray:
    """The picture with its last column and row repeated until both sides are multiples of `multiple` and at least
    `least`; it is the upper left part of the result.

    >>> padded(np.zeros((9, 200, 3), np.uint8), multiple=8, least=128).shape
    (128, 200, 3)
    """
    extra = [max(-(-side // multiple) * multiple, least) - side for side in image.shape[:2]]
    return np.pad(image, [(0, extra[0]), (0, extra[1]), *[(0, 0)] * (image.ndim - 2)], mode="edge")
