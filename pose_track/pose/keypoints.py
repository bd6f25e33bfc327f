"""Joints of people in crops, on the processor: crops by OpenCV, a network on batches of them, its heatmaps decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.affine import Matrix
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray
from pose_track.types import ImageArray

Run = Callable[[ImageArray], tuple[FloatArray, ...]]
Keypoints = Callable[[Sequence[ImageArray], Sequence[Matrix]], tuple[FloatArray, ...]]
"""Pictures (H, W, 3) uint8 RGB and, for each, matrices (N, 2, 3) from its pixels to those of a crop -> joints (B, K, 2)
in crop pixels, scores (B, K) and, of some networks, features (B, K, C), how each joint looks; B, at least 1, counts the
crops of all pictures, in order."""


def crop_people(images: Sequence[ImageArray], matrices: Matrix, size: tuple[int, int]) -> ImageArray:
    """Crops (N, h, w, 3), each of one of N pictures (H, W, 3) by one of the matrices (N, 2, 3) from picture to crop
    pixels; size: (w, h).

    Bilinear; black outside the picture.
    """
    crops = np.empty((len(matrices), size[1], size[0], 3), np.uint8)
    for image, matrix, crop in zip(images, matrices, crops, strict=True):
        cv2.warpAffine(image, matrix, size, dst=crop, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return crops


def sample_maps(maps: FloatArray, cells: NDArray[np.floating]) -> FloatArray:
    """(B, K, C) what maps (B, C, h, w) hold at cells (B, K, 2) x y, bilinear; beyond the border, as at the border.

    >>> maps = np.array([[[[0, 1], [2, 3]]]], np.float32)
    >>> sample_maps(maps, np.array([[[1, 0], [.5, .5], [9, -9]]])).tolist()
    [[[1.0], [1.5], [1.0]]]
    """
    h, w = maps.shape[2:]
    cells = np.clip(cells, 0, (w - 1, h - 1))
    low = cells.astype(np.int64)
    x, y = np.moveaxis(low, -1, 0)
    right, below = np.minimum(x + 1, w - 1), np.minimum(y + 1, h - 1)
    u, v = np.moveaxis((cells - low).astype(np.float32), -1, 0)[..., None]  # (B, K, 2) -> twice (B, K, 1)
    batch = np.arange(len(maps))[:, None]
    upper = (1 - u) * maps[batch, :, y, x] + u * maps[batch, :, y, right]
    lower = (1 - u) * maps[batch, :, below, x] + u * maps[batch, :, below, right]
    return np.asarray((1 - v) * upper + v * lower, np.float32)


class CroppedKeypoints:
    """`Keypoints` by a runtime.

    run: network from crops (B, h, w, 3) uint8 RGB to heatmaps (B, K, h / 4, w / 4), or to these and looks (B, C, ...):
    then there are features. codec: that which the network was trained with; it also tells the size of the crops.
    max_batch: crops run at once. Raises ValueError for a `max_batch` below 1.
    """

    def __init__(self, run: Run, codec: Codec, max_batch: int = 16) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self._run, self._codec, self._max_batch = run, codec, max_batch

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Matrix]) -> tuple[FloatArray, ...]:
        """See `Keypoints`; a batch may hold crops of several pictures."""
        owners = [image for image, own in zip(images, matrices, strict=True) for _ in own]
        placed = np.concatenate(matrices)
        starts = range(0, len(placed), self._max_batch)
        parts = [self._batch(owners[i : i + self._max_batch], placed[i : i + self._max_batch]) for i in starts]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _batch(self, images: Sequence[ImageArray], matrices: Matrix) -> tuple[FloatArray, ...]:
        heatmaps, *looks = self._run(crop_people(images, matrices, self._codec.input_size))
        joints, scores = self._codec.decode(heatmaps)
        return joints, scores, *(self._features(maps, joints) for maps in looks)

    def _features(self, looks: FloatArray, joints: FloatArray) -> FloatArray:
        """(B, K, C) looks (B, C, h, w) at joints (B, K, 2) in crop pixels. Convolutions of stride s have the middle of
        their cell c at pixel s c, whatever the codec takes a heatmap's cell for."""
        stride = self._codec.input_size[0] / looks.shape[3]
        return sample_maps(looks, joints / stride)
