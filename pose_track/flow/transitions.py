"""Transitions between shots in a video, found from the thumbnails of successive images: hard cuts, dissolves and fades.

A dissolve blends one scene linearly into another. So the image in the middle of a stretch is a weighted mean of those
at its ends, and these show different scenes. Where the camera or people move, the mean shows everything twice and does
not resemble the image in the middle. (The linear model is that of Lienhart, "Reliable Transition Detection in Videos",
Int. J. of Image and Graphics 1(3), 2001, section 5.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pose_track.flow.cuts import Thumbnail, aligned_tile_change, cut_or_change, tile_change, tiles
from pose_track.structures.arrays import Float32Array, ImageArray

# Measured over 8 images of dissolves of 20, from about the seventh on: a search finds no more than a third of the
# change, and the residual is at most a third of it. Where the camera moves a search finds more of it. Where people move
# close to the camera the residual is half of it and more.
_STRETCHES = (8, 24)  # images over which a dissolve is looked for
_MIN_CHANGE = 0.06
_MIN_UNFOUND = 0.65  # of the change
_MAX_RESIDUAL = 0.35  # of the change
_SHARES = (0.15, 0.9)  # of the later scene in the image in the middle
_MIN_PROGRESS = 0.04  # of that share until an eighth of the stretch before its end, and from there

_MIN_CONTRAST = 4.0  # standard deviation in grey levels of an image that shows something


@dataclass(frozen=True)
class Change:
    """From one image to the next.

    is_cut: the shot changes. In the course of a dissolve it is true for each image.
    amount: how much of the image has moved or changed, see `aligned_tile_change`.
    """

    is_cut: bool
    amount: float


class TransitionDetector:
    """Finds transitions in the thumbnails of a video's images, which are passed one by one.

    An image without contrast, such as a black one, is left out, so that a fade to black and back to the same scene is
    not a transition, while one to another scene is.
    """

    def __init__(self, images: Iterable[ImageArray] = ()) -> None:
        """images: of a detector after which this one goes on, see `images`."""
        self._views = deque((_View(Thumbnail(image)) for image in images), maxlen=max(_STRETCHES) + 1)

    def images(self) -> ImageArray:
        """(n, h, w) uint8 the images that matter for those that follow."""
        return np.array([view.thumbnail.image for view in self._views])

    def advance(self, thumbnail: Thumbnail) -> Change:
        """The change from the last image to this one."""
        view = _View(thumbnail)
        if not self._views:
            self._views.append(view)
        last = self._views[-1].thumbnail
        if thumbnail.image.size and thumbnail.image.std() < _MIN_CONTRAST:
            return Change(False, 0.0)
        amount = cut_or_change(last, thumbnail)
        if amount is None:
            self._views.clear()
        self._views.append(view)
        if amount is None:
            return Change(True, 1.0)
        return Change(any(map(self._is_dissolving, _STRETCHES)), amount)

    def _is_dissolving(self, stretch: int) -> bool:
        """Whether the last images, `stretch` steps, are part of a dissolve."""
        if len(self._views) <= stretch:
            return False
        first, middle, later, last = (self._views[-1 - step] for step in (stretch, stretch // 2, stretch // 8, 0))
        change = aligned_tile_change(first.thumbnail, last.thumbnail)
        if change < _MIN_CHANGE:
            return False
        share, residual = _blend(first.tiles, middle.tiles, last.tiles)
        if residual > _MAX_RESIDUAL * change or not _SHARES[0] < share < _SHARES[1]:
            return False
        later_share, _ = _blend(first.tiles, later.tiles, last.tiles)
        is_going_on = share + _MIN_PROGRESS < later_share < 1 - _MIN_PROGRESS
        return is_going_on and tile_change(first.thumbnail, last.thumbnail) > max(_MIN_CHANGE, _MIN_UNFOUND * change)


class _View:
    """A thumbnail. tiles: (T, P) of its standardised image, without noise, and without brightness and contrast, which
    change with the light."""

    def __init__(self, thumbnail: Thumbnail) -> None:
        self.thumbnail = thumbnail

    @cached_property
    def tiles(self) -> Float32Array:
        smooth = cv2.GaussianBlur(self.thumbnail.image, (0, 0), 1.0).astype(np.float32)
        return tiles(smooth / max(float(smooth.std()), 1.0))


def _blend(first: Float32Array, middle: Float32Array, last: Float32Array) -> tuple[float, float]:
    """The share of `last` in the blend with `first` that most tiles of `middle` show, and the median of what differs
    from that blend, relative to the change from `first` to `last`. Tiles that change little do not count.

    first, middle, last: (T, P) tiles.
    """
    whole, part = last - first, middle - first
    change = np.einsum("tp,tp->t", whole, whole)
    changes = change >= np.median(change) / 2
    whole, part, change = whole[changes], part[changes], np.maximum(change[changes], 1e-6)
    share = np.median(np.einsum("tp,tp->t", whole, part) / change)
    rest = part - share * whole
    return float(share), float(np.median(np.einsum("tp,tp->t", rest, rest) / change))
