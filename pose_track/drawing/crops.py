"""Steady windows that follow a person, for a video of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray, IntArray
from pose_track.structures.frames import TrackedPoses

_SMOOTHING_SECONDS = 0.4
_PADDING = 1.25
_SIZE_PERCENTILE = 95.0  # of the sizes of a person's boxes
_MIN_SIDE = 32


@dataclass(frozen=True, eq=False)
class CropWindows:
    """The window of one person in each frame from the first to the last one.

    frame_indices: (F,) ascending. centres: (F, 2) x y in pixels. width, height: pixels, the same in all frames, even.
    """

    frame_indices: IntArray
    centres: Float64Array
    width: int
    height: int

    def crop(self, image: ImageArray, frame_index: int) -> ImageArray | None:
        """The window of a frame, black (or transparent) beyond the image; None before the person's first frame, after
        the last one, and in frames without a record.

        image: (H, W, C) uint8.
        """
        n = int(np.searchsorted(self.frame_indices, frame_index))
        if n == len(self.frame_indices) or self.frame_indices[n] != frame_index:
            return None
        left, top = np.floor(self.centres[n] - [self.width / 2, self.height / 2] + 0.5).astype(int).tolist()
        window = np.zeros((self.height, self.width, image.shape[2]), np.uint8)
        height, width = image.shape[:2]
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + self.width, width), min(top + self.height, height)
        if x1 < x2 and y1 < y2:
            window[y1 - top : y2 - top, x1 - left : x2 - left] = image[y1:y2, x1:x2]
        return window


def crop_windows(records: Iterable[TrackedPoses], fps: float) -> dict[int, CropWindows]:
    """The windows of each person, by track id.

    A window has one size, that of almost all of the person's boxes with a margin. Its centre is that of the box,
    interpolated where the person is not seen, and smoothed over about a second (Gaussian of 0.4 s).
    """
    frames: list[int] = []
    seen: dict[int, list[tuple[int, Float32Array]]] = defaultdict(list)
    for people in records:
        for track_id, box in zip(people.track_ids.tolist(), people.poses.boxes, strict=True):
            if np.isfinite(box).all():
                seen[track_id].append((len(frames), box))
        frames.append(people.frame_index)
    indices = np.array(frames, np.int64)
    return {track_id: _windows(indices, boxes, fps) for track_id, boxes in sorted(seen.items())}


def _windows(frame_indices: IntArray, seen: list[tuple[int, Float32Array]], fps: float) -> CropWindows:
    """The windows of one person. seen: positions in `frame_indices`, ascending, with the box there."""
    positions = np.array([position for position, _ in seen])
    boxes = np.stack([box for _, box in seen]).astype(np.float64)
    spanned = np.arange(positions[0], positions[-1] + 1)
    indices = frame_indices[spanned]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    whole = np.stack([np.interp(spanned, positions, centres[:, axis]) for axis in range(2)], axis=1)  # (F, 2)
    step = float(np.median(np.diff(indices))) if len(indices) > 1 else 1.0
    width, height = (_side(sizes) for sizes in (boxes[:, 2:] - boxes[:, :2]).T)
    return CropWindows(indices, _smooth(whole, _SMOOTHING_SECONDS * fps / step), width, height)


def _smooth(points: Float64Array, deviation: float) -> Float64Array:
    """(F, 2) points over time, smoothed; at the ends motion goes on, so that the window does not lag there.

    deviation: of the Gaussian, in frames.
    """
    margin = round(4 * deviation)
    padded = np.pad(points, ((margin, margin), (0, 0)), "reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(padded, deviation, axis=0)[margin : margin + len(points)])


def _side(sizes: Float64Array) -> int:
    """An even side of a window for boxes of these sizes in pixels."""
    side = max(_MIN_SIDE, round(float(np.percentile(sizes, _SIZE_PERCENTILE)) * _PADDING))
    return side + side % 2
