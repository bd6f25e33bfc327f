"""Identity metrics (Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
2016)."""

from __future__ import annotations

import numpy as np

from pose_track.evaluation.assignment import assign, runs
from pose_track.evaluation.clear_mot import Candidates
from pose_track.structures.arrays import IntArray


def count_idtp(candidates: Candidates, group_of: IntArray, num_groups: int) -> IntArray:
    """(num_groups,) IDTP: identity true positives. IDF1 = 2 IDTP / (gt detections + predictions).

    Each gt track is assigned one prediction track for the whole sequence, so that as many candidates as possible
    belong to assigned tracks. IDTP is the number of those candidates.

    group_of: the group of each gt track, from 0. Groups (a sequence, or a joint type in a sequence) are assigned
        separately.

    >>> pairs = Candidates(*np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 0, 0], [5, 6, 6]]), np.zeros(3))
    >>> count_idtp(pairs, np.array([0]), 1)
    array([2])
    """
    num_tracks = int(candidates.prediction_track.max(initial=0)) + 1
    pairs, counts = np.unique(candidates.gt_track * num_tracks + candidates.prediction_track, return_counts=True)
    groups = group_of[pairs // num_tracks]
    order = np.argsort(groups, kind="stable")
    gts, predictions = (tracks.tolist() for tracks in np.divmod(pairs[order], num_tracks))
    gains, groups = counts[order].tolist(), groups[order]
    idtp = np.zeros(num_groups, np.int64)
    for start, end in runs(groups):
        gain = gains[start:end]
        chosen = assign(gts[start:end], predictions[start:end], [-g for g in gain], 0)
        idtp[groups[start]] = sum(gain[k] for k in chosen)
    return idtp
