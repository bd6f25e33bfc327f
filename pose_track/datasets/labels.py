"""Labels of a person and of an image, independent of the annotation format."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose_track.geometry.boxes import head_sizes, joints_to_boxes, nonempty
from pose_track.structures.arrays import Float64Array, IntArray


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """One labelled person.

    file_name: of the image, relative to the data set's image folder.
    joints: (K, 2) pixels in the skeleton's order.
    visibility: (K,) 0 not labelled, 1 hidden, 2 visible.
    box: (4,) x1 y1 x2 y2 in pixels.
    image_id: the annotation file's id of the image, 0 if it has none.
    head_size: the length in pixels that normalises PCKh, NaN if unknown.
    source: the collection that the image comes from, "" if unknown.
    image_size: width and height of the labelled image, None if the annotation file does not declare them.
    group: the clip or camera that the image comes from, "" if unknown.
    """

    file_name: str
    joints: Float64Array
    visibility: IntArray
    box: Float64Array
    image_id: int = 0
    head_size: float = math.nan
    source: str = ""
    image_size: tuple[int, int] | None = None
    group: str = ""


@dataclass(frozen=True, eq=False)
class ImageLabel:
    """The person boxes of one image.

    file_name: relative to the data set's image folder.
    width, height: in pixels.
    boxes: (N, 4) x1 y1 x2 y2 of people.
    ignore: (M, 4) x1 y1 x2 y2 of regions that count neither as person nor as background.
    exhaustive: whether every person is labelled.
    source: the collection that the image comes from, "" if unknown.
    group: the clip or camera that the image comes from, "" if unknown.
    """

    file_name: str
    width: int
    height: int
    boxes: Float64Array
    ignore: Float64Array
    exhaustive: bool
    source: str
    group: str = ""

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def box_around(joints: NDArray[np.floating], visibility: NDArray[np.integer]) -> Float64Array | None:
    """(4,) x1 y1 x2 y2: the extent of a person's labelled joints, enlarged by 15 % about its centre.

    That is 7.5 % to each side, see `geometry.boxes.joints_to_boxes`. None if the joints span no box: a single joint
    does not give a person's size.

    Args:
        joints: (J, 2) pixels.
        visibility: (J,), 0 for joints that are not labelled.

    >>> box_around(np.array([[0.0, 0], [100, 200], [900, 900]]), np.array([2, 1, 0])).tolist()
    [-7.5, -15.0, 107.5, 215.0]
    """
    box = joints_to_boxes(joints[None], visibility[None], min_score=0)
    return box[0] if nonempty(box)[0] else None


def head_size(head_box: ArrayLike) -> float:
    """`geometry.boxes.head_sizes` of one box, x1 y1 x2 y2.

    >>> head_size([10, 10, 40, 50])
    30.0
    """
    return float(head_sizes(np.asarray(head_box)[None])[0])
