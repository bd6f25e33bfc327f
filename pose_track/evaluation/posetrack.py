"""The PoseTrack evaluation: average precision of joints, and how well they are tracked.

Two modes. "poseval" gives the figures of the official tool (github.com/leonid-pishchulin/poseval), whatever it does;
"clean" is the same evaluation without its peculiarities:

- poseval looks at the frames whose truth lists somebody; clean at the frames that are labelled, with people or without.
- poseval does not count the last such frame of each sequence for tracking (a sequence of one frame counts nothing
  there; the tool itself breaks off at it); clean counts all.
- poseval counts a frame that has nobody left in truth or prediction as one miss, one false positive and one object of
  every joint; clean counts what is there.
- poseval keeps people without a joint in its lists where these are empty, as always from the 2018 layout (a frame then
  has somebody); clean leaves them out.
- poseval takes 0 for the AP, precision and recall of a joint that is neither in truth nor prediction, and 0 for both
  precisions of one that is only in the prediction, into their means; in clean a joint without truth has no figures.
- poseval takes MOTP as 0 where nothing is matched, and that into the mean; in clean it is undefined there.
- poseval counts the distances of some matches, where partners change, twice or more in MOTP (see `poseval_motp`).
- poseval sorts equal scores as they happen to come; in clean they are one step of the curve.
- poseval scores a joint without a score -9999; clean gives it the person's score, or else ranks it last.
- Where two people or poses have the same share of right joints, poseval takes the first; clean the nearer.
- Of two people whose last partner is the same prediction, the first keeps it in poseval, in clean who had it last.
- poseval hangs on the order of people where there are ties; clean on neither their order nor the names of ids. (Which
  of two joints at exactly the same distance the official tool matches hangs on the solver that motmetrics finds on the
  machine, so there alone "poseval" may differ from it, in the figures of tracking.)

IDF1, HOTA, switches and fragmentations are not among the tool's figures; in mode poseval they are taken over the frames
it counts, but for those with nobody left. Head sizes, the distance of half a head within which a joint is right, ignore
regions and the means over the 15 joints are the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from pose_track.evaluation.instances import NUM_JOINTS, BoolArray, Comparison, Frames, gather, in_canonical_order
from pose_track.evaluation.joint_pairs import joint_pairs
from pose_track.evaluation.joint_tracking import tracking_counts, tracking_tables
from pose_track.evaluation.pose_ap import pose_tables
from pose_track.structures.sequence import FloatArray, PoseSequence

MODES = ("poseval", "clean")


@dataclass(frozen=True, eq=False)
class Figures:
    """Each (16,): the 15 joints of POSETRACK_15, then the total. Up to loc_a in percent, the total being the mean of
    the joints where the figure is defined; from switches on counts, the total being their sum. NaN where undefined."""

    ap: FloatArray
    precision: FloatArray
    recall: FloatArray
    mota: FloatArray
    motp: FloatArray
    mot_precision: FloatArray
    mot_recall: FloatArray
    idf1: FloatArray
    hota: FloatArray
    det_a: FloatArray
    ass_a: FloatArray
    loc_a: FloatArray
    switches: FloatArray
    fragmentations: FloatArray
    misses: FloatArray
    false_positives: FloatArray
    objects: FloatArray


_COUNTS = ("switches", "fragmentations", "misses", "false_positives", "objects")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """modes: the figures over all sequences, by mode; sequences: those of each sequence, by its name and mode."""

    modes: dict[str, Figures]
    sequences: dict[str, dict[str, Figures]]


def evaluate_posetrack(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> Evaluation:
    """Figures of (truth, prediction) of each sequence, in both modes.

    Truth has head boxes; a person without one matches nobody. Predictions may have any skeleton with joints of
    PoseTrack. Where one side has people but no track ids at all, all figures of tracking are NaN; a single person
    without id is a track of their own. Raises ValueError without sequences, for two of the same name, or where a
    prediction has another number of frames than its truth.
    """
    comparison = gather(pairs)
    by_mode = {mode: _figures(comparison, mode == "clean") for mode in MODES}
    return Evaluation(
        {mode: rows[-1] for mode, rows in by_mode.items()},
        {name: {mode: rows[s] for mode, rows in by_mode.items()} for s, name in enumerate(comparison.names)},
    )


def _figures(comparison: Comparison, clean: bool) -> list[Figures]:
    """Of each sequence, then of all."""
    frames = comparison.frames
    posed, tracked, dummies = _counted(frames, clean)
    truth = comparison.truth[posed[comparison.truth.frame]]
    prediction = comparison.prediction[posed[comparison.prediction.frame]]
    if clean:
        truth, prediction = in_canonical_order(truth), in_canonical_order(prediction)
    pairs = joint_pairs(truth, prediction, len(frames))
    tables = pose_tables(truth, prediction, pairs, frames, posed, clean)
    if comparison.has_ids:
        counts, hota = tracking_counts(truth, prediction, pairs, frames, tracked, clean)
        tables |= tracking_tables(counts, hota, frames, tracked, dummies, clean)
    nothing = np.full((frames.num_sequences + 1, NUM_JOINTS + 1), np.nan)
    columns = [_with_total(tables[f.name], f.name) if f.name in tables else nothing for f in fields(Figures)]
    return [Figures(*(column[row] for column in columns)) for row in range(len(nothing))]


def _counted(frames: Frames, clean: bool) -> tuple[BoolArray, BoolArray, BoolArray]:
    """(F,) each: the frames that count for AP, for tracking, and as dummies, by their mere number."""
    if clean:
        return frames.labelled, frames.labelled, np.zeros(len(frames), bool)
    listed = frames.has_truth
    at = np.flatnonzero(listed)
    last = np.zeros(len(frames), bool)
    last[at[np.diff(frames.sequence[at], append=-1) != 0]] = True
    somebody = frames.truth_left & frames.prediction_left
    return listed, listed & ~last & somebody, listed & ~last & ~somebody


def _with_total(table: FloatArray, name: str) -> FloatArray:
    """(rows, 15) with their total as one column more."""
    defined = ~np.isnan(table)
    total = np.where(defined, table, 0).sum(axis=1)
    if name not in _COUNTS:
        with np.errstate(invalid="ignore"):
            total = total / defined.sum(axis=1)
    return np.column_stack([table, total])
