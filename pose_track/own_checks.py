"""What is wrong with boxes and poses that a function of somebody else gave, in one line that names the function."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import clip_boxes, nonempty
from pose_track.types import Detections, FloatArray, ImageArray, Poses

Found = TypeVar("Found", Detections, Poses)

_FEW_PIXELS = 2.0  # no box and nobody ends so near the corner of a picture; shares of it do
_ROUNDING = 1e-3  # by which a score may leave [0, 1]


def of_kind(found: object, kind: type[Found], who: str) -> Found:
    """What was found, if it is of the kind. Raises TypeError."""
    if not isinstance(found, kind):
        raise TypeError(f"{who} returned {type(found).__name__}; it must return pose_track.{kind.__name__}")
    return found


def check_boxes(boxes: FloatArray, image: ImageArray, who: str) -> None:
    """Raises ValueError for (N, 4) boxes that cannot be x1 y1 x2 y2 in pixels of the picture."""
    if not np.isfinite(boxes).all():
        raise ValueError(f"{who} returned boxes that are not finite: {boxes.tolist()}")
    reversed_ = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if reversed_.any():
        box = boxes[reversed_][0].tolist()
        raise ValueError(f"{who} returned the box {box}; it must be x1 y1 x2 y2 of two corners, not x y width height")
    _check_pixels("boxes", boxes, image, who)


def check_joints(poses: Poses, image: ImageArray, who: str) -> None:
    """Raises ValueError for joints that cannot be pixels of the picture, and for numbers that are none."""
    if not np.isfinite(poses.joints).all():
        raise ValueError(f"{who} returned joints that are not finite; give an absent one score 0 and any position")
    if poses.features is not None and not np.isfinite(poses.features).all():
        raise ValueError(f"{who} returned features that are not finite; give an unknown joint zeros")
    _check_pixels("joints", poses.joints[poses.joint_scores > 0], image, who)


def _check_pixels(name: str, places: FloatArray, image: ImageArray, who: str) -> None:
    if places.size and np.abs(places).max() <= _FEW_PIXELS:
        raise ValueError(f"{who} returned {name} up to {places.max():.3f}; give pixels of the picture, {_size(image)}")


def checked_scores(name: str, scores: FloatArray, who: str) -> FloatArray:
    """A copy within [0, 1], which rounding alone may have left."""
    if not np.all((scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING)):
        low, high = scores.min(), scores.max()
        raise ValueError(f"{who} returned {name} from {low:.3f} to {high:.3f}; they must lie in [0, 1]")
    return np.clip(scores, 0, 1)


def within(found: Detections, image: ImageArray, who: str) -> NDArray[np.bool_]:
    """(N,) which boxes have an extent and lie, in part, in the picture. Raises ValueError where none of them does."""
    some = nonempty(found.boxes)
    inside = some & nonempty(clip_boxes(found.boxes, (image.shape[1], image.shape[0])))
    if some.any() and not inside.any():
        box = found.boxes[some][0].tolist()
        raise ValueError(f"{who} returned the box {box} and none within the picture; give pixels of it, {_size(image)}")
    return inside


def _size(image: ImageArray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
