"""Joints of people in crops, on the processor: crops by OpenCV, a network on batches of them, its heatmaps decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.affine import Matrix
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray
from pose_track.models.scales import CropScales
from pose_track.structures.frames import ImageArray

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
    max_batch: crops run at once. scales: each person is cut out at all of these sizes, relative to that which the
    matrices give, and the joints are read from the mean of the heatmaps (see `CropScales`); features are those of the
    scale nearest to 1.

    Raises ValueError for a `max_batch` below 1, no scales or one outside [0.5, 2].
    """

    def __init__(self, run: Run, codec: Codec, max_batch: int = 16, scales: Sequence[float] = (1.0,)) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self._run, self._codec, self._max_batch = run, codec, max_batch
        self._scales = CropScales(scales, codec)
        self._mixing = self._scales.mixing()

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Matrix]) -> tuple[FloatArray, ...]:
        """See `Keypoints`; a batch may hold crops of several pictures and scales."""
        owners = [image for image, own in zip(images, matrices, strict=True) for _ in own]
        placed = np.concatenate(matrices)
        people = max(self._max_batch // len(self._scales), 1)
        starts = range(0, len(placed), people)
        parts = [self._of_people(owners[i : i + people], placed[i : i + people]) for i in starts]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _of_people(self, images: Sequence[ImageArray], matrices: Matrix) -> tuple[FloatArray, ...]:
        """As many people as have crops for one batch, or a single one."""
        heatmaps, *appearance = self._of_crops(images, np.concatenate(self._scales.matrices(matrices)))
        heights = self._codec.heights(heatmaps)
        joints, scores = self._codec.read(heights if self._scales.trivial else self._mixing.mean(heights))
        return joints, scores, *(self._features(self._scales.of_nearest(maps), joints) for maps in appearance)

    def _of_crops(self, images: Sequence[ImageArray], matrices: Matrix) -> list[FloatArray]:
        """What the network gives of crops of N pictures by S N matrices, scale by scale."""
        owners = list(images) * len(self._scales)
        batches = [slice(i, i + self._max_batch) for i in range(0, len(matrices), self._max_batch)]
        parts = [self._run(crop_people(owners[rows], matrices[rows], self._codec.input_size)) for rows in batches]
        return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True)]

    def _features(self, appearance: FloatArray, joints: FloatArray) -> FloatArray:
        """(B, K, C) looks (B, C, h, w) of the crops nearest to scale 1 at joints (B, K, 2) in pixels of those of scale
        1. Convolutions of stride s have the middle of their cell c at pixel s c, whatever the codec takes a heatmap's
        cell for."""
        factor, offset = self._scales.to_nearest()
        stride = self._codec.input_size[0] / appearance.shape[3]
        return sample_maps(appearance, (joints * factor + offset) / stride)


class DecodedKeypoints(CroppedKeypoints):
    """`Keypoints` by a network that reads its heatmaps itself, as an exported one may.

    run: network from crops (B, h, w, 3) uint8 RGB to joints (B, K, 2) in crop pixels and scores (B, K), or to these and
    looks (B, C, ...). The rest as in `CroppedKeypoints`.
    """

    def __init__(self, run: Run, codec: Codec, max_batch: int = 16) -> None:
        super().__init__(run, codec, max_batch)

    def _of_people(self, images: Sequence[ImageArray], matrices: Matrix) -> tuple[FloatArray, ...]:
        joints, scores, *appearance = self._of_crops(images, matrices)
        return joints, scores, *(self._features(maps, joints) for maps in appearance)
