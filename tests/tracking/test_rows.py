"""Rows of parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from tracking.made_people import standing, tracks_of

from pose_track.tracking.rows import Rows


@dataclass(frozen=True, eq=False)
class Inner(Rows):
    z: np.ndarray


@dataclass(frozen=True, eq=False)
class Outer(Rows):
    x: np.ndarray
    inner: Inner


def outer(*numbers: int) -> Outer:
    x = np.array(numbers, np.int64)
    return Outer(x, Inner(np.stack([x, -x], axis=1)))


def told(rows: Outer) -> list[tuple[int, list[int]]]:
    return list(zip(rows.x.tolist(), rows.inner.z.tolist(), strict=True))


def test_rows_are_taken_and_joined_in_all_arrays_alike() -> None:
    rows = outer(1, 2, 3)
    assert told(rows[np.array([2, 0])]) == [(3, [3, -3]), (1, [1, -1])]
    assert told(rows[np.array([False, True, False])] + outer(7)) == [(2, [2, -2]), (7, [7, -7])]
    assert (len(rows), len(outer()), len(rows[np.zeros(3, bool)])) == (3, 0, 0)


def test_none_are_neutral() -> None:
    assert told(outer() + outer(4)) == told(outer(4) + outer()) == told(outer(4))


def lengths(rows: Any) -> set[int]:
    parts = [getattr(rows, field.name) for field in fields(rows)]
    return set().union(*(lengths(part) if isinstance(part, Rows) else {len(part)} for part in parts))


def test_all_that_is_known_of_tracks_has_their_length() -> None:
    tracks = tracks_of(standing(0, 300, 600), num_carried=2)
    assert lengths(tracks) == {3}
    chosen = tracks[np.array([1])].seen(standing(310), 1, 0.1) + tracks[np.array([0, 2])].missed()
    assert (lengths(chosen), chosen.ids.tolist()) == ({3}, [2, 1, 3])
    assert type(chosen) is type(tracks)
