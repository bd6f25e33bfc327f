"""What a centre-point detector sees and gives, without PyTorch: the canvas its pictures lie on, and its output read."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

STRIDE = 8
SIZE_MULTIPLE = 64  # the coarsest branch sees one cell for 64 pixels
PADDING_GREY = 114  # of a canvas beside its picture, in training and after


def decode_centres(output: FloatArray, min_score: float, max_people: int) -> tuple[FloatArray, FloatArray]:
    """Boxes (N, 4) x1 y1 x2 y2 in input pixels and scores (N,), highest first, of one picture's output (5, h, w).

    A person is a cell that is the highest of its 3x3 neighbourhood and reaches min_score; at most max_people.
    """
    heat = np.exp(-np.logaddexp(0, -output[0]))  # the sigmoid, without overflow
    peaks = (heat >= min_score) & (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    ys, xs = np.nonzero(peaks)
    best = np.argsort(-heat[ys, xs], kind="stable")[:max_people]
    ys, xs = ys[best], xs[best]
    middles = np.stack([xs, ys], axis=1) * STRIDE + (STRIDE - 1) / 2
    sides = output[1:, ys, xs].T
    boxes = np.concatenate([middles - sides[:, :2], middles + sides[:, 2:]], axis=1)
    return boxes.astype(np.float32), heat[ys, xs].astype(np.float32)
