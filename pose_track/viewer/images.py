"""The frames of a video as JPEG, by position, for a browser that steps and jumps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pose_track.structures.arrays import Float64Array, ImageArray
from pose_track.video.random_access import RandomAccessVideo, TimedImage

_QUALITY = 88
_CACHE_BYTES = 256 * 2**20
_KEPT_BEFORE = 12  # frames before the one that is wanted, for stepping back
_READ_ON = 64  # frames that are decoded on the way rather than sought
_NOWHERE = -_READ_ON - 1  # from where every position is sought


class MissingFrameError(LookupError):
    """The video has no such frame, or it is damaged."""


class FrameImages:
    """JPEG images of the frames at given times; safe to use from several threads.

    path: a video file or a folder of images.
    seconds: (F,) the time of each frame, ascending, as in the records. A frame is found by its time, so each image is
        that of its record, whatever the container's own numbers.
    fps: frames per second of a folder of images; None for the default.
    """

    def __init__(self, path: Path, seconds: Float64Array, fps: Fraction | None = None) -> None:
        self._video = RandomAccessVideo(path, fps)
        self._seconds = seconds
        self._tolerance = _half_step(seconds)
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._num_bytes = 0
        self._closed = False
        self._frames: Iterator[TimedImage] = iter(())
        self._last = _NOWHERE  # position of the frame that was read last

    def jpeg(self, position: int) -> bytes:
        """The image of a frame. Raises MissingFrameError; IndexError for a position that is not there."""
        if not 0 <= position < len(self._seconds):
            raise IndexError(f"position must be below {len(self._seconds)}, got {position}")
        with self._lock:
            if position not in self._cache and not self._closed:
                self._read_to(position)
            if position not in self._cache and not self._closed and self._video.can_seek:
                self._read_in_order(position)
            if position not in self._cache:
                raise MissingFrameError(f"the video has no frame at {self._seconds[position]:.3f} seconds")
            self._cache.move_to_end(position)
            return self._cache[position]

    def image(self, position: int) -> ImageArray:
        """(H, W, 3) uint8 RGB, from the JPEG. Raises as `jpeg` does."""
        decoded = cv2.imdecode(np.frombuffer(self.jpeg(position), np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None  # it is a JPEG of `_keep`
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """Release the video. A thread that reads from it gets MissingFrameError."""
        self._closed = True
        with self._lock:
            self._frames = iter(())

    def _read_in_order(self, position: int) -> None:
        """Look for a frame without seeking, which fails where the container lacks times, see `FrameClock`; where that
        finds it, all are read so."""
        self._video.can_seek, self._last = False, _NOWHERE
        self._read_to(position)
        self._video.can_seek = position not in self._cache

    def _read_to(self, position: int) -> None:
        """Put the image at a position into the cache, and those before it on the way."""
        if not self._last < position <= self._last + _READ_ON:
            self._frames = self._video.frames_from(float(self._seconds[max(0, position - _KEPT_BEFORE)]))
        for seconds, convert in self._frames:
            if self._closed:
                return
            at = self._position(seconds)
            if at is not None:
                self._last = at
                if position - _KEPT_BEFORE <= at <= position and at not in self._cache:
                    self._keep(at, convert())
            if seconds >= self._seconds[position] - self._tolerance:
                return

    def _position(self, seconds: float) -> int | None:
        """The position of the record at a time; None where no record is."""
        nearest = int(np.searchsorted(self._seconds, seconds - self._tolerance))
        if nearest < len(self._seconds) and abs(self._seconds[nearest] - seconds) <= self._tolerance:
            return nearest
        return None

    def _keep(self, position: int, image: ImageArray | None) -> None:
        if image is None:
            return
        blue_first = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        self._cache[position] = encoded.tobytes()
        self._num_bytes += len(self._cache[position])
        while self._num_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._num_bytes -= len(self._cache.popitem(last=False)[1])


def _half_step(seconds: Float64Array) -> float:
    """Less than half the shortest time between two frames, and at most a millisecond."""
    steps = np.diff(seconds)
    steps = steps[steps > 0]
    return min(0.001, float(steps.min()) * 0.4) if len(steps) else 0.001
