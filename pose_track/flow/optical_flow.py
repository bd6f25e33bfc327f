"""Where points of one picture are in the next: the one interface to all ways of optical flow."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from pose_track.flow.cuts import is_cut, thumbnail
from pose_track.flow.methods import DisFlow, FlowMethod, LucasKanade, PointMap
from pose_track.flow.pixels import Points, Size, grey, in_picture, reduced_size, rescaled
from pose_track.geometry.resize import shrunk
from pose_track.structures.frames import FloatArray, ImageArray

METHODS = ("dis", "lk", "raft_small", "raft_large")

_RELATIVE_TOLERANCE = 0.01  # of squared lengths


def make_flow(
    method: str = "dis",
    long_side: int = 512,
    max_error: float = 2.0,
    weights: str | Path | None = None,
    device: str = "auto",
) -> OpticalFlow:
    """Optical flow by name: "dis" (dense, fast), "lk" (Lucas-Kanade at the points alone, fastest), "raft_small" or
    "raft_large" (networks of torchvision, for a GPU).

    long_side, max_error: see `OpticalFlow`. weights: the file of a network's weights; device: "auto", "cpu", "cuda" or
    "cuda:1", where a network runs; the others need none of both. Raises ValueError for an unknown method, for a network
    without weights or weights without a network, and the errors of `raft.build_network`.
    """
    if method not in METHODS:
        raise ValueError(f"unknown flow method {method!r}; choose one of {', '.join(METHODS)}")
    if method.startswith("raft"):
        if weights is None:
            raise ValueError(f"flow method {method!r} needs a file of weights; give one, or choose dis")
        from pose_track.flow.raft import Raft, build_network  # the others run without PyTorch

        return OpticalFlow(Raft(build_network(method, weights), device), long_side, max_error)
    if weights is not None:
        raise ValueError(f"flow method {method!r} has no weights, got {weights!r}; leave them out or choose raft_small")
    return OpticalFlow(DisFlow() if method == "dis" else LucasKanade(), long_side, max_error)


def round_trip_trust(start: Points, there: Points, back: Points, max_error: float) -> Points:
    """(P,) how far points are to be trusted that were carried from `start` `there`, and from there `back`: 1 where
    they return to where they came from, falling in a straight line to 0 where they miss it by the tolerance; all
    (P, 2) in pixels. What is not finite has trust 0.

    The tolerance is that of Sundaram, Brox and Keutzer, "Dense Point Trajectories by GPU-accelerated Large Displacement
    Optical Flow", ECCV 2010, equation 5: its square is max_error squared plus a hundredth of the squared lengths of
    both ways. (They have 0.5 for the first and a yes or no for an answer. That the way there and back tells good
    points from bad: Kalal et al., "Forward-Backward Error", ICPR 2010.)

    >>> here, there = np.zeros((3, 2)), np.array([[0.0, 30], [3, 0], [3, 0]])
    >>> round_trip_trust(here, there, np.array([[0.0, 0], [1, 0], [2.5, 0]]), max_error=2.0).round(2).tolist()
    [1.0, 0.51, 0.0]
    """
    missed = np.sum((back - start) ** 2, axis=-1)
    ways = np.sum((there - start) ** 2, axis=-1) + np.sum((back - there) ** 2, axis=-1)
    share = np.sqrt(missed / (max_error**2 + _RELATIVE_TOLERANCE * ways))
    return np.where(np.isfinite(share), np.clip(1 - share, 0, 1), 0)


class OpticalFlow:
    """Where points of the last picture are in this one.

    method: see `methods`; long_side: pictures are brought down so that their longer side has so many pixels, smaller
    ones stay as they are; max_error: how far, in pixels of the smaller picture, a point at rest may be from its place
    after the way there and back until its trust is 0, see `round_trip_trust`. Raises ValueError unless long_side is 1
    or more and max_error above 0.
    """

    def __init__(self, method: FlowMethod, long_side: int, max_error: float) -> None:
        if long_side < 1:
            raise ValueError(f"long_side must be 1 or more, got {long_side!r}")
        if not max_error > 0:
            raise ValueError(f"max_error must be above 0, got {max_error!r}")
        self._method, self._long_side, self._max_error = method, long_side, max_error
        self.reset()

    def reset(self) -> None:
        """Forget the last picture: call it before another video."""
        self._last: _Picture | None = None

    def advance(self, image: ImageArray) -> Step:
        """The step from the picture of the last call to `image`, (H, W, 3) uint8 RGB.

        This only makes it smaller and looks for a cut; the flow is computed when points are moved. A picture of
        another size than the last one is a cut.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8, got {image.shape} {image.dtype.name}")
        last, self._last = self._last, _Picture(image, self._long_side, self._method.needs_colour)
        return Step(last, self._last, self._method, self._max_error)


class _Picture:
    """What is kept of a picture. size: of the frame; image: its reduced picture; thumbnail: for the test of cuts."""

    def __init__(self, image: ImageArray, long_side: int, in_colour: bool) -> None:
        self.size: Size = (image.shape[1], image.shape[0])
        self.reduced_size = reduced_size(self.size, long_side)
        self.image = shrunk(image if in_colour else grey(image), self.reduced_size)
        self.thumbnail = thumbnail(self.image)


class Step:
    """From one picture to the next, made by `OpticalFlow.advance`. It stays valid whatever comes after.

    is_first: there was no picture before; is_cut: the shot has changed. Nothing can be carried across either.
    """

    def __init__(self, before: _Picture | None, after: _Picture, method: FlowMethod, max_error: float) -> None:
        self.is_first = before is None
        self.is_cut = before is not None and (before.size != after.size or is_cut(before.thumbnail, after.thumbnail))
        self._before, self._after, self._method, self._max_error = before, after, method, max_error

    def move(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where (P, 2) points of the picture before, x y in pixels of the frame, are in this one, and how far each
        is to be trusted, (P,) in [0, 1], see `round_trip_trust`.

        Trust is 0 for a point that lies outside the picture before or comes to lie outside this one. A point stays
        where it was when it lies outside or is lost, and everywhere in a first picture or across a cut. Raises
        ValueError for another shape.
        """
        moved = np.array(points, np.float32)
        if moved.size == 0:
            moved = moved.reshape(0, 2)
        if moved.ndim != 2 or moved.shape[1] != 2:
            raise ValueError(f"points must have shape (P, 2), got {moved.shape}")
        trust = np.zeros(len(moved), np.float32)
        inside = np.flatnonzero(in_picture(moved, self._after.size))
        if len(inside) and not self.is_first and not self.is_cut:
            moved[inside], trust[inside] = self._carry(moved[inside])
            trust *= in_picture(moved, self._after.size)
        return moved, trust

    def _carry(self, points: FloatArray) -> tuple[Points, Points]:
        """`move` for points in the picture before, when there is a way from there to here."""
        frame, reduced = self._after.size, self._after.reduced_size
        start = rescaled(points, frame, reduced)
        there = self._forward(start)
        found = np.asarray(np.isfinite(there).all(axis=1))
        there = np.where(found[:, None], there, start)
        trust = round_trip_trust(start, there, self._backward(there), self._max_error)
        moved = points + (there - start) * (np.array(frame) / reduced)
        return moved, np.where(found, trust, 0)

    @cached_property
    def _forward(self) -> PointMap:
        assert self._before is not None
        return self._method(self._before.image, self._after.image)

    @cached_property
    def _backward(self) -> PointMap:
        assert self._before is not None
        return self._method(self._after.image, self._before.image)
