"""The bundled person detector: boxes of the people in an image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import cv2
import numpy as np

from pose_track.geometry.boxes import clip_boxes, nms, nonempty
from pose_track.geometry.resize import downscale
from pose_track.models.centre_boxes import PADDING_GREY, SIZE_MULTIPLE, decode_centres
from pose_track.models.score_map import ScoreMap
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray
from pose_track.structures.frames import Detections


class Detector(Protocol):
    """Finds people in an image (H, W, 3) uint8 RGB, or in several at once: boxes in pixels, by descending score."""

    def __call__(self, image: ImageArray) -> Detections: ...
    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]: ...


def letterbox(image: ImageArray, long_side: int, multiple: int) -> tuple[ImageArray, Float64Array]:
    """Resize an image and pad it with grey at the right and bottom.

    Args:
        long_side: the longer side of the resized image.
        multiple: the padded sides are multiples of it.

    Returns the padded image, and the factors (2,) x y by which it was resized, edge to edge.
    """
    height, width = image.shape[:2]
    factor = long_side / max(height, width)
    new_w, new_h = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = np.full((-(-new_h // multiple) * multiple, -(-new_w // multiple) * multiple, 3), PADDING_GREY, np.uint8)
    size = (new_w, new_h)
    canvas[:new_h, :new_w] = downscale(image, size) if factor < 1 else cv2.resize(image, size)
    return canvas, np.array([new_w / width, new_h / height])


def widescreen_size(long_side: int) -> tuple[int, int]:
    """The (w, h) of what a `CentreDetector` gives its network of a video in 16:9.

    >>> widescreen_size(384)
    (384, 256)
    """
    width, height = (-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in (long_side, round(long_side * 9 / 16)))
    return width, height


class CentreDetector:
    """A person detector by a `CentreNet`.

    Args:
        run: network from images (B, h, w, 3) uint8 RGB to maps (B, 5, h / 8, w / 8).
        long_side: longer side of the image that the network gets, in pixels.
        min_score: score below which a box is dropped.
        max_iou: non-maximum suppression: highest IoU of two boxes that are both kept.
        max_people: peaks that become boxes, at most; those of the highest scores.
        score_map: from the network's score to the one returned; None for the same.
    """

    def __init__(
        self,
        run: Run,
        long_side: int = 416,
        min_score: float = 0.3,
        max_iou: float = 0.6,
        max_people: int = 100,
        score_map: ScoreMap | None = None,
    ):
        self._run, self._long_side, self._min_score = run, long_side, min_score
        self._max_iou, self._max_people, self._score_map = max_iou, max_people, score_map

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 within the image, (H, W, 3) uint8 RGB, by descending score."""
        return self.detect_images([image])[0]

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The same for several images. Consecutive images of one size share a batch."""
        detections: list[Detections] = []
        for _, same_size in groupby(images, key=lambda image: image.shape):
            detections += self._detect_same_size(list(same_size))
        return detections

    def _detect_same_size(self, images: Sequence[ImageArray]) -> list[Detections]:
        canvases, factors = zip(*(letterbox(image, self._long_side, SIZE_MULTIPLE) for image in images), strict=True)
        maps = self._run(np.stack(canvases))[0]
        return [self._decode(*arguments) for arguments in zip(images, factors, maps, strict=True)]

    def _decode(self, image: ImageArray, factors: Float64Array, maps: Float32Array) -> Detections:
        """The people of one image, from the maps (5, h, w) of its canvas."""
        canvas_boxes, scores = decode_centres(maps, self._min_score, self._max_people, self._score_map)
        image_boxes = (canvas_boxes + 0.5) / np.tile(factors, 2) - 0.5  # in both, pixel centres are whole numbers
        boxes = clip_boxes(image_boxes, (image.shape[1], image.shape[0])).astype(np.float32)
        inside = nonempty(boxes)  # drops boxes in the padding
        boxes, scores = boxes[inside], scores[inside]
        keep = nms(boxes, scores, self._max_iou)
        return Detections(boxes[keep], scores[keep])
