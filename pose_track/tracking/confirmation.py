"""Track confirmation: a track is in the output once it was seen in several frames, then including those frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np

from pose_track.structures.arrays import BoolArray, IntArray

T = TypeVar("T")

_FORGET_EVERY = 100  # frames


@dataclass
class ConfirmedTracks:
    """The confirmed tracks.

    output_ids: tracker's id -> id in the output.
    next_id: of the next confirmed track.
    num_frames: frames that came out so far.
    """

    output_ids: dict[int, int] = field(default_factory=dict)
    next_id: int = 1
    num_frames: int = 0

    def copy(self) -> ConfirmedTracks:
        return replace(self, output_ids=dict(self.output_ids))

    def pop_frame(
        self, window: deque[tuple[T, IntArray]], newly_confirmed: set[int], live_ids: Callable[[], Iterable[int]]
    ) -> tuple[T, IntArray]:
        """Remove the oldest frame from the window; return it with the output ids of its confirmed tracks."""
        item, ids = window.popleft()
        track_ids = np.abs(ids).tolist()
        for track_id in sorted(newly_confirmed.intersection(track_ids)):
            self.output_ids[track_id] = self.next_id
            self.next_id += 1
        newly_confirmed.difference_update(track_ids)
        output_ids = [self.output_ids.get(track_id, 0) for track_id in track_ids]
        self.num_frames += 1
        if self.num_frames % _FORGET_EVERY == 0:
            self._forget(window, live_ids())
        return item, np.array(output_ids, np.int64)

    def _forget(self, window: Iterable[tuple[T, IntArray]], live_ids: Iterable[int]) -> None:
        """Forget the ids that neither the window nor the frames to come have."""
        kept = set(live_ids).union(*(np.abs(ids).tolist() for _, ids in window))
        self.output_ids = {old: new for old, new in self.output_ids.items() if old in kept}


class ConfirmationWindow(Generic[T]):
    """Takes frames one by one, and gives them back in order, `min_frames + lookback_frames - 1` later than they come,
    with the ids of confirmed tracks only.

    A track is confirmed once it was seen in `min_frames` consecutive frames. It has its id in the frames that did not
    come out by then, and 0 before. Where there are fewer than `min_frames` in all it is confirmed once it was seen in
    every frame up to the last.
    Confirmed tracks are numbered 1, 2, 3, ... without gaps, in the order of their first frame, and within a frame in
    the order of the tracker's ids.

    min_frames: at least 1, otherwise raises ValueError.
    live_ids: the ids that the frames to come may have again, such as those in the tracker's track buffer; other ids
        are forgotten.
    confirmed: the tracks that were confirmed before, kept up to date; none by default. Frames that had come and not
        come out then have to come again.
    lookback_frames: that many more frames wait, so that a track gets its id there too.
    look_back: called with the frames that wait and the id of each track when it is confirmed; it may write minus the id
        into the ids of earlier frames, where the track is then found too.
    """

    def __init__(
        self,
        min_frames: int,
        live_ids: Callable[[], Iterable[int]],
        confirmed: ConfirmedTracks | None = None,
        lookback_frames: int = 0,
        look_back: Callable[[Sequence[tuple[T, IntArray]], int], None] = lambda frames, track_id: None,
    ) -> None:
        if min_frames < 1:
            raise ValueError(f"min_frames must be 1 or more, got {min_frames!r}")
        self._min_frames, self._lookback_frames = min_frames, lookback_frames
        self._live_ids, self._look_back = live_ids, look_back
        self._confirmed = confirmed or ConfirmedTracks()
        self._window = deque[tuple[T, IntArray]]()
        self._new_ids: set[int] = set()  # of confirmed tracks whose first frame waits

    def push(self, frame: tuple[T, IntArray]) -> Iterator[tuple[T, IntArray]]:
        """The frame that comes out now, if any.

        frame: any object, such as the frame itself, and the (N,) track ids of its people, 0 for none.
        """
        self._window.append(frame)
        if len(self._window) >= self._min_frames:
            found = _common_ids(islice(reversed(self._window), self._min_frames))
            for track_id in sorted(found - self._new_ids - self._confirmed.output_ids.keys()):
                self._new_ids.add(track_id)
                if self._lookback_frames:
                    self._look_back(list(self._window), track_id)
        if len(self._window) == self._min_frames + self._lookback_frames:
            yield self._pop()

    def flush(self, interrupted: bool = False) -> Iterator[tuple[T, IntArray]]:
        """The frames that wait, after the last one. interrupted: there would have been more."""
        is_short = self._confirmed.num_frames == 0 and len(self._window) < self._min_frames and not interrupted
        while self._window:
            if is_short:
                self._new_ids = _common_ids(self._window) - self._confirmed.output_ids.keys()
            yield self._pop()

    def _pop(self) -> tuple[T, IntArray]:
        return self._confirmed.pop_frame(self._window, self._new_ids, self._live_ids)


def confirm_tracks(frames: Iterable[tuple[T, IntArray]], window: ConfirmationWindow[T]) -> Iterator[tuple[T, IntArray]]:
    """Yield the frames as they come out of the window. If `frames` raises, such as for a damaged video, the frames
    before come out first.

    >>> frames = [("a", np.array([1, 2])), ("b", np.array([2, 0])), ("c", np.array([2]))]
    >>> window = ConfirmationWindow(2, lambda: (1, 2))
    >>> [(name, ids.tolist()) for name, ids in confirm_tracks(frames, window)]
    [('a', [0, 1]), ('b', [1, 0]), ('c', [1])]
    """
    raised: BaseException | None = None
    try:
        for frame in frames:
            yield from window.push(frame)
    except (Exception, KeyboardInterrupt) as error:  # raised again below, after the frames before it
        raised = error
    yield from window.flush(isinstance(raised, KeyboardInterrupt))
    if raised is not None:
        raise raised


def _common_ids(window: Iterable[tuple[T, IntArray]]) -> set[int]:
    """The ids that are in all frames of the window."""
    return set.intersection(*(set(ids[ids > 0].tolist()) for _, ids in window))


class OnlineConfirmation:
    """Whether the tracks of each frame are confirmed at that moment, without waiting for later frames.

    min_frames: consecutive frames in which a track was seen once.
    live_ids: see `ConfirmationWindow`.
    """

    def __init__(self, min_frames: int, live_ids: Callable[[], Iterable[int]]) -> None:
        self._min_frames, self._live_ids = min_frames, live_ids
        self._num_seen: dict[int, int] = {}  # consecutive frames up to the last, or min_frames once it was reached

    def __call__(self, ids: IntArray) -> BoolArray:
        """(N,) for the (N,) track ids of the next frame; False where the id is 0.

        >>> is_confirmed = OnlineConfirmation(2, lambda: (1, 2))
        >>> [is_confirmed(np.array(ids)).tolist() for ids in ([1], [1, 2], [0], [1, 2])]
        [[False], [True, False], [False], [True, False]]
        """
        seen = set(ids.tolist()) - {0}
        before = self._num_seen
        live = seen.union(self._live_ids())
        self._num_seen = {i: self._count(before.get(i, 0), i in seen) for i in live}
        return np.array([self._num_seen.get(i, 0) >= self._min_frames for i in ids.tolist()], bool)

    def _count(self, before: int, is_seen: bool) -> int:
        if before >= self._min_frames:
            return before
        return before + 1 if is_seen else 0
