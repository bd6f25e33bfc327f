"""How points are found again in another picture: a method is given two pictures of one size and returns a function
from points of the first to points of the second, x y in pixels of these pictures, NaN for a point it lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from pose_track.flow.pixels import Points, padded, sampled
from pose_track.structures.frames import FloatArray, ImageArray

PointMap = Callable[[Points], Points]

_MIN_SIDE = 64  # in pixels: of lower, wider pictures DIS refuses some and crashes on others (opencv#14554); 32 would do
_WINDOW = (21, 21)
_LAST_LEVEL = 3  # of the pyramid, each half as large as the one before


class FlowMethod(Protocol):
    """See the module. needs_colour: whether it is to be given (H, W, 3) RGB pictures, or (H, W) grey ones."""

    needs_colour: bool

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap: ...


def along(field: FloatArray) -> PointMap:
    """Points moved by a dense field: (H, W, 2) displacements x y in pixels, read at each point."""
    return lambda points: points + sampled(field, points)


class DisFlow:
    """Dense inverse search (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), OpenCV's.

    Of its presets the fastest is used: on people, the next one carries joints no better at the same size and takes
    half as long again; "medium" errs by a twentieth to a quarter less and takes six times as long.
    """

    needs_colour = False

    def __init__(self, preset: int = cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST):
        self._flow = cv2.DISOpticalFlow.create(preset)

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        h, w = before.shape
        pair = [padded(image, multiple=1, least=_MIN_SIDE) for image in (before, after)]
        field = self._flow.calc(*pair, None)  # type: ignore[call-overload]
        return along(np.asarray(field[:h, :w], np.float32))


class LucasKanade:
    """Each point by itself, from the pixels around it (Lucas and Kanade, IJCAI 1981; with pyramids as in Bouguet,
    2000), OpenCV's. A point is lost where these pixels have no texture or it leaves the picture."""

    needs_colour = False

    def __call__(self, before: ImageArray, after: ImageArray) -> PointMap:
        def find(points: Points) -> Points:
            start = points.astype(np.float32)
            room = np.zeros_like(start)  # for the result
            there, found, _ = cv2.calcOpticalFlowPyrLK(
                before, after, start, room, winSize=_WINDOW, maxLevel=_LAST_LEVEL
            )
            return np.where(found.astype(bool), there, np.nan)

        return find
