"""What happens in a composed clip that makes it hard to keep identities, found in its truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from pose_track.datasets.composed.scene import FrameTruth
from pose_track.structures.arrays import Float64Array, IntArray

MIN_HIDDEN = 0.5  # share of a mask; somebody who is hidden that much is behind somebody or something
_MIN_OVERLAP = 0.2  # intersection of two boxes over the smaller one, during a crossing
_MIN_AWAY = 5  # frames out of the image


class Event(NamedTuple):
    """An event. first, last: its frames; ids: of the people concerned, after a transition those of the later shot; ()
    for everybody."""

    kind: str
    first: int
    last: int
    ids: tuple[int, ...] = ()


class _Track(NamedTuple):
    """One person over the frames in which a pixel of the person is inside the image. All (F,), boxes (F, 4)."""

    frames: IntArray
    boxes: Float64Array
    visibility: Float64Array
    behind_people: Float64Array
    behind_objects: Float64Array


def people_events(truths: Sequence[FrameTruth]) -> list[Event]:
    """Crossings, occlusions, and people who leave and return, in order of their first frames.

    An occlusion ends with a frame in which at least half of the person is seen again. A crossing begins when two boxes
    start to overlap, and ends when they no longer do; their centres have changed sides.
    """
    tracks = _tracks(truths)
    events = [event for track_id, track in tracks.items() for event in _of_one(track_id, track)]
    for (a, first), (b, second) in combinations(tracks.items(), 2):
        events += _crossings((a, b), first, second)
    return sorted(events, key=lambda event: (event.first, event.kind, event.ids))


def _tracks(truths: Sequence[FrameTruth]) -> dict[int, _Track]:
    ids = np.concatenate([truth.ids for truth in truths])
    frames = np.repeat(np.arange(len(truths)), [len(truth.ids) for truth in truths])
    columns = [frames, *(np.concatenate([truth[i] for truth in truths]) for i in range(1, len(FrameTruth._fields)))]
    return {int(one): _Track(*(column[ids == one] for column in columns)) for one in np.unique(ids)}


def _of_one(track_id: int, track: _Track) -> Iterator[Event]:
    for before, after in pairwise(track.frames.tolist()):
        if after - before > _MIN_AWAY:
            yield Event("leave_and_return", before, after, (track_id,))
    seen = np.flatnonzero(track.visibility >= MIN_HIDDEN)
    for a, b in pairwise(seen.tolist()):
        between = slice(a + 1, b)
        for kind, share in (("behind_person", track.behind_people), ("behind_object", track.behind_objects)):
            if share[between].max(initial=0) >= MIN_HIDDEN:
                yield Event(kind, int(track.frames[a]), int(track.frames[b]), (track_id,))


def _crossings(ids: tuple[int, int], first: _Track, second: _Track) -> Iterator[Event]:
    frames, a, b = np.intersect1d(first.frames, second.frames, return_indices=True)
    overlaps = _overlap(first.boxes[a], second.boxes[b]) >= _MIN_OVERLAP
    side = np.sign((first.boxes[a, 0] + first.boxes[a, 2]) - (second.boxes[b, 0] + second.boxes[b, 2]))
    edges = np.flatnonzero(np.diff(overlaps.astype(np.int8)))  # the last frame before each change
    for start, end in pairwise(edges.tolist()):
        if not overlaps[start] and frames[end + 1] - frames[start] == end + 1 - start and side[start] != side[end + 1]:
            yield Event("crossing", int(frames[start + 1]), int(frames[end]), ids)


def _overlap(a: Float64Array, b: Float64Array) -> Float64Array:
    """(N,) intersection of pairs of (N, 4) boxes over the area of the smaller one."""
    extent = np.maximum(0, np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]))
    smaller = np.minimum(*(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)))
    return np.asarray(extent.prod(axis=1) / np.maximum(smaller, 1))
