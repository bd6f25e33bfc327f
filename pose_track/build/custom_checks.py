"""Checks of what a user's detector or estimator returns. The errors name the function, the problem and the remedy."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from pose_track.geometry.boxes import clip_boxes, nonempty
from pose_track.structures.arrays import BoolArray, Float32Array, ImageArray
from pose_track.structures.frames import Detections, Poses

Result = TypeVar("Result", Detections, Poses)

_MIN_EXTENT = 2.0  # pixels; coordinates no larger than this are shares of the image's size
_SCORE_TOLERANCE = 1e-3  # by which rounding may take a score out of [0, 1]


def check_type(result: object, expected: type[Result], function: str) -> Result:
    """The result of a function, if it has the expected type. Raises TypeError."""
    if not isinstance(result, expected):
        raise TypeError(f"{function} returned {type(result).__name__}; it must return pose_track.{expected.__name__}")
    return result


def check_boxes(boxes: Float32Array, image: ImageArray, function: str) -> None:
    """Raises ValueError for (N, 4) boxes that are not x1 y1 x2 y2 in pixels of the image."""
    if not np.isfinite(boxes).all():
        raise ValueError(f"{function} returned boxes that are not finite: {boxes.tolist()}")
    is_reversed = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if is_reversed.any():
        box = boxes[is_reversed][0].tolist()
        raise ValueError(f"{function} returned the box {box}; return x1 y1 x2 y2 of two corners, not x y width height")
    _check_pixels("boxes", boxes, image, function)


def check_joints(poses: Poses, image: ImageArray, function: str) -> None:
    """Raises ValueError for joints that are not pixels of the image, and for joints or features that are not finite."""
    if not np.isfinite(poses.joints).all():
        raise ValueError(
            f"{function} returned joints that are not finite; return score 0 and any position for an absent joint"
        )
    if poses.features is not None and not np.isfinite(poses.features).all():
        raise ValueError(f"{function} returned features that are not finite; return zeros for an unknown joint")
    _check_pixels("joints", poses.joints[poses.joint_scores > 0], image, function)


def _check_pixels(name: str, coordinates: Float32Array, image: ImageArray, function: str) -> None:
    if coordinates.size and np.abs(coordinates).max() <= _MIN_EXTENT:
        raise ValueError(
            f"{function} returned {name} up to {coordinates.max():.3f}; return pixels of the image, {_size(image)}"
        )


def check_scores(name: str, scores: Float32Array, function: str) -> Float32Array:
    """A copy of the scores, clipped to [0, 1]. Raises ValueError for scores further outside than rounding explains."""
    if not np.all((scores >= -_SCORE_TOLERANCE) & (scores <= 1 + _SCORE_TOLERANCE)):
        low, high = scores.min(), scores.max()
        raise ValueError(f"{function} returned {name} from {low:.3f} to {high:.3f}; they must lie in [0, 1]")
    return np.clip(scores, 0, 1)


def boxes_in_image(detections: Detections, image: ImageArray, function: str) -> BoolArray:
    """(N,) which boxes are not empty and lie at least partly in the image. Raises ValueError if none of them does."""
    is_nonempty = nonempty(detections.boxes)
    is_inside = is_nonempty & nonempty(clip_boxes(detections.boxes, (image.shape[1], image.shape[0])))
    if is_nonempty.any() and not is_inside.any():
        box = detections.boxes[is_nonempty][0].tolist()
        raise ValueError(
            f"{function} returned the box {box} and none within the image; return pixels of the image, {_size(image)}"
        )
    return is_inside


def _size(image: ImageArray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
