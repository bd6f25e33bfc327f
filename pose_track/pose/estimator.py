"""From a frame and the boxes of its people to their poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.affine import Matrix, apply_affine, fit_boxes, invert_affine
from pose_track.geometry.boxes import nonempty
from pose_track.geometry.oks import oks_matrix, suppress_oks
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray
from pose_track.skeleton import Skeleton
from pose_track.types import Detections, ImageArray, Poses

Run = Callable[[ImageArray], FloatArray]
RunWithLooks = Callable[[ImageArray], tuple[FloatArray, FloatArray]]


def crop_people(image: ImageArray, matrices: Matrix, size: tuple[int, int]) -> ImageArray:
    """Crops (N, h, w, 3) of `image` (H, W, 3) by matrices (N, 2, 3) from frame to crop pixels; size: (w, h).

    Bilinear; black outside the frame.
    """
    crops = np.empty((len(matrices), size[1], size[0], 3), np.uint8)
    for matrix, crop in zip(matrices, crops, strict=True):
        cv2.warpAffine(image, matrix, size, dst=crop, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return crops


def person_scores(
    box_scores: NDArray[np.floating], joint_scores: NDArray[np.floating], min_joint_score: float = 0.2
) -> FloatArray:
    """(N,) scores of people: that of the box, (N,), times the mean of those joint scores, (N, K), that lie above
    `min_joint_score`; 0 for a person without any. The rule of the published code for COCO results.

    >>> person_scores(np.array([.5, .5]), np.array([[.8, .6, .1], [.1, .1, .1]])).round(3).tolist()
    [0.3499999940395355, 0.0]
    """
    counts = joint_scores > min_joint_score
    means = (joint_scores * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return np.asarray(box_scores * means, np.float32)


def place_crops(codec: Codec, boxes: NDArray[np.floating], padding: float) -> tuple[Matrix, NDArray[np.float64]]:
    """Matrices (N, 2, 3) from frame to crop pixels of boxes (N, 4), at least one, and the areas (N,) of the crops in
    square frame pixels. padding: how much larger than its box a crop is."""
    w, h = codec.input_size
    centers, sizes = fit_boxes(boxes, w / h, padding)
    matrices = np.stack([codec.matrix(center, size[0]) for center, size in zip(centers, sizes, strict=True)])
    return matrices, sizes.prod(axis=1)


def estimate_crops(run: Run, codec: Codec, crops: ImageArray, matrices: Matrix) -> tuple[FloatArray, FloatArray]:
    """Joints (B, K, 2) in frame pixels and their scores (B, K) of crops (B, h, w, 3), by the matrices that cut them."""
    joints, scores = codec.decode(run(crops))
    return _in_frame(joints, matrices), scores


def _in_frame(joints: FloatArray, matrices: Matrix) -> FloatArray:
    return apply_affine(invert_affine(matrices), joints).astype(np.float32)


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


class PoseEstimator:
    """The poses of the people in given boxes, by a heatmap network run on a crop of each.

    run: network from crops (B, h, w, 3) uint8 RGB to heatmaps (B, K, h / 4, w / 4), such as a `TorchRuntime`, which
    also does the flip test; or to these and looks (B, C, ...), such as `TorchRuntime.with_looks`: then the poses have
    features, the looks at each joint. skeleton: the K joints. codec: that which the network was trained with; it also
    tells the size of the crops. padding: how much larger than its box a crop is. max_batch: crops run at once. max_oks:
    of two people more similar than this (OKS, over the areas of their crops), the one of lower score is dropped; 1
    keeps all. min_joint_score: joints up to this score do not count in the score of a person.

    Raises ValueError for a `max_batch` below 1.
    """

    def __init__(
        self,
        run: Run | RunWithLooks,
        skeleton: Skeleton,
        codec: Codec,
        padding: float = 1.25,
        max_batch: int = 16,
        max_oks: float = 0.9,
        min_joint_score: float = 0.2,
    ) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self.skeleton = skeleton
        self._run = run
        self._codec = codec
        self._padding = padding
        self._max_batch = max_batch
        self._max_oks = max_oks
        self._min_joint_score = min_joint_score

    def __call__(self, image: ImageArray, detections: Detections) -> Poses:
        """Poses of the people in `detections`, in the pixels of `image`, (H, W, 3) uint8 RGB; in falling order of
        score, without doubles.

        Boxes that are empty or not finite are passed over. `boxes` and `sources` of the poses are those of the
        detections; a joint's score is that of `Codec.decode`; a person's is that of `person_scores`.
        """
        detections = detections[nonempty(detections.boxes)]
        if not len(detections):
            return Poses.empty(self.skeleton)
        matrices, areas = place_crops(self._codec, detections.boxes, self._padding)
        parts = list(self._estimate(image, matrices))
        joints, joint_scores, *features = (np.concatenate(part) for part in zip(*parts, strict=True))
        scores = person_scores(detections.scores, joint_scores, self._min_joint_score)
        poses = Poses(joints, joint_scores, detections.boxes, scores, self.skeleton, detections.sources, *features)
        return self._without_doubles(poses, areas)

    def _estimate(self, image: ImageArray, matrices: Matrix) -> Iterator[tuple[FloatArray, ...]]:
        """Joints (B, K, 2) in frame pixels, scores (B, K) and, given looks, features (B, K, C), batch by batch."""
        for start in range(0, len(matrices), self._max_batch):
            batch = matrices[start : start + self._max_batch]
            output = self._run(crop_people(image, batch, self._codec.input_size))
            heatmaps, *looks = output if isinstance(output, tuple) else (output,)
            joints, scores = self._codec.decode(heatmaps)
            yield _in_frame(joints, batch), scores, *(self._features(maps, joints) for maps in looks)

    def _features(self, looks: FloatArray, joints: FloatArray) -> FloatArray:
        """(B, K, C) looks (B, C, h, w) at joints (B, K, 2) in crop pixels. Convolutions of stride s have the middle of
        their cell c at pixel s c, whatever the codec takes a heatmap's cell for."""
        stride = self._codec.input_size[0] / looks.shape[3]
        return sample_maps(looks, joints / stride)

    def _without_doubles(self, poses: Poses, areas: NDArray[np.float64]) -> Poses:
        who = (poses.joints, poses.joint_scores, areas)
        return poses[suppress_oks(oks_matrix(*who, *who, self.skeleton.sigmas), poses.scores, self._max_oks)]
