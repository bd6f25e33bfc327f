"""The matches that the official PoseTrack tool counts more than once in MOTP.

The tool sums the distances of all rows of motmetrics' event list. Besides the match itself, that library (since 1.2)
lists these events, each with the match's distance: a switch to a prediction never matched before (ASCEND), a
prediction's move from one gt track to another (TRANSFER), and such a move to a gt track never matched before (MIGRATE).
"""

from __future__ import annotations

import numpy as np

from pose_track.evaluation.clear_mot import Candidates, track_order
from pose_track.structures.arrays import BoolArray, IntArray


def count_repeated_events(matches: Candidates) -> IntArray:
    """(C,) how many further events motmetrics lists for each match. matches: in order of time.

    >>> matches = Candidates(*np.array([[0, 1, 1], [0, 1, 2], [0, 1, 2], [0, 0, 1], [5, 6, 5]]), np.zeros(3))
    >>> count_repeated_events(matches)  # none; ASCEND; TRANSFER and MIGRATE
    array([0, 1, 2])
    """
    gt_is_new, gt_changed = _compare_with_previous(matches.gt_track, matches.prediction_track)
    prediction_is_new, _ = _compare_with_previous(matches.prediction_track, matches.gt_track)
    # motmetrics updates a prediction's gt track only at a new or changed match, not where a match continues
    at = np.flatnonzero(gt_is_new | gt_changed)
    moved = np.zeros(len(gt_is_new), bool)
    moved[at] = _compare_with_previous(matches.prediction_track[at], matches.gt_track[at])[1]
    return (gt_changed & prediction_is_new).astype(np.int64) + moved + (moved & gt_is_new)


def _compare_with_previous(track: IntArray, matched_track: IntArray) -> tuple[BoolArray, BoolArray]:
    """Two (N,) masks: the first match of a track, and a match with another track than the previous one."""
    order = track_order(track)
    same = np.diff(track[order], prepend=-1) == 0
    is_new, changed = np.zeros(len(track), bool), np.zeros(len(track), bool)
    is_new[order] = ~same
    changed[order] = same & (np.diff(matched_track[order], prepend=-1) != 0)
    return is_new, changed
