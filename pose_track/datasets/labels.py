"""What annotation files say of a picture and of a person, whatever their format."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.boxes import head_sizes, joints_to_boxes, nonempty


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """One labelled person. joints: (K, 2) pixels in the skeleton's order; visibility: (K,) 0 not labelled,
    1 hidden, 2 seen; box: (4,) x1 y1 x2 y2; image_id: as the file names the picture, 0 where it does not; head_size:
    the length in pixels that PCKh measures by, NaN where the file tells none."""

    file_name: str
    joints: NDArray[np.float64]
    visibility: NDArray[np.int64]
    box: NDArray[np.float64]
    image_id: int = 0
    head_size: float = math.nan


@dataclass(frozen=True, eq=False)
class ImageLabel:
    """One picture's boxes. width, height: in pixels; boxes: (N, 4) x1 y1 x2 y2 of people; ignore: (M, 4) of regions
    that count neither way; exhaustive: whether every person is labelled; source: which collection it is from, "" where
    not told."""

    file_name: str
    width: int
    height: int
    boxes: NDArray[np.float64]
    ignore: NDArray[np.float64]
    exhaustive: bool
    source: str


def box_around(joints: NDArray[np.floating], visibility: NDArray[np.integer]) -> NDArray[np.float64] | None:
    """(4,) x1 y1 x2 y2: the extent of a person's labelled joints, its width and height grown by 15 % about the centre,
    7.5 % to each side (see `geometry.boxes.joints_to_boxes`); None where they span no box, as a single joint, which
    does not tell a person's size.

    joints: (J, 2) pixels; visibility: (J,), 0 not labelled.

    >>> box_around(np.array([[0.0, 0], [100, 200], [900, 900]]), np.array([2, 1, 0])).tolist()
    [-7.5, -15.0, 107.5, 215.0]
    """
    box = joints_to_boxes(joints[None], visibility[None], min_score=0)
    return box[0] if nonempty(box)[0] else None


def head_size(head_box: ArrayLike) -> float:
    """`boxes.head_sizes` of one box, x1 y1 x2 y2.

    >>> head_size([10, 10, 40, 50])
    30.0
    """
    return float(head_sizes(np.asarray(head_box)[None])[0])
