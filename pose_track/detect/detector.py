"""The bundled person detector: a frame in, boxes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import clip_boxes, nms, nonempty
from pose_track.models.centre import PADDING_GREY, SIZE_MULTIPLE, decode_centres
from pose_track.types import Detections, ImageArray


class Detector(Protocol):
    """Finds people: (H, W, 3) uint8 RGB -> boxes in the pixels of that picture, highest score first."""

    def __call__(self, image: ImageArray) -> Detections: ...


def letterbox(image: ImageArray, long_side: int, multiple: int) -> tuple[ImageArray, NDArray[np.float64]]:
    """The picture resized so that its longer side is `long_side`, in the top left of a grey canvas whose sides are
    multiples of `multiple`; and the factors x y by which it was resized, edge to edge."""
    height, width = image.shape[:2]
    factor = long_side / max(height, width)
    new_w, new_h = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = np.full((-(-new_h // multiple) * multiple, -(-new_w // multiple) * multiple, 3), PADDING_GREY, np.uint8)
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas[:new_h, :new_w] = cv2.resize(image, (new_w, new_h), interpolation=interpolation)
    return canvas, np.array([new_w / width, new_h / height])


class CentreDetector:
    """People by a CentreNet.

    run: network from pictures (B, h, w, 3) uint8 RGB to (B, 5, h / 8, w / 8), such as a TorchRuntime. long_side: of
    the picture the network sees, in pixels. min_score: of a detection; max_iou: of two detections that overlap more,
    the better stays. max_people: the best so many peaks become boxes.
    """

    def __init__(
        self,
        run: Callable[[ImageArray], NDArray[np.float32]],
        long_side: int = 416,
        min_score: float = 0.3,
        max_iou: float = 0.6,
        max_people: int = 100,
    ):
        self._run, self._long_side, self._min_score = run, long_side, min_score
        self._max_iou, self._max_people = max_iou, max_people

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 within the picture, (H, W, 3) uint8 RGB, highest score first."""
        canvas, factors = letterbox(image, self._long_side, SIZE_MULTIPLE)
        found, scores = decode_centres(self._run(canvas[None])[0], self._min_score, self._max_people)
        placed = (found + 0.5) / np.tile(factors, 2) - 0.5  # in both, pixel centres are whole numbers
        boxes = clip_boxes(placed, (image.shape[1], image.shape[0])).astype(np.float32)
        within = nonempty(boxes)  # not those beside the picture, on the grey
        boxes, scores = boxes[within], scores[within]
        keep = nms(boxes, scores, self._max_iou)
        return Detections(boxes[keep], scores[keep])
