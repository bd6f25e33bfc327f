"""Which tracks are confirmed, and from which frame on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.tracking.confirmation import ConfirmationWindow, ConfirmedTracks, OnlineConfirmation, confirm_tracks

repeatable = settings(derandomize=True, deadline=None, max_examples=100)


def confirmed_ids(frames: Iterable[Iterable[int]], min_frames: int, live_ids: Sequence[int] = ()) -> list[list[int]]:
    """The output ids. Also checks that the frames come in order."""
    inputs = [(number, np.array(list(ids), np.int64)) for number, ids in enumerate(frames)]
    outputs = list(confirm_tracks(inputs, ConfirmationWindow(min_frames, lambda: live_ids)))
    assert [item for item, _ in outputs] == list(range(len(inputs)))
    assert all(ids.dtype == np.int64 for _, ids in outputs)
    return [ids.tolist() for _, ids in outputs]


@pytest.mark.parametrize(
    ("min_frames", "frames", "expected"),
    [
        (1, [], []),
        (3, [], []),
        (1, [[], [1], []], [[], [1], []]),
        (2, [[1], [1]], [[1], [1]]),  # includes the first frame
        (3, [[1], [1], [1], [1]], [[1]] * 4),
        (3, [[1], [1], [], [1], [1], [1]], [[0], [0], [], [1], [1], [1]]),  # consecutive frames only
        (2, [[1], [1], [], [1]], [[1], [1], [], [1]]),  # a confirmed track is in the output at once
        (2, [[1, 7], [1], [1, 7], [1, 7]], [[1, 0], [1], [1, 2], [1, 2]]),  # an unconfirmed track takes no number
        (2, [[2, 1], [1, 2]], [[2, 1], [1, 2]]),  # in the order of the tracker's ids
        (2, [[5, 9], [9, 3], [9, 3]], [[0, 1], [1, 2], [1, 2]]),  # 3 appears after 9
        (1, [[0, 4], [4, 0]], [[0, 1], [1, 0]]),  # 0 stays 0
        (2, [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        (3, [[1]], [[1]]),  # fewer frames than min_frames: in every frame up to the last
        (3, [[0, 1], [1]], [[0, 1], [1]]),
        (3, [[1, 2], [2, 3]], [[0, 1], [1, 2]]),
        (9, [[1], [], [1]], [[0], [], [1]]),
        (3, [[1], [1], [2]], [[0], [0], [0]]),  # as many frames as min_frames
    ],
)
def test_cases(min_frames: int, frames: list[list[int]], expected: list[list[int]]) -> None:
    assert confirmed_ids(frames, min_frames) == expected


@pytest.mark.parametrize("min_frames", [1, 2, 5])
def test_delay(min_frames: int) -> None:
    consumed: list[int] = []

    def frames() -> Iterator[tuple[int, np.ndarray]]:
        for number in range(8):
            consumed.append(number)
            yield number, np.array([1])

    for number, _ in confirm_tracks(frames(), ConfirmationWindow(min_frames, lambda: [1])):
        assert consumed[-1] == min(number + min_frames - 1, 7)


videos = st.lists(st.lists(st.integers(1, 6), max_size=4, unique=True), max_size=14)


@given(videos, st.integers(1, 4))
@repeatable
def test_confirmed_tracks_and_their_numbers(video: list[list[int]], min_frames: int) -> None:
    outputs = confirmed_ids(video, min_frames)
    runs = [  # (frame, id): from this frame on the id is in min_frames consecutive frames
        (first, i)
        for first in range(len(video) if len(video) < min_frames else len(video) - min_frames + 1)
        for i in sorted(set.intersection(*map(set, video[first : first + min_frames])))
    ]
    first_of = {i: first for first, i in reversed(runs)}
    order = sorted(first_of, key=lambda i: (first_of[i], i))
    numbers = {i: number for number, i in enumerate(order, start=1)}
    for index, (ids, output) in enumerate(zip(video, outputs, strict=True)):
        assert output == [numbers[i] if index >= first_of.get(i, len(video)) else 0 for i in ids]


@given(videos, st.integers(1, 4))
@repeatable
def test_numbers_have_no_gaps_and_are_in_order_of_appearance(video: list[list[int]], min_frames: int) -> None:
    seen: list[int] = []
    for ids in confirmed_ids(video, min_frames):
        seen += sorted(set(ids) - set(seen) - {0})
    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("error", [OSError("the file ends"), KeyboardInterrupt("the file ends")])
def test_frames_before_an_error_come_out_first(error: BaseException) -> None:
    def failing() -> Iterator[tuple[str, np.ndarray]]:
        yield "a", np.array([1])
        yield "b", np.array([1])
        raise error

    # an interrupt is not the end of a short video
    short = [0, 0] if isinstance(error, KeyboardInterrupt) else [1, 1]
    for min_frames, expected in ((1, [1, 1]), (2, [1, 1]), (3, short)):
        outputs: list[tuple[str, int]] = []
        with pytest.raises(type(error), match="the file ends"):
            outputs.extend(
                (item, ids.item())
                for item, ids in confirm_tracks(failing(), ConfirmationWindow(min_frames, lambda: [1]))
            )
        assert outputs == list(zip("ab", expected, strict=True))


@pytest.mark.parametrize("num_missed", [30, 300])
def test_an_id_means_the_same_track_as_long_as_it_lives(num_missed: int) -> None:
    """At whichever frame old ids are removed."""
    for first in range(60, 80):
        frames = [[3]] * first + [[]] * num_missed + [[3]] * 2
        assert confirmed_ids(frames, 2, live_ids=[3])[-1] == [1]


def test_an_id_that_ended_keeps_its_meaning_for_the_frames_that_wait() -> None:
    """The tracker is some frames ahead: it may have ended a track whose last frames did not come out yet."""
    for first in range(95, 105):
        assert confirmed_ids([[3]] * first + [[4]] * 3, 3)[first - 1 :] == [[1], [2], [2], [2]]


@pytest.mark.parametrize("min_frames", [1, 3])
def test_old_tracks_are_forgotten(min_frames: int) -> None:
    """A new person in each frame, for three frames each."""
    live_ids: list[int] = []

    def frames() -> Iterator[tuple[None, np.ndarray]]:
        for i in range(1, 5000):
            live_ids[:] = range(i - 20, i + 3)
            yield None, np.array([i, i + 1, i + 2])

    confirmed, last = ConfirmedTracks(), 0
    for _, ids in confirm_tracks(frames(), ConfirmationWindow(min_frames, lambda: live_ids, confirmed)):
        assert len(confirmed.output_ids) <= 3 + 100 + 20
        last = max(last, *ids.tolist())
    assert last == {1: 5001, 3: 4997}[min_frames]  # with 3, the first two and the last two are in too few frames


@pytest.mark.parametrize("min_frames", [0, -1])
def test_min_frames_must_be_positive(min_frames: int) -> None:
    with pytest.raises(ValueError, match=f"min_frames .* {min_frames}"):
        next(confirm_tracks([], ConfirmationWindow(min_frames, lambda: ())))


def test_online_confirmation_counts_consecutive_frames_and_forgets_dead_tracks() -> None:
    live: list[int] = []
    is_confirmed = OnlineConfirmation(3, lambda: live)
    assert [is_confirmed(np.array([5])).tolist() for _ in range(3)] == [[False], [False], [True]]
    live[:] = [5, 6]
    assert is_confirmed(np.array([6])).tolist() == [False]
    assert is_confirmed(np.array([6, 5, 0])).tolist() == [False, True, False]  # confirmed once, confirmed always
    assert is_confirmed(np.zeros(0, np.int64)).tolist() == []
    assert is_confirmed(np.array([6])).tolist() == [False]  # the count began anew
    live.clear()
    is_confirmed(np.zeros(0, np.int64))
    assert is_confirmed(np.array([5])).tolist() == [False]  # the track was dropped, so this id is another one
