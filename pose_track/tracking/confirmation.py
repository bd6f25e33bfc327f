"""Show people only once they were seen in several frames, and give those first frames back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from pose_track.structures.frames import IntArray

T = TypeVar("T")


def confirmed(
    linked: Iterable[tuple[T, IntArray]], min_frames: int, memory_frames: int
) -> Iterator[tuple[T, IntArray]]:
    """Yield the items in order, `min_frames - 1` later than they come, with the ids of confirmed people alone.

    linked: an item for each frame, such as the frame, and the (N,) ids of its people as a tracker gives them, 0 for
    nobody. A person is confirmed once seen in `min_frames` successive items; from the first of these on they have an
    id, before it 0. Ids are counted anew, without gaps: 1, 2, 3, ... in the order of first appearance, within a frame
    in the order of the tracker's ids. memory_frames: for how many items an id may be missing and still mean the same
    person (more than the tracker's own memory); nothing older is remembered. Where `linked` raises, the items it gave
    come out first. Raises ValueError for a `min_frames` below 1.

    >>> frames = [("a", np.array([1, 2])), ("b", np.array([2, 0])), ("c", np.array([2]))]
    >>> [(name, ids.tolist()) for name, ids in confirmed(frames, 2, 10)]
    [('a', [0, 1]), ('b', [1, 0]), ('c', [1])]
    """
    if min_frames < 1:
        raise ValueError(f"min_frames must be 1 or more, got {min_frames!r}")
    known, window = _Known(memory_frames), deque[tuple[T, IntArray]]()
    fault: BaseException | None = None
    try:
        for entry in linked:
            window.append(entry)
            if len(window) == min_frames:
                yield known.named(window, set.intersection(*(set(ids.tolist()) for _, ids in window)))
    except (Exception, KeyboardInterrupt) as error:  # raised again below: what came before it comes out first
        fault = error
    while window:
        yield known.named(window, set())
    if fault is not None:
        raise fault


class _Known:
    """The confirmed people. _people: the tracker's id -> our id and the last frame that had it."""

    def __init__(self, memory_frames: int) -> None:
        self._memory_frames = memory_frames
        self._people: dict[int, tuple[int, int]] = {}
        self._next_id = 1
        self._frame = 0

    def named(self, window: deque[tuple[T, IntArray]], now_confirmed: set[int]) -> tuple[T, IntArray]:
        """Take the oldest frame out of the window, and give its confirmed people their ids."""
        item, ids = window.popleft()
        for old in sorted(now_confirmed - self._people.keys() - {0}):
            self._people[old] = (self._next_id, self._frame)
            self._next_id += 1
        shown = [self._people.get(old, (0, 0))[0] for old in ids.tolist()]
        self._people |= {old: (new, self._frame) for old, new in zip(ids.tolist(), shown, strict=True) if new}
        self._forget()
        return item, np.array(shown, np.int64)

    def _forget(self) -> None:
        self._frame += 1
        if self._frame % 100 == 0:
            oldest = self._frame - self._memory_frames - 1
            self._people = {old: (new, last) for old, (new, last) in self._people.items() if last >= oldest}
