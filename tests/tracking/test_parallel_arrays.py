"""Selecting and appending rows of parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from tracking.synthetic_people import people_at, start_tracks

from pose_track.tracking.parallel_arrays import ParallelArrays


@dataclass(frozen=True, eq=False)
class Inner(ParallelArrays):
    z: np.ndarray


@dataclass(frozen=True, eq=False)
class Outer(ParallelArrays):
    x: np.ndarray
    inner: Inner


def outer(*numbers: int) -> Outer:
    x = np.array(numbers, np.int64)
    return Outer(x, Inner(np.stack([x, -x], axis=1)))


def as_list(rows: Outer) -> list[tuple[int, list[int]]]:
    return list(zip(rows.x.tolist(), rows.inner.z.tolist(), strict=True))


def test_rows_are_selected_and_appended_in_all_arrays() -> None:
    rows = outer(1, 2, 3)
    assert as_list(rows[np.array([2, 0])]) == [(3, [3, -3]), (1, [1, -1])]
    assert as_list(rows[np.array([False, True, False])] + outer(7)) == [(2, [2, -2]), (7, [7, -7])]
    assert (len(rows), len(outer()), len(rows[np.zeros(3, bool)])) == (3, 0, 0)


def test_empty_arrays_are_neutral() -> None:
    assert as_list(outer() + outer(4)) == as_list(outer(4) + outer()) == as_list(outer(4))


def lengths(rows: Any) -> set[int]:
    values = [getattr(rows, field.name) for field in fields(rows)]
    return set().union(*(lengths(value) if isinstance(value, ParallelArrays) else {len(value)} for value in values))


def test_all_arrays_of_tracks_have_the_same_length() -> None:
    tracks = start_tracks(people_at(0, 300, 600), warped_frames=2)
    assert lengths(tracks) == {3}
    selected = tracks[np.array([1])].update(people_at(310), 0.1) + tracks[np.array([0, 2])].mark_missed()
    assert (lengths(selected), selected.ids.tolist()) == ({3}, [2, 1, 3])
    assert type(selected) is type(tracks)
