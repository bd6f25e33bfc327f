"""Tracking metrics of boxes: equal to TrackEval's, and plain cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pose_track.evaluation.box_tracking import (
    BoxTracks,
    IdentityChange,
    box_tracking_metrics,
    compare_box_tracks,
    with_gt_ids,
)

Row = tuple[int, int, float, float, float, float, bool]
"""frame, id, x, y, width, height, counted."""

# TrackEval 1.3.0 on the MOTChallenge files of `random_case`, where people who are not counted are distractors (class 8)
TRACKEVAL = {
    0: {"idf1": 0.305516, "hota": 0.27077, "ass_a": 0.152855, "det_a": 0.484342, "mota": 0.471233, "switches": 34},
    1: {"idf1": 0.369176, "hota": 0.259291, "ass_a": 0.144895, "det_a": 0.466234, "mota": 0.418685, "switches": 40},
    3: {"idf1": 0.376404, "hota": 0.3046, "ass_a": 0.18714, "det_a": 0.497955, "mota": 0.478378, "switches": 43},
    5: {"idf1": 0.235915, "hota": 0.209914, "ass_a": 0.11567, "det_a": 0.385349, "mota": 0.255172, "switches": 34},
}


def tracks(rows: list[Row]) -> BoxTracks:
    table = np.array([row[:6] for row in rows], float).reshape(-1, 6)
    boxes = np.c_[table[:, 2:4], table[:, 2:4] + table[:, 4:6]]
    counted = np.array([row[6] for row in rows], bool)
    return BoxTracks(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), boxes, counted)


def random_case(case: int) -> tuple[BoxTracks, BoxTracks]:
    """People who move straight on, some hidden; predictions with misses, new and exchanged ids, and false ones.

    Case 5 has frames without gt and frames without predictions.
    """
    rng = np.random.default_rng(case)
    gt: list[Row] = []
    predicted: list[Row] = []
    n = int(rng.integers(4, 9))
    position, velocity = rng.uniform(0, 300, (n, 2)), rng.normal(0, 6, (n, 2))
    ids, next_id = list(range(1, n + 1)), n + 1
    for f in range(60):
        position = position + velocity
        if rng.random() < 0.2:
            i, j = rng.integers(n, size=2)
            ids[i], ids[j] = ids[j], ids[i]
        for i in range(n):
            if rng.random() < 0.08:
                continue
            x, y = position[i]
            gt.append((f, i + 1, x, y, 40, 90, bool(rng.random() > 0.15)))
            if rng.random() < 0.15:
                continue
            if rng.random() < 0.05:
                ids[i], next_id = next_id, next_id + 1
            d = rng.normal(0, 6, 4)
            predicted.append((f, ids[i], x + d[0], y + d[1], 40 + d[2], 90 + d[3], True))
        if rng.random() < 0.5:
            predicted.append((f, 10000 + f // 5, *rng.uniform(0, 300, 2), 40, 90, True))
    if case == 5:
        gt = [row for row in gt if not 20 <= row[0] < 26]
        predicted = [row for row in predicted if not 40 <= row[0] < 44]
    return tracks(gt), tracks(predicted)


@pytest.mark.parametrize("case", TRACKEVAL)
def test_equal_to_trackeval(case: int) -> None:
    metrics = box_tracking_metrics([compare_box_tracks(*random_case(case))])
    for name, expected in TRACKEVAL[case].items():
        assert metrics[name] == pytest.approx(expected, abs=6e-7), name


def test_several_videos_are_pooled_as_in_trackeval() -> None:
    metrics = box_tracking_metrics([compare_box_tracks(*random_case(case)) for case in range(6)])
    expected = {"idf1": 0.333333, "hota": 0.273163, "ass_a": 0.159569, "det_a": 0.472144, "mota": 0.44072}
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, abs=6e-7), name
    assert (metrics["switches"], metrics["misses"], metrics["false_positives"]) == (212, 511, 395)


def row(frame: int, track_id: int, x: float, counted: bool = True) -> Row:
    return frame, track_id, x, 0.0, 40.0, 90.0, counted


def test_switches_and_strangers() -> None:
    """Two people whose ids are exchanged in frame 2: two switches, and two ids pass to a stranger."""
    gt = tracks([row(f, person, 100.0 * person) for f in range(4) for person in (1, 2)])
    predicted = tracks(
        [row(f, 5 if (person == 1) == (f < 2) else 6, 100.0 * person) for f in range(4) for person in (1, 2)]
    )
    result = compare_box_tracks(gt, predicted)
    assert set(result.switches) == {IdentityChange((1, 2), (1,)), IdentityChange((1, 2), (2,))}
    assert {frozenset(change.gt_ids) for change in result.strangers} == {frozenset({1, 2})}
    assert len(result.strangers) == 2
    assert box_tracking_metrics([result])["idf1"] == 0.5


def test_an_id_that_passes_on_is_no_switch() -> None:
    """Person 1 leaves, and a new person gets the id."""
    gt = tracks([row(0, 1, 0), row(1, 1, 0), row(3, 2, 200), row(4, 2, 200)])
    result = compare_box_tracks(gt, tracks([row(f, 7, x) for f, x in ((0, 0.0), (1, 0.0), (3, 200.0), (4, 200.0))]))
    assert result.switches == ()
    assert result.strangers == (IdentityChange((1, 3), (1, 2)),)


def test_hidden_people_are_neither_missed_nor_found() -> None:
    gt = tracks([row(f, 1, 0, counted=f != 1) for f in range(3)])
    seen, unseen = tracks([row(f, 4, 0) for f in range(3)]), tracks([row(f, 4, 0) for f in (0, 2)])
    for predicted in (seen, unseen):
        metrics = box_tracking_metrics([compare_box_tracks(gt, predicted)])
        assert metrics["idf1"] == metrics["hota"] == metrics["mota"] == 1
        assert metrics["fragmentations"] == metrics["misses"] == metrics["false_positives"] == 0
        assert metrics["boxes"] == 2


def test_fragmentations_and_misses() -> None:
    gt = tracks([row(f, 1, 0) for f in range(5)])
    metrics = box_tracking_metrics([compare_box_tracks(gt, tracks([row(f, 4, 0) for f in (0, 2, 4)]))])
    assert (metrics["fragmentations"], metrics["misses"], metrics["switches"]) == (2, 2, 0)


def test_perfect_ids() -> None:
    """A box gets the id of the person it fits best; a box that fits nobody is left out."""
    gt = tracks([row(0, 1, 0), row(0, 2, 30), row(1, 1, 0, counted=False)])
    boxes = tracks([row(0, -1, 28), row(0, -1, 4), row(0, -1, 300), row(1, -1, 0)])
    linked = with_gt_ids(gt, boxes)
    assert linked.ids.tolist() == [2, 1, 1]
    assert linked.boxes[:, 0].tolist() == [28, 4, 0]
    assert box_tracking_metrics([compare_box_tracks(gt, linked)])["idf1"] == 1


@pytest.mark.parametrize(("num_gt", "num_predicted"), [(0, 0), (0, 2), (2, 0)])
def test_empty_sides(num_gt: int, num_predicted: int) -> None:
    result = compare_box_tracks(
        tracks([row(f, 1, 0) for f in range(num_gt)]), tracks([row(f, 1, 0) for f in range(num_predicted)])
    )
    metrics = box_tracking_metrics([result])
    assert math.isnan(metrics["idf1"]) == (num_gt == 0)
    assert (metrics["misses"], metrics["false_positives"]) == (num_gt, num_predicted)
    assert math.isnan(box_tracking_metrics([])["hota"])
