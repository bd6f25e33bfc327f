from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.evaluation.clear_mot import Candidates, match_clear_mot, switches_and_fragmentations
from pose_track.evaluation.identity import count_idtp
from pose_track.evaluation.poseval_motp import count_repeated_events
from pose_track.formats.mot import read_mot
from pose_track.geometry.boxes import iou_matrix

Pair = tuple[int, int, float]  # gt track, prediction track, distance


def candidates(frames: list[list[Pair]]) -> Candidates:
    rows = [(frame, gt, prediction, d) for frame, pairs in enumerate(frames) for gt, prediction, d in pairs]
    frame, gt, prediction, distance = np.array(rows, float).reshape(-1, 4).T
    frame, gt, prediction = frame.astype(np.int64), gt.astype(np.int64), prediction.astype(np.int64)
    return Candidates(frame, frame * 100 + gt, frame * 100 + prediction, gt, prediction, distance)


def matchings(pairs: list[Pair]) -> list[list[Pair]]:
    """All one-to-one selections."""
    if not pairs:
        return [[]]
    first, rest = pairs[0], pairs[1:]
    compatible = [pair for pair in rest if pair[0] != first[0] and pair[1] != first[1]]
    return matchings(rest) + [[first, *others] for others in matchings(compatible)]


def reference_matches(frames: list[list[Pair]], prefer_latest: bool) -> list[set[Pair]]:
    """The matches of each frame, directly by the definition."""
    last: dict[int, tuple[int, int]] = {}  # gt -> frame, prediction
    result = []
    for frame, pairs in enumerate(frames):
        chosen: list[Pair] = []
        continued = [pair for pair in pairs if last.get(pair[0], (-1, -1))[1] == pair[1]]
        if prefer_latest:
            continued.sort(key=lambda pair: -last[pair[0]][0])
        for pair in continued:
            if all(pair[1] != other[1] for other in chosen):
                chosen.append(pair)
        rest = [pair for pair in pairs if all(pair[0] != c[0] and pair[1] != c[1] for c in chosen)]
        chosen += min(matchings(rest), key=lambda m: (-len(m), sum(pair[2] for pair in m)))
        for gt, prediction, _ in chosen:
            last[gt] = frame, prediction
        result.append(set(chosen))
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_matches_follow_the_definition(seed: int, prefer_latest: bool) -> None:
    rng = np.random.default_rng(seed)
    frames: list[list[Pair]] = []
    for _ in range(8):
        close = np.argwhere(rng.random((4, 4)) < rng.choice([0.2, 0.5, 0.8]))
        frames.append([(int(gt), int(prediction), float(rng.random())) for gt, prediction in close])
    rows = [(frame, pair) for frame, pairs in enumerate(frames) for pair in pairs]
    matched = match_clear_mot(candidates(frames), prefer_latest)
    expected = reference_matches(frames, prefer_latest)
    assert [pair in expected[frame] for frame, pair in rows] == matched.tolist()


def test_no_candidates() -> None:
    empty = candidates([])
    assert match_clear_mot(empty).tolist() == []
    assert count_repeated_events(empty).tolist() == []
    assert count_idtp(empty, np.zeros(0, np.int64), 2).tolist() == [0, 0]
    assert [mask.tolist() for mask in switches_and_fragmentations(np.zeros(0, np.int64), np.zeros(0, np.int64))] == [
        [],
        [],
    ]


@pytest.mark.parametrize(("prefer_latest", "expected"), [(True, 1), (False, 0)])
def test_two_gt_tracks_last_matched_with_the_same_prediction(prefer_latest: bool, expected: int) -> None:
    # gt 0, then gt 1 match prediction 7; then it is the only candidate of both
    pairs = candidates([[(0, 7, 0.1)], [(1, 7, 0.1)], [(0, 7, 0.1), (1, 7, 0.1)]])
    assert pairs.gt_track[match_clear_mot(pairs, prefer_latest)].tolist() == [0, 1, expected]


def test_more_matches_outweigh_the_distance() -> None:
    pairs = candidates([[(0, 0, 0.01), (0, 1, 0.5), (1, 0, 0.5)]])
    assert match_clear_mot(pairs).tolist() == [False, True, True]


def test_a_match_continues_after_a_gap() -> None:
    pairs = candidates([[(0, 5, 0.4)], [], [(0, 5, 0.4), (0, 6, 0.0)]])
    assert match_clear_mot(pairs).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("matched_track", "switches", "fragmentations"),
    [
        ([], 0, 0),  # no gt
        ([-1, -1], 0, 0),  # never matched
        ([-1, 3, 3], 0, 0),  # first matched late
        ([3, 3, -1, -1], 0, 0),  # not matched again
        ([3, -1, -1, 3, -1, 3], 0, 2),
        ([3, 4, 3], 2, 0),
        ([3, -1, 4], 1, 1),
    ],
)
def test_switches_and_fragmentations(matched_track: list[int], switches: int, fragmentations: int) -> None:
    masks = switches_and_fragmentations(np.zeros(len(matched_track), np.int64), np.array(matched_track, np.int64))
    assert [int(mask.sum()) for mask in masks] == [switches, fragmentations]


def test_switches_are_counted_per_track() -> None:
    switched, fragmented = switches_and_fragmentations(
        np.array([0, 1, 70000, 0, 1, 70000]), np.array([1, 2, 3, 2, 2, -1])
    )
    assert np.flatnonzero(switched).tolist() == [3]
    assert not fragmented.any()


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        ([(0, 5), (0, 5)], [0, 0]),  # continues
        ([(0, 5), (0, 6)], [0, 1]),  # switch to a new prediction: ASCEND
        ([(0, 5), (1, 5)], [0, 2]),  # the prediction moves to a new gt track: TRANSFER and MIGRATE
        ([(0, 5), (1, 6), (1, 5)], [0, 0, 1]),  # to a known gt track: TRANSFER
        ([(0, 5), (1, 6), (0, 6)], [0, 0, 1]),  # switch to a known prediction, which comes from another gt track
        ([(0, 5), (1, 5), (0, 5), (1, 5)], [0, 2, 0, 0]),  # a return to the previous match adds nothing
    ],
)
def test_events_that_poseval_repeats(matches: list[tuple[int, int]], expected: list[int]) -> None:
    assert count_repeated_events(candidates([[(*pair, 0.1)] for pair in matches])).tolist() == expected


def reference_idtp(pairs: Candidates) -> int:
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for pair in zip(pairs.gt_track.tolist(), pairs.prediction_track.tolist(), strict=True):
        counts[pair] += 1
    return max(sum(n for *_, n in m) for m in matchings([(t, p, n) for (t, p), n in counts.items()]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_idtp_is_the_largest_possible(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [[(int(t), int(p), 0.1) for t, p in np.argwhere(rng.random((3, 3)) < 0.4)] for _ in range(6)]
    pairs = candidates(frames)
    assert count_idtp(pairs, np.zeros(3, np.int64), 1).tolist() == [reference_idtp(pairs)]


def boxes_over_time(folder: Path) -> tuple[Candidates, int, int]:
    """Gt and tracker boxes with an IoU of at least 0.5, and the numbers of gt and tracker boxes."""
    gt, tracker = read_mot(folder / "gt.txt"), read_mot(folder / "test.txt")
    rows = []
    for frame in range(len(gt)):
        g, p = np.flatnonzero(gt.frame_indices == frame), np.flatnonzero(tracker.frame_indices == frame)
        iou = iou_matrix(gt.people.boxes[g], tracker.people.boxes[p])
        rows += [(frame, g[i], p[j], 1 - iou[i, j]) for i, j in np.argwhere(iou >= 0.5)]
    frame, g, p, distance = np.array(rows).T
    g, p = g.astype(np.int64), p.astype(np.int64)
    ids = gt.people.track_ids[g], tracker.people.track_ids[p]
    return Candidates(frame.astype(np.int64), g, p, *ids, distance), len(gt.people), len(tracker.people)


@pytest.mark.parametrize(
    ("name", "mota", "motp", "false_positives", "misses", "switches", "idf1"),
    [("TUD-Campus", 0.526, 0.277, 13, 150, 7, 0.558), ("TUD-Stadtmitte", 0.564, 0.346, 45, 452, 7, 0.645)],
)
def test_published_metrics_of_boxes(
    name: str, mota: float, motp: float, false_positives: int, misses: int, switches: int, idf1: float
) -> None:
    folder = shared(f"data/tud_boxes/{name}")
    pairs, num_gt, num_predictions = boxes_over_time(folder)
    matches = pairs[match_clear_mot(pairs)]
    tracks = read_mot(folder / "gt.txt").people.track_ids
    matched_track = np.full(num_gt, -1)
    matched_track[matches.gt] = matches.prediction_track
    switched, _ = switches_and_fragmentations(tracks, matched_track)
    num_matches = len(matches.frame)
    assert (num_predictions - num_matches, num_gt - num_matches, switched.sum()) == (false_positives, misses, switches)
    assert 1 - (false_positives + misses + switches) / num_gt == pytest.approx(mota, abs=5e-4)
    assert matches.distance.mean() == pytest.approx(motp, abs=5e-4)
    idtp = count_idtp(pairs, np.zeros(tracks.max() + 1, np.int64), 1)[0]
    assert 2 * idtp / (num_gt + num_predictions) == pytest.approx(idf1, abs=5e-4)
