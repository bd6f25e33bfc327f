"""From frames and the boxes of their people to their poses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.affine import Matrix, apply_affine, fit_boxes, invert_affine
from pose_track.geometry.boxes import nonempty
from pose_track.geometry.oks import oks_matrix, oks_nms
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray
from pose_track.pose.keypoints import Keypoints
from pose_track.structures.conversion import convert_poses
from pose_track.structures.frames import Detections, ImageArray, Poses
from pose_track.structures.skeleton import Skeleton


def person_scores(
    box_scores: NDArray[np.floating], joint_scores: NDArray[np.floating], min_joint_score: float = 0.2
) -> FloatArray:
    """(N,) scores of people: that of the box, (N,), times the mean of those joint scores, (N, K), that lie above
    `min_joint_score`; 0 for a person without any. The rule of the published code for COCO results.

    Raises ValueError for joint scores that are NaN, as a network gives them whose training diverged.

    >>> person_scores(np.array([.5, .5]), np.array([[.8, .6, .1], [.1, .1, .1]])).round(3).tolist()
    [0.3499999940395355, 0.0]
    """
    if np.isnan(joint_scores).any():
        raise ValueError("the network's heatmaps are not numbers, as if its training diverged; give other weights")
    counts = joint_scores > min_joint_score
    means = (joint_scores * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return np.asarray(box_scores * means, np.float32)


def place_crops(codec: Codec, boxes: NDArray[np.floating], padding: float) -> tuple[Matrix, NDArray[np.float64]]:
    """Matrices (N, 2, 3) from frame to crop pixels of boxes (N, 4) and the areas (N,) of the crops in square frame
    pixels. padding: how much larger than its box a crop is."""
    w, h = codec.input_size
    centers, sizes = fit_boxes(boxes, w / h, padding)
    matrices = [codec.matrix(center, size[0]) for center, size in zip(centers, sizes, strict=True)]
    return np.array(matrices).reshape(-1, 2, 3), sizes.prod(axis=1)


def to_frame(joints: FloatArray, matrices: Matrix) -> FloatArray:
    """Joints (B, K, 2) of crop pixels in frame pixels, by the matrices (B, 2, 3) that cut the crops."""
    return apply_affine(invert_affine(matrices), joints).astype(np.float32)


def suppress_duplicates(poses: Poses, max_oks: float, aspect: float = 3 / 4, padding: float = 1.25) -> Poses:
    """The poses of one frame in falling order of score, without those more similar to a better one than `max_oks`, by
    OKS over the areas of their crops, of which `aspect` is w / h. The defaults are those of the published code."""
    areas = fit_boxes(poses.boxes, aspect, padding)[1].prod(axis=1)
    who = (poses.joints, poses.joint_scores, areas)
    return poses[oks_nms(oks_matrix(*who, *who, poses.skeleton.sigmas), poses.scores, max_oks)]


class PoseEstimator:
    """The poses of the people in given boxes.

    find: the joints in a crop of each, such as a `CroppedKeypoints`; poses have features where it gives them. skeleton:
    the K joints. codec: that which the network was trained with; it also tells the size of the crops. padding: how much
    larger than its box a crop is. max_oks: of two people more similar than this (OKS, over the areas of their crops),
    the one of lower score is dropped; 1 keeps all. min_joint_score: joints up to this score do not count in the score
    of a person. joints: the poses are converted to these by name (see `convert_poses`); None: they stay as they are.
    """

    def __init__(
        self,
        find: Keypoints,
        skeleton: Skeleton,
        codec: Codec,
        padding: float = 1.25,
        max_oks: float = 0.9,
        min_joint_score: float = 0.2,
        joints: Skeleton | None = None,
    ) -> None:
        self.skeleton = joints or skeleton
        self._found = skeleton
        self._find = find
        self._codec = codec
        self._padding = padding
        self._max_oks = max_oks
        self._min_joint_score = min_joint_score

    def __call__(self, image: ImageArray, detections: Detections) -> Poses:
        """Poses of the people in `detections`, in the pixels of `image`, (H, W, 3) uint8 RGB; in falling order of
        score, without doubles. See `run_batch`."""
        return self.suppress_duplicates(*self.run_batch([image], [detections]))

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """Of each picture the poses of its people, in the order of the boxes, doubles too; crops of several pictures
        share a batch.

        Boxes that are empty or not finite are passed over. `boxes` and `sources` of the poses are those of the
        detections; a joint's score is that of `Codec.decode`; a person's is that of `person_scores`.
        """
        detections = [found[nonempty(found.boxes)] for found in detections]
        if not any(map(len, detections)):
            return [Poses.empty(self.skeleton) for _ in images]
        matrices = [place_crops(self._codec, found.boxes, self._padding)[0] for found in detections]
        joints, *others = self._find(images, matrices)
        ends = np.cumsum([len(found) for found in detections])[:-1]
        parts = [np.split(part, ends) for part in (to_frame(joints, np.concatenate(matrices)), *others)]
        return [self._poses(*of_one) for of_one in zip(detections, *parts, strict=True)]

    def _poses(self, found: Detections, joints: FloatArray, joint_scores: FloatArray, *features: FloatArray) -> Poses:
        joint_scores = joint_scores.clip(max=1)
        scores = person_scores(found.scores, joint_scores, self._min_joint_score)
        poses = Poses(joints, joint_scores, found.boxes, scores, self._found, found.sources, *features)
        return convert_poses(poses, self.skeleton)

    def suppress_duplicates(self, poses: Poses) -> Poses:
        """The poses of one frame in falling order of score, without those too similar to a better one."""
        w, h = self._codec.input_size
        return suppress_duplicates(poses, self._max_oks, w / h, self._padding)
