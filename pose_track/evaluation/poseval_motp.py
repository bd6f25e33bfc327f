"""Which matches the official PoseTrack tool counts more than once in MOTP.

It sums the distances of all rows of motmetrics' list of events. Besides the match itself that library (since 1.2)
lists, with its distance again, a switch to a prediction that was never matched before (ASCEND), a prediction's move
from one truth to another (TRANSFER), and such a move to a truth that was never matched before (MIGRATE).
"""

from __future__ import annotations

import numpy as np

from pose_track.evaluation.clear_mot import BoolArray, Candidates, in_order_of_time
from pose_track.structures.sequence import IntArray


def counted_again(matched: Candidates) -> IntArray:
    """(C,) how often more than once each match is listed. matched: in order of time.

    >>> matched = Candidates(*np.array([[0, 1, 1], [0, 1, 2], [0, 1, 2], [0, 0, 1], [5, 6, 5]]), np.zeros(3))
    >>> counted_again(matched)  # nothing; a switch to a new one; the old one moves to a truth that is new
    array([0, 1, 2])
    """
    truth_new, truth_changed = _since_last(matched.truth_track, matched.prediction_track)
    prediction_new, _ = _since_last(matched.prediction_track, matched.truth_track)
    # a prediction's former truth is the one it was last newly matched with; going on with a partner is not noted
    at = np.flatnonzero(truth_new | truth_changed)
    moved = np.zeros(len(truth_new), bool)
    moved[at] = _since_last(matched.prediction_track[at], matched.truth_track[at])[1]
    return (truth_changed & prediction_new).astype(np.int64) + moved + (moved & truth_new)


def _since_last(who: IntArray, whom: IntArray) -> tuple[BoolArray, BoolArray]:
    """(N,) where somebody comes first, and (N,) where they have another partner than the last time."""
    order = in_order_of_time(who)
    same = np.diff(who[order], prepend=-1) == 0
    new, changed = np.zeros(len(who), bool), np.zeros(len(who), bool)
    new[order] = ~same
    changed[order] = same & (np.diff(whom[order], prepend=-1) != 0)
    return new, changed
