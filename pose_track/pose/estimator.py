"""Poses of the people in given boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.affine import apply_affine, fit_boxes, invert_affine
from pose_track.geometry.boxes import nonempty
from pose_track.geometry.oks import oks_matrix, oks_nms
from pose_track.pose.keypoints import KeypointFunction, Keypoints
from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, ImageArray
from pose_track.structures.conversion import convert_poses
from pose_track.structures.frames import Detections, Poses
from pose_track.structures.skeleton import Skeleton

COUNTED_JOINT_SCORE = 0.2  # joints up to this score do not count in a person's score


def person_scores(
    box_scores: NDArray[np.floating], joint_scores: NDArray[np.floating], min_joint_score: float = COUNTED_JOINT_SCORE
) -> Float32Array:
    """(N,) scores of people by the rule of the published code for COCO results: the score of the box, (N,), times the
    mean of the joint scores, (N, K), above `min_joint_score`; 0 where none is above it.

    Raises ValueError for joint scores that are NaN, as a network gives them whose training diverged.

    >>> person_scores(np.array([.5, .5]), np.array([[.8, .6, .1], [.1, .1, .1]])).round(3).tolist()
    [0.3499999940395355, 0.0]
    """
    if np.isnan(joint_scores).any():
        raise ValueError("the network's heatmaps are NaN, as if its training diverged; give other weights")
    counts = joint_scores > min_joint_score
    means = (joint_scores * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return np.asarray(box_scores * means, np.float32)


class CropCodec(Protocol):
    """How crops are cut: their size (w, h), and the (2, 3) matrix from frame to crop pixels, see `Codec.matrix`."""

    @property
    def input_size(self) -> tuple[int, int]: ...
    def matrix(self, center: ArrayLike, width: float, /) -> Float64Array: ...


def place_crops(codec: CropCodec, boxes: NDArray[np.floating], padding: float) -> tuple[Float64Array, Float64Array]:
    """Matrices (N, 2, 3) from frame to crop pixels for boxes (N, 4), and the areas (N,) of the crops in square frame
    pixels. padding: size of a crop as a multiple of its box."""
    w, h = codec.input_size
    centers, sizes = fit_boxes(boxes, w / h, padding)
    matrices = [codec.matrix(center, size[0]) for center, size in zip(centers, sizes, strict=True)]
    return np.array(matrices).reshape(-1, 2, 3), sizes.prod(axis=1)


def to_frame(joints: Float32Array, matrices: Float64Array) -> Float32Array:
    """Joints (B, K, 2) in frame pixels, from crop pixels and the matrices (B, 2, 3) of `place_crops`."""
    return apply_affine(invert_affine(matrices), joints).astype(np.float32)


def suppress_duplicates(poses: Poses, max_oks: float, aspect: float = 3 / 4, padding: float = 1.25) -> Poses:
    """OKS non-maximum suppression of the poses of one frame; returns them by descending score.

    Args:
        max_oks: highest OKS to a pose of higher score at which a pose is kept. OKS is scaled by the areas of the crops.
        aspect: w / h of the crops.
        padding: size of a crop as a multiple of its box. The defaults are those of the published code.
    """
    areas = fit_boxes(poses.boxes, aspect, padding)[1].prod(axis=1)
    body = poses.skeleton.body_joints
    people = (poses.joints[:, body], poses.joint_scores[:, body], areas)
    return poses[oks_nms(oks_matrix(*people, *people, poses.skeleton.sigmas[body]), poses.scores, max_oks)]


def within_image(joints: NDArray[np.floating], image: ImageArray) -> BoolArray:
    """(N, K) whether joints (N, K, 2) lie in an image (H, W, 3), whose outermost pixels reach half a pixel further."""
    height, width = image.shape[:2]
    return np.asarray(((joints >= -0.5) & (joints <= (width - 0.5, height - 0.5))).all(axis=-1))


def _in_frame(found: Keypoints, matrices: Float64Array) -> Keypoints:
    """Joints and second peaks in frame pixels, see `to_frame`."""
    second = found.second_peaks
    if second is not None:
        second = np.concatenate([to_frame(second[..., :2], matrices), second[..., 2:]], axis=-1)
    return found._replace(joints=to_frame(found.joints, matrices), second_peaks=second)


def _limited(scores: Float32Array, joints: Float32Array, image: ImageArray) -> Float32Array:
    """(N, K) scores up to 1, and 0 outside the image."""
    return np.asarray(scores.clip(max=1) * within_image(joints, image), np.float32)


class PoseEstimator:
    """The poses of the people in given boxes.

    Args:
        find_keypoints: finds the joints in a crop of each person, such as a `CroppedKeypoints`. Poses have features
            and second peaks where it returns them.
        skeleton: the K joints of the network.
        codec: the codec that the network was trained with; it also states the size of the crops.
        padding: size of a crop as a multiple of its box.
        max_oks: see `suppress_duplicates`; 1 keeps all poses.
        min_joint_score: see `person_scores`.
        output_skeleton: the poses are converted to these joints by name (see `convert_poses`); None for `skeleton`.
    """

    def __init__(
        self,
        find_keypoints: KeypointFunction,
        skeleton: Skeleton,
        codec: CropCodec,
        padding: float = 1.25,
        max_oks: float = 0.9,
        min_joint_score: float = COUNTED_JOINT_SCORE,
        output_skeleton: Skeleton | None = None,
    ) -> None:
        self.skeleton = output_skeleton or skeleton
        self._network_skeleton = skeleton
        self._find_keypoints = find_keypoints
        self._codec = codec
        self._padding = padding
        self._max_oks = max_oks
        self._min_joint_score = min_joint_score

    def __call__(self, image: ImageArray, detections: Detections) -> Poses:
        """Poses in the pixels of `image`, (H, W, 3) uint8 RGB, by descending score and without duplicates. See
        `run_batch`."""
        return self.suppress_duplicates(*self.run_batch([image], [detections]))

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """For each image the poses of its people, in the order of the boxes and with duplicates. Crops of several
        images share a batch.

        Boxes that are empty or not finite are skipped. `boxes` and `sources` of the poses are those of the detections.
        A joint's score is that of `Codec.decode`, or 0 outside the image, where nothing of it can be seen; a person's
        score is that of `person_scores`.
        """
        detections = [people[nonempty(people.boxes)] for people in detections]
        if not any(map(len, detections)):
            return [Poses.empty(self.skeleton) for _ in images]
        matrices = [place_crops(self._codec, people.boxes, self._padding)[0] for people in detections]
        found = _in_frame(self._find_keypoints(images, matrices), np.concatenate(matrices))
        ends = np.cumsum([len(people) for people in detections])[:-1]
        arrays = [[None] * len(images) if array is None else np.split(array, ends) for array in found]
        return [
            self._poses(image, people, Keypoints(*of_image))
            for image, people, *of_image in zip(images, detections, *arrays, strict=True)
        ]

    def _poses(self, image: ImageArray, detections: Detections, found: Keypoints) -> Poses:
        """found: in pixels of the image."""
        joints, joint_scores, features, second_peaks = found
        joint_scores = _limited(joint_scores, joints, image)
        scores = person_scores(detections.scores, joint_scores, self._min_joint_score)
        skeleton, sources = self._network_skeleton, detections.sources
        if second_peaks is not None:
            second_peaks[..., 2] = _limited(second_peaks[..., 2], second_peaks[..., :2], image)
        poses = Poses(joints, joint_scores, detections.boxes, scores, skeleton, sources, features, second_peaks)
        return convert_poses(poses, self.skeleton)

    def suppress_duplicates(self, poses: Poses) -> Poses:
        """See the function `suppress_duplicates`."""
        w, h = self._codec.input_size
        return suppress_duplicates(poses, self._max_oks, w / h, self._padding)
