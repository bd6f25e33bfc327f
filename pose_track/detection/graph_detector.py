"""Person detectors that come as a graph, an ONNX or OpenVINO file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from pose_track.geometry.boxes import clip_boxes, nms, nonempty
from pose_track.models.centre_boxes import PADDING_GREY
from pose_track.models.graph_boxes import BoxLayout, letterbox_to_image, read_boxes
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray
from pose_track.structures.frames import Detections

Resize = Literal["letterbox", "stretch"]
"""How an image fits into the input: its aspect kept, in the upper left corner of a grey canvas, or stretched to it."""


_MAX_CANDIDATES = 1000  # boxes of the highest scores, before suppression


def fit_image(image: ImageArray, size: tuple[int, int], resize: Resize) -> tuple[ImageArray, Float64Array]:
    """An image (H, W, 3) as the input (h, w, 3) of a network of `size` (w, h), sampled bilinearly.

    Returns it with the factors (2,) x y by which the image was resized, edge to edge.

    >>> canvas, factors = fit_image(np.zeros((10, 40, 3), np.uint8), (20, 20), "letterbox")
    >>> canvas.shape, factors.tolist(), canvas[4, 0, 0].item(), canvas[5, 0, 0].item()
    ((20, 20, 3), [0.5, 0.5], 0, 114)
    """
    height, width = image.shape[:2]
    ratios = np.array(size) / (width, height)
    scale = ratios if resize == "stretch" else np.full(2, ratios.min())
    new_w, new_h = np.maximum(np.round(scale * (width, height)).astype(int), 1).tolist()
    canvas = np.full((size[1], size[0], 3), PADDING_GREY, np.uint8)
    canvas[:new_h, :new_w] = cv2.resize(image, (new_w, new_h))
    return canvas, np.array([new_w / width, new_h / height])


class GraphDetector:
    """A person detector by a graph.

    Args:
        run: network from images (B, h, w, 3) uint8 RGB to the outputs of the layout.
        layout: of these.
        input_size: (w, h) of its images.
        resize: see `Resize`.
        min_score: score below which a box is dropped.
        max_iou: non-maximum suppression: highest IoU of two boxes that are both kept.
        person: the class of people.
        max_batch: images in one run, at most.
    """

    def __init__(
        self,
        run: Run,
        layout: BoxLayout,
        input_size: tuple[int, int],
        resize: Resize = "letterbox",
        min_score: float = 0.3,
        max_iou: float = 0.6,
        person: int = 0,
        max_batch: int = 16,
    ) -> None:
        self._run, self._layout, self._size, self._resize = run, layout, input_size, resize
        self._min_score, self._max_iou, self._person, self._max_batch = min_score, max_iou, person, max_batch

    def __call__(self, image: ImageArray) -> Detections:
        """Boxes x1 y1 x2 y2 within the image, (H, W, 3) uint8 RGB, by descending score."""
        return self.detect_images([image])[0]

    def detect_images(self, images: Sequence[ImageArray]) -> list[Detections]:
        """The same for several images, of any sizes."""
        detections: list[Detections] = []
        for start in range(0, len(images), self._max_batch):
            batch = images[start : start + self._max_batch]
            canvases, factors = zip(*(fit_image(image, self._size, self._resize) for image in batch), strict=True)
            outputs = self._run(np.stack(canvases))
            for number, image in enumerate(batch):
                detections.append(self._decode(image, factors[number], [output[number] for output in outputs]))
        return detections

    def _decode(self, image: ImageArray, factors: Float64Array, outputs: Sequence[Float32Array]) -> Detections:
        boxes, scores = read_boxes(self._layout, outputs, self._size, self._person)
        likely = np.flatnonzero(scores >= self._min_score)
        likely = likely[np.argsort(-scores[likely], kind="stable")[:_MAX_CANDIDATES]]
        found = letterbox_to_image(boxes[likely], factors)
        clipped, scores = clip_boxes(found, (image.shape[1], image.shape[0])).astype(np.float32), scores[likely]
        inside = nonempty(clipped)
        clipped, scores = clipped[inside], scores[inside].clip(max=1)
        keep = nms(clipped, scores, self._max_iou)
        return Detections(clipped[keep], scores[keep])
