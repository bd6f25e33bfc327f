"""Optical flow from image to image: the common interface of all methods."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from pose_track.flow.cuts import thumbnail
from pose_track.flow.methods import DisFlow, FlowMethod, LucasKanade, PointMap
from pose_track.flow.pixels import Size, is_inside, reduced_size, rescale_points, to_grey
from pose_track.flow.transitions import Change, TransitionDetector
from pose_track.geometry.resize import downscale
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray
from pose_track.tracking.propagation import FlowState

METHODS = ("dis", "lk", "raft_small", "raft_large")

_RELATIVE_TOLERANCE = 0.01  # of squared lengths


def build_flow(
    method: str = "dis",
    long_side: int = 512,
    max_error: float = 2.0,
    weights: str | Path | None = None,
    device: str = "auto",
) -> OpticalFlow:
    """The optical flow with this method.

    method: "dis" (dense, fast), "lk" (Lucas-Kanade at the points only, fastest), or "raft_small" and "raft_large"
        (networks of torchvision, for a GPU).
    long_side, max_error: see `OpticalFlow`.
    weights: weights file of a network; only for networks.
    device: "auto", "cpu", "cuda" or "cuda:1", where a network runs; other methods ignore it.

    Raises ValueError for an unknown method, a network without weights, or weights without a network, and the errors of
    `raft.build_network`.
    """
    if method not in METHODS:
        raise ValueError(f"unknown flow method {method!r}; choose one of {', '.join(METHODS)}")
    if method.startswith("raft"):
        if weights is None:
            raise ValueError(f"flow method {method!r} needs a weights file; give one, or choose dis")
        from pose_track.flow.raft import Raft, build_network  # the others run without PyTorch

        return OpticalFlow(Raft(build_network(method, weights), device), long_side, max_error)
    if weights is not None:
        raise ValueError(f"flow method {method!r} takes no weights, got {weights!r}; omit them or choose raft_small")
    return OpticalFlow(DisFlow() if method == "dis" else LucasKanade(), long_side, max_error)


def forward_backward_confidence(
    start: Float64Array, forward: Float64Array, backward: Float64Array, max_error: float
) -> Float64Array:
    """(P,) confidence in points warped from `start` to `forward` and from there back to `backward`.

    It is 1 if a point returns to its start, and falls linearly to 0 at an error equal to the tolerance. Values that
    are not finite have confidence 0. The tolerance is that of Sundaram, Brox and Keutzer, "Dense Point Trajectories by
    GPU-accelerated Large Displacement Optical Flow", ECCV 2010, equation 5: its square is max_error squared plus a
    hundredth of the squared lengths of both displacements. (The paper has 0.5 for the first term and a binary result.
    The forward-backward error is that of Kalal et al., "Forward-Backward Error", ICPR 2010.)

    start, forward, backward: (P, 2) x y in pixels.
    max_error: error at confidence 0 for a point at rest, in pixels.

    >>> start, forward = np.zeros((3, 2)), np.array([[0.0, 30], [3, 0], [3, 0]])
    >>> backward = np.array([[0.0, 0], [1, 0], [2.5, 0]])
    >>> forward_backward_confidence(start, forward, backward, max_error=2.0).round(2).tolist()
    [1.0, 0.51, 0.0]
    """
    error = np.sum((backward - start) ** 2, axis=-1)
    lengths = np.sum((forward - start) ** 2, axis=-1) + np.sum((backward - forward) ** 2, axis=-1)
    ratio = np.sqrt(error / (max_error**2 + _RELATIVE_TOLERANCE * lengths))
    return np.where(np.isfinite(ratio), np.clip(1 - ratio, 0, 1), 0)


class OpticalFlow:
    """Optical flow between successive images of a video.

    method: see `methods`.
    long_side: images are downscaled to this longer side in pixels; smaller ones stay as they are. The method takes them
        smaller by its `reduction`.
    max_error: see `forward_backward_confidence`, in pixels of the downscaled image.

    Raises ValueError unless long_side is at least 1 and max_error above 0.
    """

    def __init__(self, method: FlowMethod, long_side: int, max_error: float) -> None:
        if long_side < 1:
            raise ValueError(f"long_side must be 1 or more, got {long_side!r}")
        if not max_error > 0:
            raise ValueError(f"max_error must be above 0, got {max_error!r}")
        self._method, self._long_side, self._max_error = method, long_side, max_error
        self.reset()

    def reset(self) -> None:
        """Forget the last image. Call it before another video."""
        self.restore(None)

    def state(self) -> FlowState | None:
        """The state after the last image; None before the first."""
        if self._last is None:
            return None
        return FlowState(self._last.size, self._last.image, self._transitions.images())

    def restore(self, state: FlowState | None) -> None:
        """Go on from a state of a flow with the same arguments."""
        self._last = None if state is None else _ReducedImage(state.size, state.image)
        self._transitions = TransitionDetector(() if state is None else state.thumbnails)

    def advance(self, image: ImageArray) -> FlowStep:
        """The step from the image of the last call to `image`, (H, W, 3) uint8 RGB.

        This only downscales the image and tests for a cut; the flow is computed when points are warped. An image of
        another size than the last one is a cut.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8, got {image.shape} {image.dtype.name}")
        size: Size = (image.shape[1], image.shape[0])
        method, nominal = self._method, reduced_size(size, self._long_side)
        small = downscale(image if method.needs_colour else to_grey(image), nominal)
        reduced = downscale(small, (max(1, nominal[0] // method.reduction), max(1, nominal[1] // method.reduction)))
        last, self._last = self._last, _ReducedImage(size, reduced)
        change = self._transitions.advance(thumbnail(small))
        return FlowStep(last, self._last, change, method, self._max_error / method.reduction)


class _ReducedImage:
    """A downscaled image. size: (w, h) of the frame; image: the downscaled one."""

    def __init__(self, size: Size, image: ImageArray) -> None:
        self.size, self.image = size, image
        self.reduced_size: Size = (image.shape[1], image.shape[0])


class FlowStep:
    """The flow from one image to the next, from `OpticalFlow.advance`. It stays valid after further steps.

    is_first: there is no image before.
    is_cut: the shot has changed. In both cases no point is warped.
    change: how much of the image has moved or changed, see `transitions.Change`.
    """

    def __init__(
        self,
        before: _ReducedImage | None,
        after: _ReducedImage,
        change: Change,
        method: FlowMethod,
        max_error: float,
    ) -> None:
        self.is_first = before is None
        self.is_cut = before is not None and (before.size != after.size or change.is_cut)
        self.change = change.amount
        self._before, self._after, self._method, self._max_error = before, after, method, max_error

    def warp(self, points: Float32Array) -> tuple[Float32Array, Float32Array]:
        """(P, 2) points of the image before in this image, and their (P,) confidence in [0, 1].

        The confidence is that of `forward_backward_confidence`, and 0 for a point that starts or ends outside the
        image. A point outside the image before, or lost, stays where it is, as do all points in a first image or across
        a cut.

        points: (P, 2) x y in pixels of the frame; raises ValueError for another shape.
        """
        warped = np.array(points, np.float32)
        if warped.size == 0:
            warped = warped.reshape(0, 2)
        if warped.ndim != 2 or warped.shape[1] != 2:
            raise ValueError(f"points must have shape (P, 2), got {warped.shape}")
        confidence = np.zeros(len(warped), np.float32)
        inside = np.flatnonzero(is_inside(warped, self._after.size))
        if len(inside) and not self.is_first and not self.is_cut:
            warped[inside], confidence[inside] = self._warp_inside(warped[inside])
            confidence *= is_inside(warped, self._after.size)
        return warped, confidence

    def _warp_inside(self, points: Float32Array) -> tuple[Float64Array, Float64Array]:
        """`warp` for points inside the image before, within a shot."""
        frame, reduced = self._after.size, self._after.reduced_size
        start = rescale_points(points, frame, reduced)
        forward = self._forward(start)
        is_found = np.asarray(np.isfinite(forward).all(axis=1))
        forward = np.where(is_found[:, None], forward, start)
        confidence = forward_backward_confidence(start, forward, self._backward(forward), self._max_error)
        warped = points + (forward - start) * (np.array(frame) / reduced)
        return warped, np.where(is_found, confidence, 0)

    @cached_property
    def _forward(self) -> PointMap:
        assert self._before is not None
        return self._method(self._before.image, self._after.image)

    @cached_property
    def _backward(self) -> PointMap:
        assert self._before is not None
        return self._method(self._after.image, self._before.image)
