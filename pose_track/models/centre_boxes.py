"""The input padding and output decoding of the centre-point detector, without PyTorch."""

from __future__ import annotations

import cv2
import numpy as np

from pose_track.models.score_map import ScoreMap
from pose_track.structures.arrays import Float32Array

STRIDE = 8
SIZE_MULTIPLE = 64  # input pixels per cell of the coarsest branch
PADDING_GREY = 114  # of the canvas beside the image, in training and inference


def decode_centres(
    output: Float32Array, min_score: float, max_people: int, score_map: ScoreMap | None = None
) -> tuple[Float32Array, Float32Array]:
    """Boxes (N, 4) x1 y1 x2 y2 in input pixels and scores (N,), highest first, of one image's output (5, h, w).

    A person is a cell that is the highest of its 3x3 neighbourhood and reaches min_score. At most max_people are
    returned. score_map: from the sigmoid to the score; None for the sigmoid itself.
    """
    heat = np.exp(-np.logaddexp(0, -output[0]))  # the sigmoid, without overflow
    ys, xs = np.nonzero(heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    scores = heat[ys, xs] if score_map is None else score_map(heat[ys, xs])
    best = np.argsort(-scores, kind="stable")[:max_people]
    best = best[scores[best] >= min_score]
    ys, xs = ys[best], xs[best]
    centres = np.stack([xs, ys], axis=1) * STRIDE + (STRIDE - 1) / 2
    sides = output[1:, ys, xs].T
    boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
    return boxes.astype(np.float32), scores[best].astype(np.float32)
