"""Average precision of joints, after predicted poses are assigned to people (poseval)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pose_track.evaluation.instances import Frames, Instances
from pose_track.evaluation.joint_pairs import MATCH_DISTANCE, JointPairs
from pose_track.structures.arrays import BoolArray, Float64Array, IntArray

_NO_SCORE = -9999.0  # poseval's score for a joint without one


def ap_tables(
    gt: Instances, prediction: Instances, pairs: JointPairs, frames: Frames, evaluated: BoolArray, clean: bool
) -> dict[str, Float64Array]:
    """ap, precision and recall in percent, (sequences + 1, 15) each; the last row is over all sequences.

    evaluated: (F,) the evaluated frames.
    clean: without the official tool's peculiarities, see `pose_track.evaluation.posetrack`.
    """
    close = pairs[pairs.distance <= MATCH_DISTANCE]
    correct = find_correct_joints(close, gt.present, len(prediction), prefer_closest=clean)
    scores, present = _joint_scores(prediction, clean), prediction.present
    bounds = frames.sequence_bounds(prediction)
    num_gt = _sum_sequences(gt.present, frames.sequence_bounds(gt))
    num_predicted, num_correct = _sum_sequences(present, bounds), _sum_sequences(correct, bounds)
    ap = np.zeros(num_gt.shape)
    for j in range(present.shape[1]):
        people = np.flatnonzero(present[:, j])
        joint_scores, joint_correct = scores[people, j], correct[people, j]
        joint_bounds = np.searchsorted(people, bounds).tolist()
        for row, (start, end) in enumerate([*pairwise(joint_bounds), (0, len(people))]):
            ap[row, j] = average_precision(joint_scores[start:end], joint_correct[start:end], num_gt[row, j], clean)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = num_correct / num_predicted, num_correct / num_gt
    precision[num_predicted == 0] = recall[num_predicted == 0] = 0
    undefined = num_gt == 0 if clean else frames.count_per_sequence(evaluated)[:, None] == 0
    return {
        name: np.where(undefined, np.nan, 100 * table)
        for name, table in (("ap", ap), ("precision", precision), ("recall", recall))
    }


def _sum_sequences(table: BoolArray, bounds: IntArray) -> IntArray:
    """(sequences + 1, K) column sums between the bounds; the last row is the total."""
    cumulative = np.zeros((len(table) + 1, table.shape[1]), np.int64)
    np.cumsum(table, axis=0, out=cumulative[1:])
    return np.vstack([np.diff(cumulative[bounds], axis=0), cumulative[-1:]])


def _joint_scores(prediction: Instances, clean: bool) -> Float64Array:
    """(N, K) the scores that rank predicted joints."""
    scores = prediction.joint_scores
    if not clean:
        return np.where(np.isnan(scores), _NO_SCORE, scores)
    scores = np.where(np.isnan(scores), prediction.scores[:, None], scores)
    return np.where(np.isnan(scores), -np.inf, scores)


def find_correct_joints(
    pairs: JointPairs, gt_present: BoolArray, num_predictions: int, prefer_closest: bool
) -> BoolArray:
    """(num_predictions, K) which predicted joints are correct: close to that of the person the pose is assigned to.

    Each predicted pose is assigned to the person with the largest share of correct joints, then each person keeps, of
    the poses assigned to them, the one with the largest share.

    pairs: joints close enough to be correct.
    gt_present: (T, K) the joints present in the gt.
    prefer_closest: among equal shares prefer the smallest mean distance of the correct joints, then the first; else the
        first.
    """
    correct = np.zeros((num_predictions, gt_present.shape[1]), bool)
    if not len(pairs.joint):
        return correct
    is_new = (np.diff(pairs.gt, prepend=-1) != 0) | (np.diff(pairs.prediction, prepend=-1) != 0)
    starts = np.flatnonzero(is_new)  # of the joints of each pair of people
    gt, prediction = pairs.gt[starts], pairs.prediction[starts]
    num_correct = np.diff(starts, append=len(is_new))
    share = num_correct / gt_present.sum(axis=1)[gt]
    distance = np.add.reduceat(pairs.distance, starts) / num_correct if prefer_closest else np.zeros(len(starts))
    best = _best_of_each(prediction, share, distance, gt)
    best = best[_best_of_each(gt[best], share[best], distance[best], prediction[best])]
    is_assigned = np.zeros(len(starts), bool)
    is_assigned[best] = True
    keep = is_assigned[np.cumsum(is_new) - 1]  # of each pair of joints
    correct[pairs.prediction[keep], pairs.joint[keep]] = True
    return correct


def _best_of_each(key: IntArray, share: Float64Array, distance: Float64Array, other: IntArray) -> IntArray:
    """For each value of `key` the index with the largest share, then the least distance, then the least `other`."""
    order = np.lexsort((other, distance, -share, key))
    return np.asarray(order[np.diff(key[order], prepend=-1) != 0])


def average_precision(scores: Float64Array, correct: BoolArray, num_gt: int, merge_ties: bool) -> float:
    """Area in [0, 1] under the precision-recall curve, with each precision replaced by the maximum at that recall or
    beyond (PASCAL VOC since 2010). 0 without predictions; NaN with predictions but no gt.

    scores, correct: (N,) of the predicted joints.
    merge_ties: equal scores are one step of the curve; else (poseval) each is a step, in the reverse of the order that
        numpy's default sort leaves.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2, True)
    0.8333333333333333
    """
    if not len(scores):
        return 0.0
    if not num_gt:
        return float("nan")
    if merge_ties:
        correct_scores = np.sort(scores[correct])
        num_correct = len(correct_scores) - correct_scores.searchsorted(correct_scores)  # with at least this score
        num_predicted = len(scores) - np.sort(scores).searchsorted(correct_scores)
    else:
        ranks = correct[scores.argsort()[::-1]].nonzero()[0][::-1]
        num_correct, num_predicted = np.arange(len(ranks), 0, -1), ranks + 1
    # ordered by ascending score, thus by descending recall
    return float(np.maximum.accumulate(num_correct / num_predicted).sum() / num_gt)
