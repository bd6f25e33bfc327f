"""The bundled person detector: a frame in, boxes out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import clip_boxes, nms, nonempty
from pose_track.geometry.resize import shrunk
from pose_track.models.centre_boxes import PADDING_GREY, SIZE_MULTIPLE, FloatArray, decode_centres
from pose_track.runtime.model_spec import Run
from pose_track.structures.frames import Detections, ImageArray


class Detector(Protocol):
    """Finds people: (H, W, 3) uint8 RGB -> boxes in the pixels of that picture, highest score first; or in several
    pictures at once."""

    def __call__(self, image: ImageArray) -> Detections: ...
    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]: ...


def letterbox(image: ImageArray, long_side: int, multiple: int) -> tuple[ImageArray, NDArray[np.float64]]:
    """The picture resized so that its longer side is `long_side`, in the top left of a grey canvas whose sides are
    multiples of `multiple`; and the factors x y by which it was resized, edge to edge."""
    height, width = image.shape[:2]
    factor = long_side / max(height, width)
    new_w, new_h = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = np.full((-(-new_h // multiple) * multiple, -(-new_w // multiple) * multiple, 3), PADDING_GREY, np.uint8)
    size = (new_w, new_h)
    canvas[:new_h, :new_w] = shrunk(image, size) if factor < 1 else cv2.resize(image, size)
    return canvas, np.array([new_w / width, new_h / height])


class CentreDetector:
    """People by a CentreNet.

    run: network from pictures (B, h, w, 3) uint8 RGB to (B, 5, h / 8, w / 8). long_side: of the picture the network
    sees, in pixels. min_score: of a detection; max_iou: of two detections that overlap more, the better stays.
    max_people: the best so many peaks become boxes.
    """

    def __init__(
        self,
        run: Run,
        long_side: int = 416,
        min_score: float = 0.3,
        max_iou: float = 0.6,
        max_people: int = 100,
    ):
        self._run, self._long_side, self._min_score = run, long_side, min_score
        self._max_iou, self._max_people = max_iou, max_people

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 within the picture, (H, W, 3) uint8 RGB, highest score first."""
        return self.detect_images([image])[0]

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The same for several pictures; those of one size that follow one another share a batch."""
        found: list[Detections] = []
        for _, same in groupby(images, key=lambda image: image.shape):
            found += self._of_one_size(list(same))
        return found

    def _of_one_size(self, images: Sequence[ImageArray]) -> list[Detections]:
        canvases, factors = zip(*(letterbox(image, self._long_side, SIZE_MULTIPLE) for image in images), strict=True)
        outputs = self._run(np.stack(canvases))[0]
        return [self._read(*one) for one in zip(images, factors, outputs, strict=True)]

    def _read(self, image: ImageArray, factors: NDArray[np.float64], output: FloatArray) -> Detections:
        """The people of one picture, of the output (5, h, w) of its canvas."""
        found, scores = decode_centres(output, self._min_score, self._max_people)
        placed = (found + 0.5) / np.tile(factors, 2) - 0.5  # in both, pixel centres are whole numbers
        boxes = clip_boxes(placed, (image.shape[1], image.shape[0])).astype(np.float32)
        within = nonempty(boxes)  # not those beside the picture, on the grey
        boxes, scores = boxes[within], scores[within]
        keep = nms(boxes, scores, self._max_iou)
        return Detections(boxes[keep], scores[keep])
