"""Identity figures: how long each truth is found under one and the same id (Ristani et al., "Performance Measures and
a Data Set for Multi-Target, Multi-Camera Tracking", 2016)."""

from __future__ import annotations

import numpy as np

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.clear_mot import Candidates
from pose_track.structures.sequence import IntArray


def identity_matches(candidates: Candidates, group_of: IntArray, num_groups: int) -> IntArray:
    """(num_groups,) IDTP: in how many moments truths are near the one prediction each is given for its whole time, so
    that there are as many as possible. IDF1 = 2 IDTP / (truths + predictions seen).

    group_of: of each track of the truth what it is assigned in by itself, from 0: a sequence, or a kind of joint in it.

    >>> near = Candidates(*np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 0, 0], [5, 6, 6]]), np.zeros(3))
    >>> identity_matches(near, np.array([0]), 1)
    array([2])
    """
    span = int(candidates.prediction_track.max(initial=0)) + 1
    pairs, times = np.unique(candidates.truth_track * span + candidates.prediction_track, return_counts=True)
    groups = group_of[pairs // span]
    order = np.argsort(groups, kind="stable")
    truths, predictions = (part.tolist() for part in np.divmod(pairs[order], span))
    gains, groups = times[order].tolist(), groups[order]
    matches = np.zeros(num_groups, np.int64)
    for start, end in runs(groups):
        gain = gains[start:end]
        chosen = assign(truths[start:end], predictions[start:end], [-g for g in gain], 0)
        matches[groups[start]] = sum(gain[k] for k in chosen)
    return matches
