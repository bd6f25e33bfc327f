"""The input padding and output decoding of the centre-point detector, without PyTorch."""

from __future__ import annotations

import cv2
import numpy as np

from pose_track.models.score_map import ScoreMap
from pose_track.structures.arrays import Float32Array, IntArray

STRIDE = 8
SIZE_MULTIPLE = 64  # input pixels per cell of the coarsest branch
PADDING_GREY = 114  # of the canvas beside the image, in training and inference
_NEIGHBOURS = np.mgrid[-1:2, -1:2].reshape(2, 9)  # rows and columns of a 3x3 neighbourhood


def decode_centres(
    output: Float32Array, min_score: float, max_people: int, score_map: ScoreMap | None = None
) -> tuple[Float32Array, Float32Array]:
    """Boxes (N, 4) x1 y1 x2 y2 in input pixels and scores (N,), highest first, of one image's output (5, h, w).

    A person is a cell that is the highest of its 3x3 neighbourhood and reaches min_score. At most max_people are
    returned. Their boxes are means over that neighbourhood, see `mean_boxes`. score_map: from the sigmoid to the score;
    None for the sigmoid itself.
    """
    heat = np.exp(-np.logaddexp(0, -output[0]))  # the sigmoid, without overflow
    ys, xs = np.nonzero(heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    scores = heat[ys, xs] if score_map is None else score_map(heat[ys, xs])
    best = np.argsort(-scores, kind="stable")[:max_people]
    best = best[(scores[best] >= min_score) & (heat[ys, xs][best] > 0)]
    return mean_boxes(heat, output[1:], ys[best], xs[best]), scores[best].astype(np.float32)


def mean_boxes(heat: Float32Array, sides: Float32Array, ys: IntArray, xs: IntArray) -> Float32Array:
    """(N, 4) the mean of the boxes of each cell's 3x3 neighbourhood, weighted by the square of their heat.

    Neighbours see the same person from other places, so that the mean is closer to the person than the box of one cell
    (Gidaris and Komodakis, "Object Detection via a Multi-Region and Semantic Segmentation-Aware CNN Model", ICCV 2015,
    section 3.4, "bounding box voting").

    Args:
        heat: (h, w), above 0 in the given cells.
        sides: (4, h, w) distances from the middle of a cell.
        ys, xs: (N,) rows and columns of the cells.
    """
    height, width = heat.shape
    rows, columns = ys[:, None] + _NEIGHBOURS[0], xs[:, None] + _NEIGHBOURS[1]  # (N, 9)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    weights = inside * (heat[rows, columns] / heat[ys, xs][:, None]) ** 2
    centres = np.stack([columns, rows]) * STRIDE + (STRIDE - 1) / 2  # (2, N, 9)
    distances = sides[:, rows, columns]  # (4, N, 9)
    boxes = np.concatenate([centres - distances[:2], centres + distances[2:]])
    return np.asarray(((boxes * weights).sum(axis=2) / weights.sum(axis=1)).T, np.float32)
