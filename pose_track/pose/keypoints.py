"""Joints of people in crops, on the CPU: OpenCV cuts the crops, a network runs on batches of them, and its heatmaps are
decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.models.codec import Codec
from pose_track.models.scales import CropScales
from pose_track.models.second_peaks import SecondPeaks
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray


class Keypoints(NamedTuple):
    """The joints of people in B crops.

    joints: (B, K, 2) in crop pixels.
    scores: (B, K).
    features: (B, K, C) the appearance embedding at each joint; None of networks without one.
    second_peaks: (B, K, 3), see `SecondPeaks`; None where they are not looked for.
    """

    joints: Float32Array
    scores: Float32Array
    features: Float32Array | None = None
    second_peaks: Float32Array | None = None


KeypointFunction = Callable[[Sequence[ImageArray], Sequence[Float64Array]], Keypoints]
"""Finds the joints of people: images (H, W, 3) uint8 RGB and, for each image, matrices (N, 2, 3) from its pixels to
crop pixels -> the joints in the crops of all images, at least one, in order."""


def crop_people(images: Sequence[ImageArray], matrices: Float64Array, size: tuple[int, int]) -> ImageArray:
    """Crops (N, h, w, 3) of N images (H, W, 3). Sampling is bilinear; pixels outside the image are black.

    Args:
        matrices: (N, 2, 3) from image to crop pixels.
        size: (w, h) of a crop.
    """
    crops = np.empty((len(matrices), size[1], size[0], 3), np.uint8)
    for image, matrix, crop in zip(images, matrices, crops, strict=True):
        cv2.warpAffine(image, matrix, size, dst=crop, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return crops


def sample_maps(maps: Float32Array, cells: NDArray[np.floating]) -> Float32Array:
    """(B, K, C) values of maps (B, C, h, w) at cells (B, K, 2) x y, bilinear; beyond the border the border's value.

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
    """A `KeypointFunction` by a runtime.

    Args:
        run: network from crops (B, h, w, 3) uint8 RGB to heatmaps (B, K, h / 4, w / 4), or to heatmaps and an
            appearance embedding (B, C, ...); with an embedding there are features.
        codec: the codec that the network was trained with; it also states the size of the crops.
        max_batch: crops in one forward pass, at most.
        scales: multiples of the crop size at which each person is cut out. Joints are decoded from the mean of the
            heatmaps (see `CropScales`); features are those of the scale nearest to 1.
        twins: the joints for which second peaks are looked for, see `SecondPeaks`; none where empty.

    Raises ValueError for a `max_batch` below 1, no scales, or a scale outside [0.5, 2].
    """

    def __init__(
        self,
        run: Run,
        codec: Codec,
        max_batch: int = 16,
        scales: Sequence[float] = (1.0,),
        twins: Sequence[tuple[int, int]] = (),
    ) -> None:
        _check_max_batch(max_batch)
        self._run, self._codec, self._max_batch = run, codec, max_batch
        self._scales = CropScales(scales, codec)
        self._scale_average = self._scales.average()
        self._second_peaks = SecondPeaks(codec, twins, codec.decode) if twins else None

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Float64Array]) -> Keypoints:
        """See `KeypointFunction`. A batch may hold crops of several images and scales."""
        image_of_person = [image for image, people in zip(images, matrices, strict=True) for _ in people]
        all_matrices = np.concatenate(matrices)
        step = max(self._max_batch // len(self._scales), 1)
        starts = range(0, len(all_matrices), step)
        batches = [self._run_people(image_of_person[i : i + step], all_matrices[i : i + step]) for i in starts]
        columns = zip(*batches, strict=True)
        arrays: list[Any] = [None if column[0] is None else np.concatenate(column) for column in columns]
        return Keypoints(*arrays)

    def _run_people(self, images: Sequence[ImageArray], matrices: Float64Array) -> Keypoints:
        """As many people as have crops for one batch, or a single one."""
        heatmaps, *appearance = self._run_crops(images, np.concatenate(self._scales.matrices(matrices)))
        mean = heatmaps if self._scales.is_single else self._scale_average.mean(heatmaps)
        joints, scores = self._codec.decode(mean)
        features = self._features(self._scales.select_nearest(appearance[0]), joints) if appearance else None
        second = None if self._second_peaks is None else self._second_peaks(mean, joints, scores)
        return Keypoints(joints, scores, features, second)

    def _run_crops(self, images: Sequence[ImageArray], matrices: Float64Array) -> list[Float32Array]:
        """The network's outputs for crops of N images by S N matrices, scale by scale."""
        image_of_crop = list(images) * len(self._scales)
        return run_crops(self._run, image_of_crop, matrices, self._codec.input_size, self._max_batch)

    def _features(self, appearance: Float32Array, joints: Float32Array) -> Float32Array:
        """As the function `_features`, of the crops nearest to scale 1, at joints in crop pixels of scale 1."""
        factor, offset = self._scales.transform_to_nearest()
        return _features(appearance, joints * factor + offset, self._codec.input_size)


class DecodedKeypoints:
    """A `KeypointFunction` by a network that returns joints, as an exported one may.

    Args:
        run: network from crops (B, h, w, 3) uint8 RGB to joints (B, K, 2) in crop pixels and scores (B, K), or to these
            and an appearance embedding (B, C, ...).
        input_size: (w, h) of the crops.
        max_batch: crops in one forward pass, at most.

    Raises ValueError for a `max_batch` below 1.
    """

    def __init__(self, run: Run, input_size: tuple[int, int], max_batch: int = 16) -> None:
        _check_max_batch(max_batch)
        self._run, self._input_size, self._max_batch = run, input_size, max_batch

    def __call__(self, images: Sequence[ImageArray], matrices: Sequence[Float64Array]) -> Keypoints:
        """See `KeypointFunction`. A batch may hold crops of several images."""
        image_of_person = [image for image, people in zip(images, matrices, strict=True) for _ in people]
        outputs = run_crops(self._run, image_of_person, np.concatenate(matrices), self._input_size, self._max_batch)
        joints, scores, *appearance = outputs
        return Keypoints(joints, scores, _features(appearance[0], joints, self._input_size) if appearance else None)


def run_crops(
    run: Run, images: Sequence[ImageArray], matrices: Float64Array, size: tuple[int, int], max_batch: int
) -> list[Float32Array]:
    """A network's outputs for the crops of N images, see `crop_people`; `max_batch` at a time, at most."""
    batches = [slice(start, start + max_batch) for start in range(0, len(matrices), max_batch)]
    outputs = [run(crop_people(images[rows], matrices[rows], size)) for rows in batches]
    return [np.concatenate(maps) if len(maps) > 1 else maps[0] for maps in zip(*outputs, strict=True)]


def _features(appearance: Float32Array, joints: Float32Array, input_size: tuple[int, int]) -> Float32Array:
    """(B, K, C) appearance embedding (B, C, h, w) at joints (B, K, 2) in crop pixels.

    A convolution of stride s has the centre of its cell c at pixel s c, whatever cell size a codec assumes for
    heatmaps.
    """
    return sample_maps(appearance, joints / (input_size[0] / appearance.shape[3]))


def _check_max_batch(max_batch: int) -> None:
    if max_batch < 1:
        raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
