from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.evaluation.clear_mot import Candidates, changes, match_over_time
from pose_track.evaluation.identity import identity_matches
from pose_track.evaluation.poseval_motp import counted_again
from pose_track.formats.mot import read_mot
from pose_track.geometry.boxes import iou_matrix

Pair = tuple[int, int, float]  # truth, prediction, distance


def candidates(moments: list[list[Pair]]) -> Candidates:
    flat = [(m, truth, prediction, d) for m, pairs in enumerate(moments) for truth, prediction, d in pairs]
    m, truth, prediction, d = np.array(flat, float).reshape(-1, 4).T
    m, truth, prediction = m.astype(np.int64), truth.astype(np.int64), prediction.astype(np.int64)
    return Candidates(m, m * 100 + truth, m * 100 + prediction, truth, prediction, d)


def matchings(pairs: list[Pair]) -> list[list[Pair]]:
    """All one-to-one selections."""
    if not pairs:
        return [[]]
    first, rest = pairs[0], pairs[1:]
    apart = [pair for pair in rest if pair[0] != first[0] and pair[1] != first[1]]
    return matchings(rest) + [[first, *others] for others in matchings(apart)]


def plainly(moments: list[list[Pair]], latest_keeps: bool) -> list[set[Pair]]:
    """The matches of each moment, by the definition, one moment after the other."""
    last: dict[int, tuple[int, int]] = {}  # truth -> moment, prediction
    result = []
    for number, pairs in enumerate(moments):
        chosen: list[Pair] = []
        held = [pair for pair in pairs if last.get(pair[0], (-1, -1))[1] == pair[1]]
        if latest_keeps:
            held.sort(key=lambda pair: -last[pair[0]][0])
        for pair in held:
            if all(pair[1] != other[1] for other in chosen):
                chosen.append(pair)
        rest = [pair for pair in pairs if all(pair[0] != c[0] and pair[1] != c[1] for c in chosen)]
        chosen += min(matchings(rest), key=lambda m: (-len(m), sum(pair[2] for pair in m)))
        for truth, prediction, _ in chosen:
            last[truth] = number, prediction
        result.append(set(chosen))
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_matches_are_those_of_the_definition(seed: int, latest_keeps: bool) -> None:
    rng = np.random.default_rng(seed)
    moments: list[list[Pair]] = []
    for _ in range(8):
        near = np.argwhere(rng.random((4, 4)) < rng.choice([0.2, 0.5, 0.8]))
        moments.append([(int(t), int(p), float(rng.random())) for t, p in near])
    flat = [(m, pair) for m, pairs in enumerate(moments) for pair in pairs]
    matched = match_over_time(candidates(moments), latest_keeps)
    expected = plainly(moments, latest_keeps)
    assert [pair in expected[m] for m, pair in flat] == matched.tolist()


def test_nothing_to_match() -> None:
    nothing = candidates([])
    assert match_over_time(nothing).tolist() == []
    assert counted_again(nothing).tolist() == []
    assert identity_matches(nothing, np.zeros(0, np.int64), 2).tolist() == [0, 0]
    assert [mask.tolist() for mask in changes(np.zeros(0, np.int64), np.zeros(0, np.int64))] == [[], []]


@pytest.mark.parametrize(("latest_keeps", "keeper"), [(True, 1), (False, 0)])
def test_who_keeps_the_last_partner_of_both(latest_keeps: bool, keeper: int) -> None:
    # truths 0 and 1 have prediction 7 in turn, then both are near it, and nothing else is
    pairs = candidates([[(0, 7, 0.1)], [(1, 7, 0.1)], [(0, 7, 0.1), (1, 7, 0.1)]])
    assert pairs.truth_track[match_over_time(pairs, latest_keeps)].tolist() == [0, 1, keeper]


def test_as_many_as_possible_are_matched_even_if_farther() -> None:
    pairs = candidates([[(0, 0, 0.01), (0, 1, 0.5), (1, 0, 0.5)]])
    assert match_over_time(pairs).tolist() == [False, True, True]


def test_a_partner_is_kept_over_a_gap() -> None:
    pairs = candidates([[(0, 5, 0.4)], [], [(0, 5, 0.4), (0, 6, 0.0)]])
    assert match_over_time(pairs).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("partner", "switches", "fragmentations"),
    [
        ([], 0, 0),  # never seen
        ([-1, -1], 0, 0),  # never matched
        ([-1, 3, 3], 0, 0),  # found late
        ([3, 3, -1, -1], 0, 0),  # lost for good
        ([3, -1, -1, 3, -1, 3], 0, 2),
        ([3, 4, 3], 2, 0),
        ([3, -1, 4], 1, 1),
    ],
)
def test_changes(partner: list[int], switches: int, fragmentations: int) -> None:
    found = changes(np.zeros(len(partner), np.int64), np.array(partner, np.int64))
    assert [int(mask.sum()) for mask in found] == [switches, fragmentations]


def test_changes_are_counted_for_each_track() -> None:
    switched, fragmented = changes(np.array([0, 1, 70000, 0, 1, 70000]), np.array([1, 2, 3, 2, 2, -1]))
    assert np.flatnonzero(switched).tolist() == [3]
    assert not fragmented.any()


@pytest.mark.parametrize(
    ("matches", "times"),
    [
        ([(0, 5), (0, 5)], [0, 0]),  # goes on
        ([(0, 5), (0, 6)], [0, 1]),  # switches to a new prediction: ASCEND
        ([(0, 5), (1, 5)], [0, 2]),  # the prediction goes to another truth, a new one: TRANSFER and MIGRATE
        ([(0, 5), (1, 6), (1, 5)], [0, 0, 1]),  # to one that was there: TRANSFER
        ([(0, 5), (1, 6), (0, 6)], [0, 0, 1]),  # a switch to a known prediction, which comes from another truth
        ([(0, 5), (1, 5), (0, 5), (1, 5)], [0, 2, 0, 0]),  # back to a last partner is nothing new
    ],
)
def test_matches_that_poseval_counts_again(matches: list[tuple[int, int]], times: list[int]) -> None:
    assert counted_again(candidates([[(*pair, 0.1)] for pair in matches])).tolist() == times


def plain_identity_matches(pairs: Candidates) -> int:
    near: dict[tuple[int, int], int] = defaultdict(int)
    for pair in zip(pairs.truth_track.tolist(), pairs.prediction_track.tolist(), strict=True):
        near[pair] += 1
    return max(sum(n for *_, n in m) for m in matchings([(t, p, n) for (t, p), n in near.items()]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_identity_matches_are_as_many_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moments = [[(int(t), int(p), 0.1) for t, p in np.argwhere(rng.random((3, 3)) < 0.4)] for _ in range(6)]
    pairs = candidates(moments)
    assert identity_matches(pairs, np.zeros(3, np.int64), 1).tolist() == [plain_identity_matches(pairs)]


def boxes_over_time(folder: Path) -> tuple[Candidates, int, int]:
    """Boxes of the truth and of a tracker with an IoU of at least 0.5, and how many there are of both."""
    truth, found = read_mot(folder / "gt.txt"), read_mot(folder / "test.txt")
    rows = []
    for moment in range(len(truth)):
        t, p = np.flatnonzero(truth.frame_of == moment), np.flatnonzero(found.frame_of == moment)
        iou = iou_matrix(truth.people.boxes[t], found.people.boxes[p])
        rows += [(moment, t[i], p[j], 1 - iou[i, j]) for i, j in np.argwhere(iou >= 0.5)]
    moment, t, p, distance = np.array(rows).T
    t, p = t.astype(np.int64), p.astype(np.int64)
    ids = truth.people.track_ids[t], found.people.track_ids[p]
    return Candidates(moment.astype(np.int64), t, p, *ids, distance), len(truth.people), len(found.people)


@pytest.mark.parametrize(
    ("name", "mota", "motp", "false_positives", "misses", "switches", "idf1"),
    [("TUD-Campus", 0.526, 0.277, 13, 150, 7, 0.558), ("TUD-Stadtmitte", 0.564, 0.346, 45, 452, 7, 0.645)],
)
def test_published_figures_of_boxes(
    name: str, mota: float, motp: float, false_positives: int, misses: int, switches: int, idf1: float
) -> None:
    folder = shared(f"data/tud_boxes/{name}")
    pairs, num_truth, num_found = boxes_over_time(folder)
    matched = pairs[match_over_time(pairs)]
    tracks = read_mot(folder / "gt.txt").people.track_ids
    partner = np.full(num_truth, -1)
    partner[matched.truth] = matched.prediction_track
    switched, _ = changes(tracks, partner)
    detections = len(matched.moment)
    assert (num_found - detections, num_truth - detections, switched.sum()) == (false_positives, misses, switches)
    assert 1 - (false_positives + misses + switches) / num_truth == pytest.approx(mota, abs=5e-4)
    assert matched.distance.mean() == pytest.approx(motp, abs=5e-4)
    identical = identity_matches(pairs, np.zeros(tracks.max() + 1, np.int64), 1)[0]
    assert 2 * identical / (num_truth + num_found) == pytest.approx(idf1, abs=5e-4)
