"""The input padding and output decoding of the centre-point detector, without PyTorch."""

from __future__ import annotations

import cv2
import numpy as np

from pose_track.structures.arrays import Float32Array

STRIDE = 8
SIZE_MULTIPLE = 64  # input pixels per cell of the coarsest branch
PADDING_GREY = 114  # of the canvas beside the image, in training and inference


def decode_centres(output: Float32Array, min_score: float, max_people: int) -> tuple[Float32Array, Float32Array]:
    """Boxes (N, 4) x1 y1 x2 y2 in input pixels and scores (N,), highest first, of one image's output (5, h, w).

    A person is a cell that is the highest of its 3x3 neighbourhood and reaches min_score. At most max_people are
    returned.
    """
    scores = np.exp(-np.logaddexp(0, -output[0]))  # the sigmoid, without overflow
    peaks = (scores >= min_score) & (scores == cv2.dilate(scores, np.ones((3, 3), np.uint8)))
    ys, xs = np.nonzero(peaks)
    best = np.argsort(-scores[ys, xs], kind="stable")[:max_people]
    ys, xs = ys[best], xs[best]
    centres = np.stack([xs, ys], axis=1) * STRIDE + (STRIDE - 1) / 2
    sides = output[1:, ys, xs].T
    boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
    return boxes.astype(np.float32), scores[ys, xs].astype(np.float32)
