"""Optical flow methods of OpenCV.

A method takes two images of the same size and returns a function that maps points of the first to points of the
second: (P, 2) x y in pixels of these images, NaN for a lost point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from pose_track.flow.pixels import pad_image, sample_bilinear
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray

PointMap = Callable[[Float64Array], Float64Array]

_MIN_SIDE = 16  # pixels; DIS refuses some lower, wide images and crashes on others (opencv#14554); 8 would be enough
_WINDOW = (21, 21)
_MAX_LEVEL = 3  # of the pyramid, whose levels halve in size


class FlowMethod(Protocol):
    """See the module.

    needs_colour: takes (H, W, 3) RGB images, otherwise (H, W) grey ones.
    reduction: the factor by which the images that it takes are smaller than `long_side` of `OpticalFlow` says.
    """

    needs_colour: bool
    reduction: int

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap: ...


def warp_by_field(field: Float32Array) -> PointMap:
    """A map of points by a dense flow field, (H, W, 2) displacements x y in pixels, sampled at each point."""
    return lambda points: points + sample_bilinear(field, points)


class DisFlow:
    """Dense inverse search of OpenCV (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).

    This is the fastest preset. On people, the next preset warps joints no better at the same size and takes half as
    long again; "medium" has an error 5 to 25 % smaller and takes six times as long.

    The preset looks at a quarter of an image's size only, and enlarges the flow that it finds there. So it gets this
    quarter, and the flow between the points of its grid is that of `sample_bilinear`.
    """

    needs_colour = False

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self.reduction = 2 ** self._flow.getFinestScale()
        self._flow.setFinestScale(0)

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        h, w = before.shape
        pair = [pad_image(image, multiple=1, min_side=_MIN_SIDE) for image in (before, after)]
        field = self._flow.calc(*pair, None)  # type: ignore[call-overload]
        return warp_by_field(np.asarray(field[:h, :w], np.float32))


class LucasKanade:
    """Pyramidal Lucas-Kanade of OpenCV, for each point separately (Lucas and Kanade, IJCAI 1981; Bouguet, 2000).

    A point is lost if the pixels around it have no texture or it leaves the image.
    """

    needs_colour = False
    reduction = 1

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        def warp(points: Float64Array) -> Float64Array:
            start = points.astype(np.float32)
            output = np.zeros_like(start)
            end, is_found, _ = cv2.calcOpticalFlowPyrLK(
                before, after, start, output, winSize=_WINDOW, maxLevel=_MAX_LEVEL
            )
            return np.where(is_found.astype(bool), end, np.nan)

        return warp
