"""The boxes of people from the outputs of detectors that come as a graph, by layout.

All coordinates are pixels of the network's input, edge to edge: its corner is (0, 0). Boxes are x1 y1 x2 y2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from pose_track.structures.arrays import Float32Array, Float64Array

BoxLayout = Literal["boxes", "yolox", "yolo", "rtmdet", "picodet"]
"""How a detector returns boxes:

boxes: (N, 5) boxes and scores, and their (N,) classes, after non-maximum suppression, as MMDeploy exports any detector.
yolox: (N, 5 + C) of YOLOX: centre, logarithm of the size, score and class scores at each cell of strides 8, 16 and 32.
yolo: (4 + C, N) of Ultralytics' export: centre, size and class scores.
rtmdet: maps of class logits and of distances to four sides, for strides 8, 16 and 32.
picodet: (N, 4) boxes and (C, N) class scores, as PaddleDetection exports PP-PicoDet without its suppression.
"""

BoxesAndScores = tuple[Float32Array, Float32Array]
"""Boxes (N, 4) and scores (N,)."""

STRIDES = (8, 16, 32)


def read_boxes(
    layout: BoxLayout, outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int
) -> BoxesAndScores:
    """The boxes of people in one image, with all scores, not sorted.

    outputs: of one image, without the batch. input_size: (w, h) of the network's input. person: the class of people.
    """
    return _READERS[layout](outputs, input_size, person)


def cell_corners(input_size: tuple[int, int], strides: Sequence[int] = STRIDES) -> tuple[Float32Array, Float32Array]:
    """The upper left corners (N, 2) x y of the cells of all strides, row by row, and the strides (N, 1).

    >>> corners, strides = cell_corners((64, 32))
    >>> len(corners), corners[1].tolist(), corners[-1].tolist(), strides[-1].tolist()
    (42, [8.0, 0.0], [32.0, 0.0], [32.0])
    """
    w, h = input_size
    grids = [np.mgrid[: h // s, : w // s][::-1].reshape(2, -1).T * s for s in strides]
    sides = [np.full((len(grid), 1), s) for grid, s in zip(grids, strides, strict=True)]
    return np.concatenate(grids).astype(np.float32), np.concatenate(sides).astype(np.float32)


def from_centres(centres: Float32Array, sizes: Float32Array) -> Float32Array:
    """Boxes (N, 4) of centres and sizes (N, 2)."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def sigmoid(logits: Float32Array) -> Float32Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits)), np.float32)


def _suppressed(outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int) -> BoxesAndScores:
    rows, classes = outputs[0], outputs[1]
    people = rows[classes == person]
    return people[:, :4], people[:, 4]


def _yolox(outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int) -> BoxesAndScores:
    """Ge et al., "YOLOX: Exceeding YOLO Series in 2021", section 2.1."""
    rows = outputs[0]
    corners, strides = cell_corners(input_size)
    boxes = from_centres(rows[:, :2] * strides + corners, np.exp(rows[:, 2:4]) * strides)
    return boxes, rows[:, 4] * rows[:, 5 + person]


def _yolo(outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int) -> BoxesAndScores:
    columns = outputs[0]
    return from_centres(columns[:2].T, columns[2:4].T), columns[4 + person]


def _rtmdet(outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int) -> BoxesAndScores:
    """Lyu et al., "RTMDet: An Empirical Study of Designing Real-Time Object Detectors", 2022. Its points are the upper
    left corners of cells."""
    levels = len(outputs) // 2
    logits = np.concatenate([maps[person].reshape(-1) for maps in outputs[:levels]])
    sides = np.concatenate([maps.reshape(4, -1).T for maps in outputs[levels:]])
    corners, _ = cell_corners(input_size)
    return np.concatenate([corners - sides[:, :2], corners + sides[:, 2:]], axis=1), sigmoid(logits)


def _picodet(outputs: Sequence[Float32Array], input_size: tuple[int, int], person: int) -> BoxesAndScores:
    return outputs[0], outputs[1][person]


_READERS: dict[BoxLayout, Callable[[Sequence[Float32Array], tuple[int, int], int], BoxesAndScores]] = {
    "boxes": _suppressed,
    "yolox": _yolox,
    "yolo": _yolo,
    "rtmdet": _rtmdet,
    "picodet": _picodet,
}


def letterbox_to_image(points: Float32Array, factors: Float64Array) -> Float64Array:
    """Points or boxes (..., 2 n) of the input in the pixels of the image, whose pixel centres are whole numbers.

    factors: (2,) x y by which the image was resized, edge to edge, into the upper left corner of the input.
    """
    return np.asarray(points / np.tile(factors, points.shape[-1] // 2) - 0.5, np.float64)
