"""Track confirmation: a track is in the output once it was seen in several frames, then including those frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import numpy as np

from pose_track.structures.arrays import IntArray

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


def confirm_tracks(
    frames: Iterable[tuple[T, IntArray]],
    min_frames: int,
    live_ids: Callable[[], Iterable[int]],
    confirmed: ConfirmedTracks | None = None,
    lookback_frames: int = 0,
    look_back: Callable[[Sequence[tuple[T, IntArray]], int], None] = lambda frames, track_id: None,
) -> Iterator[tuple[T, IntArray]]:
    """Yield the frames in order, `min_frames + lookback_frames - 1` later than they come, with the ids of confirmed
    tracks only.

    A track is confirmed once it was seen in `min_frames` consecutive frames. It has its id in the frames that did not
    come out by then, and 0 before. Where there are fewer than `min_frames` in all, also because of an error such as
    that of a damaged video, it is confirmed once it was seen in every frame up to the last.
    Confirmed tracks are numbered 1, 2, 3, ... without gaps, in the order of their first frame, and within a frame in
    the order of the tracker's ids. If `frames` raises, the frames before come out first.

    frames: for each frame any object, such as the frame itself, and the (N,) track ids of its people, 0 for none.
    min_frames: at least 1, otherwise raises ValueError.
    live_ids: the ids that the frames to come may have again, such as those in the tracker's track buffer; other ids
        are forgotten.
    confirmed: the tracks that were confirmed before, kept up to date; none by default. Frames that had come and not
        come out then have to come again.
    lookback_frames: that many more frames wait, so that a track gets its id there too.
    look_back: called with the frames that wait and the id of each track when it is confirmed; it may write minus the id
        into the ids of earlier frames, where the track is then found too.

    >>> frames = [("a", np.array([1, 2])), ("b", np.array([2, 0])), ("c", np.array([2]))]
    >>> [(name, ids.tolist()) for name, ids in confirm_tracks(frames, 2, lambda: (1, 2))]
    [('a', [0, 1]), ('b', [1, 0]), ('c', [1])]
    """
    if min_frames < 1:
        raise ValueError(f"min_frames must be 1 or more, got {min_frames!r}")
    confirmed, window = confirmed or ConfirmedTracks(), deque[tuple[T, IntArray]]()
    newly_confirmed: set[int] = set()  # whose first frame waits in the window
    raised: BaseException | None = None
    try:
        for entry in frames:
            window.append(entry)
            if len(window) >= min_frames:
                found = _common_ids(islice(reversed(window), min_frames))
                for track_id in sorted(found - newly_confirmed - confirmed.output_ids.keys()):
                    newly_confirmed.add(track_id)
                    if lookback_frames:
                        look_back(list(window), track_id)
            if len(window) == min_frames + lookback_frames:
                yield confirmed.pop_frame(window, newly_confirmed, live_ids)
    except (Exception, KeyboardInterrupt) as error:  # raised again below, after the frames before it
        raised = error
    is_short = confirmed.num_frames == 0 and len(window) < min_frames and not isinstance(raised, KeyboardInterrupt)
    while window:
        if is_short:
            newly_confirmed = _common_ids(window) - confirmed.output_ids.keys()
        yield confirmed.pop_frame(window, newly_confirmed, live_ids)
    if raised is not None:
        raise raised


def _common_ids(window: Iterable[tuple[T, IntArray]]) -> set[int]:
    """The ids that are in all frames of the window."""
    return set.intersection(*(set(ids[ids > 0].tolist()) for _, ids in window))
