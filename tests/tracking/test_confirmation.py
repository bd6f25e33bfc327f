"""Who is shown, and from when on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.tracking.confirmation import confirmed

repeatable = settings(derandomize=True, deadline=None, max_examples=100)


def shown(frames: Iterable[Iterable[int]], min_frames: int, memory_frames: int = 1000) -> list[list[int]]:
    """The ids that come out; that the items come out in order is checked by the way."""
    linked = [(number, np.array(list(ids), np.int64)) for number, ids in enumerate(frames)]
    found = list(confirmed(linked, min_frames, memory_frames))
    assert [item for item, _ in found] == list(range(len(linked)))
    assert all(ids.dtype == np.int64 for _, ids in found)
    return [ids.tolist() for _, ids in found]


@pytest.mark.parametrize(
    ("min_frames", "frames", "expected"),
    [
        (1, [], []),
        (3, [], []),
        (1, [[], [1], []], [[], [1], []]),
        (3, [[1]], [[0]]),  # fewer frames than it takes
        (2, [[1], [1]], [[1], [1]]),  # the first one is given back
        (3, [[1], [1], [1], [1]], [[1]] * 4),
        (3, [[1], [1], [], [1], [1], [1]], [[0], [0], [], [1], [1], [1]]),  # successive frames only
        (2, [[1], [1], [], [1]], [[1], [1], [], [1]]),  # once confirmed, shown at once
        (2, [[1, 7], [1], [1, 7], [1, 7]], [[1, 0], [1], [1, 2], [1, 2]]),  # a ghost takes no number
        (2, [[2, 1], [1, 2]], [[2, 1], [1, 2]]),  # in the order of the tracker's ids
        (2, [[5, 9], [9, 3], [9, 3]], [[0, 1], [1, 2], [1, 2]]),  # 3 comes first into view after 9
        (1, [[0, 4], [4, 0]], [[0, 1], [1, 0]]),  # nobody stays nobody
        (2, [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
    ],
)
def test_cases(min_frames: int, frames: list[list[int]], expected: list[list[int]]) -> None:
    assert shown(frames, min_frames) == expected


@pytest.mark.parametrize("min_frames", [1, 2, 5])
def test_items_come_so_many_frames_late(min_frames: int) -> None:
    taken: list[int] = []

    def linked() -> Iterator[tuple[int, np.ndarray]]:
        for number in range(8):
            taken.append(number)
            yield number, np.array([1])

    for number, _ in confirmed(linked(), min_frames, 10):
        assert taken[-1] == min(number + min_frames - 1, 7)


videos = st.lists(st.lists(st.integers(1, 6), max_size=4, unique=True), max_size=14)


@given(videos, st.integers(1, 4))
@repeatable
def test_who_is_shown_and_under_which_number(video: list[list[int]], min_frames: int) -> None:
    found = shown(video, min_frames)
    runs = [  # (frame, id) from which somebody is in so many successive frames
        (first, i)
        for first in range(len(video) - min_frames + 1)
        for i in sorted(set.intersection(*map(set, video[first : first + min_frames])))
    ]
    first_of = {i: first for first, i in reversed(runs)}
    order = sorted(first_of, key=lambda i: (first_of[i], i))
    numbers = {i: number for number, i in enumerate(order, start=1)}
    for index, (ids, out) in enumerate(zip(video, found, strict=True)):
        assert out == [numbers[i] if index >= first_of.get(i, len(video)) else 0 for i in ids]


@given(videos, st.integers(1, 4))
@repeatable
def test_numbers_are_dense_and_in_order_of_appearance(video: list[list[int]], min_frames: int) -> None:
    seen: list[int] = []
    for ids in shown(video, min_frames):
        seen += sorted(set(ids) - set(seen) - {0})
    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("error", [OSError("the file ends"), KeyboardInterrupt("the file ends")])
def test_what_came_before_an_error_comes_out_before_it(error: BaseException) -> None:
    def broken() -> Iterator[tuple[str, np.ndarray]]:
        yield "a", np.array([1])
        yield "b", np.array([1])
        raise error

    for min_frames, expected in ((1, [1, 1]), (2, [1, 1]), (3, [0, 0])):
        found: list[tuple[str, int]] = []
        with pytest.raises(type(error), match="the file ends"):
            found.extend((item, ids.item()) for item, ids in confirmed(broken(), min_frames, 10))
        assert found == list(zip("ab", expected, strict=True))


def test_an_id_means_the_same_person_as_long_as_it_is_remembered() -> None:
    """Whenever it is that memory is looked through."""
    for first in range(60, 80):
        frames = [[3]] * first + [[]] * 30 + [[3]] * 2
        assert shown(frames, 2, memory_frames=30)[-1] == [1]


@pytest.mark.parametrize("min_frames", [1, 3])
def test_memory_forgets(min_frames: int) -> None:
    """Ever new people, three frames each."""
    linked = ((None, np.array([i, i + 1, i + 2])) for i in range(1, 5000))
    found, last = confirmed(linked, min_frames, memory_frames=20), 0
    for _, ids in found:
        assert found.gi_frame is not None  # type: ignore[attr-defined]
        known = found.gi_frame.f_locals["known"]  # type: ignore[attr-defined]
        assert len(known._people) <= 3 + 100 + 20
        last = max(last, *ids.tolist())
    assert last == {1: 5001, 3: 4997}[min_frames]  # with 3, the first two and the last two are seen too rarely


@pytest.mark.parametrize("min_frames", [0, -1])
def test_no_frames_confirm_nobody(min_frames: int) -> None:
    with pytest.raises(ValueError, match=f"min_frames must be 1 or more, got {min_frames}"):
        next(confirmed([], min_frames, 10))
