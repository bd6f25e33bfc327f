"""Crops of people as affine matrices, and their inverse: the one place that knows the crop's geometry.

A crop is the picture seen through a rotated rectangle of fixed aspect around a box. Pixel centres have integer
coordinates in both the frame and the crop. Where the rectangle's centre lands is a convention: on (W / 2, H / 2) (the
published, "biased" one) or on the true middle of the pixel centres (the "unbiased" one of UDP).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


def fit_boxes(boxes: ArrayLike, aspect: float, padding: float = 1.25) -> tuple[Matrix, Matrix]:
    """Centres (N, 2) and padded sizes (N, 2), w h in pixels, of the rectangles of `aspect` (w / h) around boxes.

    boxes: (N, 4) x1 y1 x2 y2. The shorter side is widened to the aspect, then both grow by `padding`.

    >>> centers, sizes = fit_boxes([[0, 0, 30, 100]], aspect=0.75, padding=1.0)
    >>> centers.tolist(), sizes.tolist()
    ([[15.0, 50.0]], [[75.0, 100.0]])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    sizes = np.stack([np.maximum(width, height * aspect), np.maximum(height, width / aspect)], axis=1)
    return (boxes[:, :2] + boxes[:, 2:]) / 2, sizes * padding


def crop_matrix(
    center: ArrayLike, width: float, out_size: tuple[int, int], rotation_degrees: float = 0.0, unbiased: bool = False
) -> Matrix:
    """(2, 3) matrix from frame pixels to crop pixels.

    center: x y in the frame; width: the crop's width in frame pixels, its height is that of the aspect of out_size;
    out_size: (w, h) of the crop. A positive rotation turns the picture's content counter-clockwise (seen with y down).
    unbiased: the crop is W - 1 pixels wide, from centre to centre of its outermost ones, instead of W, and the middle
    lands on ((W - 1) / 2, (H - 1) / 2) instead of (W / 2, H / 2), where mirroring leaves it (UDP: Huang et al., "The
    Devil is in the Details", CVPR 2020, section 3). The units of x and y then differ a little, as published, which
    shears rotated content by tenths of a percent. The published UDP code turns clockwise; here both turn alike.

    >>> crop_matrix([10, 20], 50, (100, 200)) @ [10, 20, 1]
    array([ 50., 100.])
    >>> crop_matrix([10, 20], 50, (101, 201), unbiased=True) @ [10, 20, 1]
    array([ 50., 100.])
    """
    size = np.array(out_size, np.float64)
    extent = size - 1 if unbiased else size
    cos, sin = np.cos(np.deg2rad(rotation_degrees)), np.sin(np.deg2rad(rotation_degrees))
    scale = extent / size * (size[0] / width)  # crop pixels to one of the frame, in x and y
    linear = scale[:, None] * np.array([[cos, sin], [-sin, cos]])
    shift = extent / 2 - linear @ np.asarray(center, np.float64)
    return np.column_stack([linear, shift])


def invert_affine(matrix: Matrix) -> Matrix:
    """The (..., 2, 3) matrices of the inverse maps."""
    inverse = np.linalg.inv(matrix[..., :2])
    return np.concatenate([inverse, -inverse @ matrix[..., 2:]], axis=-1)


def apply_affine(matrix: Matrix, points: ArrayLike) -> Matrix:
    """Points (..., P, 2) moved by (..., 2, 3) matrices."""
    points = np.asarray(points, np.float64)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
