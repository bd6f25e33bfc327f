"""Affine matrices of person crops, and their inverses.

A crop is the image inside a rotated rectangle of fixed aspect around a box. Pixel centres have integer coordinates in
both the frame and the crop. The rectangle's centre maps either to (W / 2, H / 2), as published ("biased"), or to the
true centre of the pixel centres, as in UDP ("unbiased").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pose_track.structures.arrays import Float64Array


def fit_boxes(boxes: ArrayLike, aspect: float, padding: float = 1.25) -> tuple[Float64Array, Float64Array]:
    """(N, 2) centres x y and (N, 2) sizes w h, in pixels, of the crop rectangles around boxes.

    boxes: (N, 4) x1 y1 x2 y2.
    aspect: w / h of the rectangles; the side that is too short is extended.
    padding: factor on both sides after that.

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
) -> Float64Array:
    """(2, 3) matrix from frame pixels to crop pixels.

    center: x y in the frame.
    width: the crop's width in frame pixels; its height follows from the aspect of `out_size`.
    out_size: (w, h) of the crop.
    rotation_degrees: a positive value rotates the image content counter-clockwise (as displayed, y down).
    unbiased: the crop is W - 1 pixels wide, from centre to centre of its outermost pixels, instead of W, and the centre
        maps to ((W - 1) / 2, (H - 1) / 2), which mirroring does not move, instead of (W / 2, H / 2) (UDP: Huang et al.,
        "The Devil is in the Details", CVPR 2020, section 3). As published, the units of x and y then differ a little,
        which shears rotated content by tenths of a percent. The published UDP code rotates clockwise; here both
        conventions rotate in the same direction.

    >>> crop_matrix([10, 20], 50, (100, 200)) @ [10, 20, 1]
    array([ 50., 100.])
    >>> crop_matrix([10, 20], 50, (101, 201), unbiased=True) @ [10, 20, 1]
    array([ 50., 100.])
    """
    size = np.array(out_size, np.float64)
    extent = size - 1 if unbiased else size
    cos, sin = np.cos(np.deg2rad(rotation_degrees)), np.sin(np.deg2rad(rotation_degrees))
    scale = extent / size * (size[0] / width)  # crop pixels per frame pixel, in x and y
    linear = scale[:, None] * np.array([[cos, sin], [-sin, cos]])
    shift = extent / 2 - linear @ np.asarray(center, np.float64)
    return np.column_stack([linear, shift])


def invert_affine(matrix: Float64Array) -> Float64Array:
    """The (..., 2, 3) inverse matrices."""
    inverse = np.linalg.inv(matrix[..., :2])
    return np.concatenate([inverse, -inverse @ matrix[..., 2:]], axis=-1)


def apply_affine(matrix: Float64Array, points: ArrayLike) -> Float64Array:
    """(..., P, 2) points mapped by (..., 2, 3) matrices."""
    points = np.asarray(points, np.float64)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
