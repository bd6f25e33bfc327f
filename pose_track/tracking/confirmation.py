"""Track confirmation: a track is in the output once it was seen in several frames, then including those frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from pose_track.structures.arrays import IntArray

T = TypeVar("T")


def confirm_tracks(
    frames: Iterable[tuple[T, IntArray]], min_frames: int, buffer_frames: int
) -> Iterator[tuple[T, IntArray]]:
    """Yield the frames in order, `min_frames - 1` later than they come, with the ids of confirmed tracks only.

    A track is confirmed once it was seen in `min_frames` consecutive frames. It has its id from the first of these on,
    and 0 before. Confirmed tracks are numbered 1, 2, 3, ... without gaps, in the order of their first frame, and within
    a frame in the order of the tracker's ids. If `frames` raises, the frames before come out first.

    frames: for each frame any object, such as the frame itself, and the (N,) track ids of its people, 0 for none.
    min_frames: at least 1, otherwise raises ValueError.
    buffer_frames: for how many frames an id may be missing and still mean the same track, at least the tracker's own
        track buffer; older ids are forgotten.

    >>> frames = [("a", np.array([1, 2])), ("b", np.array([2, 0])), ("c", np.array([2]))]
    >>> [(name, ids.tolist()) for name, ids in confirm_tracks(frames, 2, 10)]
    [('a', [0, 1]), ('b', [1, 0]), ('c', [1])]
    """
    if min_frames < 1:
        raise ValueError(f"min_frames must be 1 or more, got {min_frames!r}")
    confirmed, window = _ConfirmedTracks(buffer_frames), deque[tuple[T, IntArray]]()
    raised: BaseException | None = None
    try:
        for entry in frames:
            window.append(entry)
            if len(window) == min_frames:
                yield confirmed.pop_frame(window, set.intersection(*(set(ids.tolist()) for _, ids in window)))
    except (Exception, KeyboardInterrupt) as error:  # raised again below, after the frames before it
        raised = error
    while window:
        yield confirmed.pop_frame(window, set())
    if raised is not None:
        raise raised


class _ConfirmedTracks:
    """The confirmed tracks. _tracks: tracker's id -> (id in the output, last frame with it)."""

    def __init__(self, buffer_frames: int) -> None:
        self._buffer_frames = buffer_frames
        self._tracks: dict[int, tuple[int, int]] = {}
        self._next_id = 1
        self._frame = 0

    def pop_frame(self, window: deque[tuple[T, IntArray]], newly_confirmed: set[int]) -> tuple[T, IntArray]:
        """Remove the oldest frame from the window; return it with the output ids of its confirmed tracks."""
        item, ids = window.popleft()
        for track_id in sorted(newly_confirmed - self._tracks.keys() - {0}):
            self._tracks[track_id] = (self._next_id, self._frame)
            self._next_id += 1
        output_ids = [self._tracks.get(track_id, (0, 0))[0] for track_id in ids.tolist()]
        self._tracks |= {old: (new, self._frame) for old, new in zip(ids.tolist(), output_ids, strict=True) if new}
        self._forget_old()
        return item, np.array(output_ids, np.int64)

    def _forget_old(self) -> None:
        self._frame += 1
        if self._frame % 100 == 0:
            oldest = self._frame - self._buffer_frames - 1
            self._tracks = {old: (new, last) for old, (new, last) in self._tracks.items() if last >= oldest}
