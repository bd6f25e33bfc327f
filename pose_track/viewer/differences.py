"""Where two results of one video differ: people whom only one has, other ids, and joints far from each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from pose_track.evaluation.assignment import assign
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.skeleton import Skeleton
from pose_track.viewer.records import PackedRecords

MAX_MATCH_DISTANCE = 0.5
"""Two poses farther apart are different people: the mean distance of their joints, in heights of the larger box."""


@dataclass(frozen=True)
class Difference:
    """A difference over successive positions.

    kind: "only" (a person of one result has no counterpart), "id" (the counterpart has another id than the one most
        often matched) or "joints" (some are far from those of the counterpart).
    first, last: positions. result: that which has the person. ids: (id,) or (id, id of the other result).
    joint, distance: the joint that is farthest away, and how far, in pixels; "" and 0 for other kinds.
    """

    kind: str
    first: int
    last: int
    result: int
    ids: tuple[int, ...]
    joint: str = ""
    distance: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "ids": list(self.ids), "distance": round(self.distance, 1)}


_Key = tuple[str, int, tuple[int, ...]]  # kind, result, ids
_Place = tuple[int, float, str]  # position, distance, joint


def find_differences(a: PackedRecords, b: PackedRecords, joint_distance: float) -> list[Difference]:
    """All differences, by their first position.

    In each frame that both have, people are paired one to one so that the mean distance of their common joints is
    least. Results of other skeletons are compared by the joints of the same name.

    joint_distance: pixels; people with a joint farther away are listed.
    """
    shared = _shared_joints(a.skeleton, b.skeleton)
    both = np.flatnonzero((a.counts >= 0) & (b.counts >= 0)).tolist()
    pairs = {position: _match(a, b, position, shared) for position in both}
    usual = _usual_partners(a, b, pairs.values())
    found: dict[_Key, list[_Place]] = defaultdict(list)
    for position, matched in pairs.items():
        for key in _people_differences(a, b, position, matched, usual):
            found[key].append((position, 0.0, ""))
        for row, other in matched:
            distance = _distances(a, b, np.array([row]), np.array([other]), shared)[0, 0]
            if (distance > joint_distance).any():
                farthest = int(np.nanargmax(distance))
                key = ("joints", 0, (int(a.ids[row]), int(b.ids[other])))
                found[key].append((position, float(distance[farthest]), shared[farthest][2]))
    differences = [each for key, places in found.items() for each in _stretches(key, places)]
    return sorted(differences, key=lambda each: (each.first, each.kind, each.ids))


def _shared_joints(a: Skeleton, b: Skeleton) -> list[tuple[int, int, str]]:
    """Index in each, and name."""
    return [(k, b.index(name), name) for k, name in enumerate(a.joint_names) if name in b.joint_names]


def _rows(packed: PackedRecords, position: int) -> IntArray:
    return np.arange(packed.starts[position], packed.starts[position + 1])


def _distances(
    a: PackedRecords, b: PackedRecords, rows: IntArray, others: IntArray, shared: list[tuple[int, int, str]]
) -> Float64Array:
    """(rows, others, joints) in pixels; NaN where one of the two has no such joint."""
    of_a = a.joints[rows][:, None, [k for k, _, _ in shared]].astype(np.float64)
    of_b = b.joints[others][None, :, [k for _, k, _ in shared]].astype(np.float64)
    distance = np.hypot(of_a[..., 0] - of_b[..., 0], of_a[..., 1] - of_b[..., 1])
    distance[(of_a[..., 2] <= 0) | (of_b[..., 2] <= 0)] = np.nan
    return distance


def _match(
    a: PackedRecords, b: PackedRecords, position: int, shared: list[tuple[int, int, str]]
) -> list[tuple[int, int]]:
    """The rows of the pairs of a frame."""
    rows, others = _rows(a, position), _rows(b, position)
    if not (len(rows) and len(others) and shared):
        return []
    distance = _distances(a, b, rows, others, shared)
    both = ~np.isnan(distance)
    mean = np.where(both, distance, 0).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
    height = np.maximum(_heights(a, rows)[:, None], _heights(b, others)[None])
    relative = np.where(both.any(axis=2), mean / np.maximum(height, 1.0), np.inf)
    near, near_others = np.nonzero(relative <= MAX_MATCH_DISTANCE)
    costs = relative[near, near_others].tolist()
    if not costs:
        return []
    chosen = assign(near.tolist(), near_others.tolist(), costs, 2 * sum(costs) + 1)
    return [(int(rows[near[pair]]), int(others[near_others[pair]])) for pair in chosen]


def _heights(packed: PackedRecords, rows: IntArray) -> Float64Array:
    return np.asarray(packed.boxes[rows, 3] - packed.boxes[rows, 1], np.float64)


def _usual_partners(a: PackedRecords, b: PackedRecords, pairs: Iterable[list[tuple[int, int]]]) -> dict[int, int]:
    """The id of `b` that each id of `a` is paired with most often."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for row, other in chain.from_iterable(pairs):
        counts[int(a.ids[row])][int(b.ids[other])] += 1
    return {track_id: partners.most_common(1)[0][0] for track_id, partners in counts.items()}


def _people_differences(
    a: PackedRecords, b: PackedRecords, position: int, matched: list[tuple[int, int]], usual: dict[int, int]
) -> Iterator[_Key]:
    """People without a counterpart, and those whose counterpart has not its usual id."""
    paired = {row for row, _ in matched}, {other for _, other in matched}
    for number, packed in enumerate((a, b)):
        for row in _rows(packed, position).tolist():
            if row not in paired[number]:
                yield "only", number, (int(packed.ids[row]),)
    for row, other in matched:
        ids = int(a.ids[row]), int(b.ids[other])
        if usual[ids[0]] != ids[1]:
            yield "id", 0, ids


def _stretches(key: _Key, places: list[_Place]) -> Iterator[Difference]:
    """Successive positions as one difference."""
    kind, result, ids = key
    positions = np.array([position for position, _, _ in places])
    for stretch in np.split(np.arange(len(places)), np.flatnonzero(np.diff(positions) > 1) + 1):
        first, last = places[stretch[0]][0], places[stretch[-1]][0]
        _, distance, joint = max((places[n] for n in stretch.tolist()), key=lambda place: place[1])
        yield Difference(kind, first, last, result, ids, joint, distance)
