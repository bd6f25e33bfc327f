"""Figures of the PoseTrack evaluation as papers print them, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.posetrack import Evaluation, Figures
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

Row = tuple[str, list[str]]

# the columns of papers, each the mean of its joints, and the total
_PARTS = {
    "Head": ("head_top", "head_bottom", "nose"),
    **{name: (f"left_{part}", f"right_{part}") for name, part in (
        ("Shou", "shoulder"), ("Elb", "elbow"), ("Wri", "wrist"), ("Hip", "hip"), ("Knee", "knee"), ("Ankl", "ankle"),
    )},
}  # fmt: skip
COLUMNS = (*_PARTS, "Total")
_PLACES = [[POSETRACK_15.index(name) for name in names] for names in _PARTS.values()]

_POSE = {"AP": "ap", "Precision": "precision", "Recall": "recall"}
_TRACKING = {
    "MOTA": "mota", "MOTP": "motp", "MOT precision": "mot_precision", "MOT recall": "mot_recall", "IDF1": "idf1",
    "HOTA": "hota", "DetA": "det_a", "AssA": "ass_a", "LocA": "loc_a",
}  # fmt: skip
_COUNTS = {
    "Id switches": "switches", "Fragmentations": "fragmentations", "Misses": "misses",
    "False positives": "false_positives", "Objects": "objects",
}  # fmt: skip


def group_means(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(16,), the 15 joints and the total, as the (8,) columns of papers: head, six pairs of joints, total.

    A joint where the figure is undefined is left out of its column's mean; a column without any is NaN.

    >>> group_means(np.array([*range(12), 10.0, np.nan, 20.0, 99.0])).tolist()
    [15.0, 8.5, 8.5, 8.5, 2.5, 2.5, 2.5, 99.0]
    """
    means = [_mean(values[places]) for places in _PLACES]
    return np.array([*means, values[-1]], np.float64)


def text_table(figures_ap: Figures, figures_mot: Figures | None = None) -> str:
    """A line a figure, in percent, then the counts; "-" where undefined. Without tracks there are no lines of tracking.

    figures_mot: where the figures of tracking are taken from, if not from the same.
    """
    rows = [("", list(COLUMNS)), *_rows(figures_ap, figures_mot or figures_ap)]
    return "\n".join(_line(name, cells) for name, cells in rows)


def latex_table(figures_ap: Figures, figures_mot: Figures | None = None) -> str:
    r"""The same as a whole LaTeX tabular, which needs no package."""
    rows = [("", list(COLUMNS)), *_rows(figures_ap, figures_mot or figures_ap)]
    head, *body = [" & ".join((name, *cells)) + r" \\" for name, cells in rows]
    begin = r"\begin{tabular}{l" + "r" * len(COLUMNS) + "}"
    return "\n".join([begin, r"\hline", head, r"\hline", *body, r"\hline", r"\end{tabular}"])


def sequence_table(evaluation: Evaluation, mode: str) -> str:
    """A line a sequence, with the totals of AP, MOTA, IDF1 and HOTA."""
    names = ("AP", "MOTA", "IDF1", "HOTA")
    width = max(len(name) for name in ("sequence", *evaluation.sequences))
    lines = [f"{'sequence':<{width}}" + "".join(f"{name:>7}" for name in names)]
    for sequence, modes in evaluation.sequences.items():
        cells = [_percent(getattr(modes[mode], name.lower())[-1]) for name in names]
        lines.append(f"{sequence:<{width}}" + "".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def report(evaluation: Evaluation, mode: str, latex: bool = False, per_sequence: bool = False) -> str:
    """The table of the mode, as LaTeX too and with a line a sequence where wanted; the totals of the other modes."""
    figures = evaluation.modes[mode]
    parts = [f"{mode}, in percent\n{text_table(figures)}"]
    if latex:
        parts.append(latex_table(figures))
    if per_sequence:
        parts.append(sequence_table(evaluation, mode))
    parts += [f"{other}: {_totals(found)}" for other, found in evaluation.modes.items() if other != mode]
    unlabelled = np.isnan(evaluation.modes["clean"].ap[:-1])
    if unlabelled.any():
        names = ", ".join(POSETRACK_15.joint_names[k] for k in np.flatnonzero(unlabelled))
        parts.append(f"not labelled: {names}; left out of the means by clean, in part counted as 0 by poseval")
    return "\n\n".join(parts)


def extent(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> str:
    """How much there is to evaluate, in one line; people are those with joints."""
    truths, predictions = zip(*pairs, strict=True)
    frames = [frame for truth in truths for frame in truth.frames]
    people, predicted = (
        sum(int(sequence.people.has_joint.any(axis=1).sum()) for sequence in side) for side in (truths, predictions)
    )
    labelled = sum(frame.is_labelled for frame in frames)
    return f"sequences {len(truths)}, frames {len(frames)}, labelled {labelled}, people {people}, predicted {predicted}"


def evaluation_json(evaluation: Evaluation, per_sequence: bool) -> dict[str, Any]:
    """{"modes": {mode: {figure: 15 joints and the total}}, "sequences": {name: {mode: ...}}}, None where undefined.

    The joints are PoseTrack's, in the order of 2017. Without per_sequence the sequences are empty.
    """
    sequences = evaluation.sequences if per_sequence else {}
    return {"modes": _plain(evaluation.modes), "sequences": {name: _plain(modes) for name, modes in sequences.items()}}


def _plain(modes: dict[str, Figures]) -> dict[str, dict[str, list[float | None]]]:
    return {
        mode: {
            name: [value if math.isfinite(value) else None for value in values.tolist()]
            for name, values in ((f.name, getattr(figures, f.name)) for f in fields(figures))
        }
        for mode, figures in modes.items()
    }


def _rows(figures_ap: Figures, figures_mot: Figures) -> Iterator[Row]:
    for name, attribute in _POSE.items():
        yield name, [_percent(value) for value in group_means(getattr(figures_ap, attribute))]
    if np.isnan(figures_mot.mota).all():
        return
    for name, attribute in _TRACKING.items():
        yield name, [_percent(value) for value in group_means(getattr(figures_mot, attribute))]
    for name, attribute in _COUNTS.items():
        counts = getattr(figures_mot, attribute)
        yield name, [_count(counts[places].sum()) for places in (*_PLACES, [-1])]


def _totals(figures: Figures) -> str:
    names = ("AP", "MOTA", "MOTP", "IDF1", "HOTA")
    return ", ".join(f"{name} {_percent(getattr(figures, name.lower())[-1])}" for name in names)


def _line(name: str, cells: list[str]) -> str:
    return f"{name:<15}" + "".join(f"{cell:>8}" for cell in cells)


def _percent(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _count(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "-"


def _mean(values: NDArray[np.floating[Any]]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan
