"""Average precision of joints, where whole poses are assigned to people first (poseval)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pose_track.evaluation.instances import BoolArray, Frames, Instances
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, JointPairs
from pose_track.structures.sequence import FloatArray, IntArray

_NO_SCORE = -9999.0  # what poseval takes for a joint without a score


def pose_tables(
    truth: Instances, prediction: Instances, pairs: JointPairs, frames: Frames, counted: BoolArray, clean: bool
) -> dict[str, FloatArray]:
    """ap, precision and recall in percent, (sequences + 1, 15) each, the last row over all sequences. clean: not as the
    official tool does it, see `pose_track.evaluation.posetrack`."""
    near = pairs[pairs.distance <= MATCH_DISTANCE]
    right = right_joints(near, truth.present, len(prediction), nearest=clean)
    scores, present = _joint_scores(prediction, clean), prediction.present
    rows = frames.bounds(prediction)
    num_truth, num_predicted, num_right = (
        _sums(truth.present, frames.bounds(truth)),
        _sums(present, rows),
        _sums(right, rows),
    )
    ap = np.zeros(num_truth.shape)
    for j in range(present.shape[1]):
        places = np.flatnonzero(present[:, j])
        joint_scores, joint_right = scores[places, j], right[places, j]
        bounds = np.searchsorted(places, rows).tolist()
        for row, (start, end) in enumerate([*pairwise(bounds), (0, len(places))]):
            which = slice(start, end)
            ap[row, j] = average_precision(joint_scores[which], joint_right[which], num_truth[row, j], clean)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = num_right / num_predicted, num_right / num_truth
    precision[num_predicted == 0] = recall[num_predicted == 0] = 0
    undefined = num_truth == 0 if clean else frames.number_of(counted)[:, None] == 0
    return {
        name: np.where(undefined, np.nan, 100 * table)
        for name, table in (("ap", ap), ("precision", precision), ("recall", recall))
    }


def _sums(table: BoolArray, bounds: IntArray) -> IntArray:
    """(rows, K) summed from each bound to the next; the last row over all."""
    before = np.zeros((len(table) + 1, table.shape[1]), np.int64)
    np.cumsum(table, axis=0, out=before[1:])
    return np.vstack([np.diff(before[bounds], axis=0), before[-1:]])


def _joint_scores(prediction: Instances, clean: bool) -> FloatArray:
    """(N, K) by which predicted joints are ranked."""
    told = prediction.joint_scores
    if not clean:
        return np.where(np.isnan(told), _NO_SCORE, told)
    scores = np.where(np.isnan(told), prediction.scores[:, None], told)
    return np.where(np.isnan(scores), -np.inf, scores)


def right_joints(pairs: JointPairs, truth_present: BoolArray, num_predictions: int, nearest: bool) -> BoolArray:
    """(num_predictions, K) which predicted joints are right: near that of the person whom the pose is assigned to.

    pairs: near enough to be right; truth_present: (T, K) the truth's joints. Every predicted pose is for the person of
    whose joints it has the largest share right, and every person takes, of the poses for them, again the one with the
    largest share. Of equal shares the nearer one counts if `nearest`, by the mean distance of the right joints; then
    the first.
    """
    right = np.zeros((num_predictions, truth_present.shape[1]), bool)
    if not len(pairs.joint):
        return right
    new = (np.diff(pairs.truth, prepend=-1) != 0) | (np.diff(pairs.prediction, prepend=-1) != 0)
    starts = np.flatnonzero(new)  # of the joints of each pair of people
    truth, prediction = pairs.truth[starts], pairs.prediction[starts]
    num_right = np.diff(starts, append=len(new))
    share = num_right / truth_present.sum(axis=1)[truth]
    far = np.add.reduceat(pairs.distance, starts) / num_right if nearest else np.zeros(len(starts))
    kept = _best(prediction, share, far, truth)
    kept = kept[_best(truth[kept], share[kept], far[kept], prediction[kept])]
    assigned = np.zeros(len(starts), bool)
    assigned[kept] = True
    counts = assigned[np.cumsum(new) - 1]  # of each pair of joints
    right[pairs.prediction[counts], pairs.joint[counts]] = True
    return right


def _best(of: IntArray, share: FloatArray, far: FloatArray, other: IntArray) -> IntArray:
    """For each value of `of` the place with the largest share, then the nearest, then the first other."""
    order = np.lexsort((other, far, -share, of))
    return np.asarray(order[np.diff(of[order], prepend=-1) != 0])


def average_precision(scores: FloatArray, right: BoolArray, num_truth: int, ties_together: bool) -> float:
    """Area in [0, 1] under the curve of precision over recall, where each precision is the best at that recall or
    beyond (PASCAL VOC since 2010). NaN where joints are predicted but there is no truth, 0 where none is predicted.

    scores, right: (N,) of the predicted joints. Equal scores are one step of the curve if `ties_together`, else a step
    each, in the order that numpy's default sort happens to give, reversed (poseval).

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2, True)
    0.8333333333333333
    """
    if not len(scores):
        return 0.0
    if not num_truth:
        return float("nan")
    if ties_together:
        found = np.sort(scores[right])
        num_right = len(found) - found.searchsorted(found)  # of those that score as much or more
        num_predicted = len(scores) - np.sort(scores).searchsorted(found)
    else:
        places = right[scores.argsort()[::-1]].nonzero()[0][::-1]
        num_right, num_predicted = np.arange(len(places), 0, -1), places + 1
    # by rising score: at a lower score the recall is larger
    return float(np.maximum.accumulate(num_right / num_predicted).sum() / num_truth)
