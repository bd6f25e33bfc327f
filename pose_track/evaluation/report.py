"""Reports of the PoseTrack evaluation: tables as in papers, and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from pose_track.evaluation.posetrack import Evaluation, Metrics
from pose_track.structures.arrays import Float64Array, FloatingArray
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

Row = tuple[str, list[str]]

# the joints whose mean each column shows, as in papers
_JOINT_GROUPS = {
    "Head": ("head_top", "head_bottom", "nose"),
    **{column: (f"left_{name}", f"right_{name}") for column, name in (
        ("Shou", "shoulder"), ("Elb", "elbow"), ("Wri", "wrist"), ("Hip", "hip"), ("Knee", "knee"), ("Ankl", "ankle"),
    )},
}  # fmt: skip
COLUMNS = (*_JOINT_GROUPS, "Total")
_GROUP_INDICES = [[POSETRACK_15.index(name) for name in names] for names in _JOINT_GROUPS.values()]

_POSE = {"AP": "ap", "Precision": "precision", "Recall": "recall"}
_TRACKING = {
    "MOTA": "mota", "MOTP": "motp", "MOT precision": "mot_precision", "MOT recall": "mot_recall", "IDF1": "idf1",
    "HOTA": "hota", "DetA": "det_a", "AssA": "ass_a", "LocA": "loc_a",
}  # fmt: skip
_COUNTS = {
    "Id switches": "switches", "Fragmentations": "fragmentations", "Misses": "misses",
    "False positives": "false_positives", "Objects": "objects",
}  # fmt: skip


def group_means(values: FloatingArray) -> Float64Array:
    """The (8,) columns of papers from the (16,) values of the 15 joints and the total: head, six pairs, total.

    Joints where the metric is undefined are left out of the mean; a column without any defined joint is NaN.

    >>> group_means(np.array([*range(12), 10.0, np.nan, 20.0, 99.0])).tolist()
    [15.0, 8.5, 8.5, 8.5, 2.5, 2.5, 2.5, 99.0]
    """
    means = [_mean(values[indices]) for indices in _GROUP_INDICES]
    return np.array([*means, values[-1]], np.float64)


def text_table(pose_metrics: Metrics, tracking_metrics: Metrics | None = None) -> str:
    """One line per metric, in percent, then the counts; "-" where undefined. Without tracks no tracking metrics.

    tracking_metrics: the source of the tracking metrics; by default the same as for the others.
    """
    rows = [("", list(COLUMNS)), *_rows(pose_metrics, tracking_metrics or pose_metrics)]
    return "\n".join(_line(name, cells) for name, cells in rows)


def latex_table(pose_metrics: Metrics, tracking_metrics: Metrics | None = None) -> str:
    r"""The same as a complete LaTeX tabular, without packages."""
    rows = [("", list(COLUMNS)), *_rows(pose_metrics, tracking_metrics or pose_metrics)]
    head, *body = [" & ".join((name, *cells)) + r" \\" for name, cells in rows]
    begin = r"\begin{tabular}{l" + "r" * len(COLUMNS) + "}"
    return "\n".join([begin, r"\hline", head, r"\hline", *body, r"\hline", r"\end{tabular}"])


def sequence_table(evaluation: Evaluation, mode: str) -> str:
    """One line per sequence with the totals of AP, MOTA, IDF1 and HOTA."""
    names = ("AP", "MOTA", "IDF1", "HOTA")
    width = max(len(name) for name in ("sequence", *evaluation.sequences))
    lines = [f"{'sequence':<{width}}" + "".join(f"{name:>7}" for name in names)]
    for sequence, modes in evaluation.sequences.items():
        cells = [_percent(getattr(modes[mode], name.lower())[-1]) for name in names]
        lines.append(f"{sequence:<{width}}" + "".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def format_report(evaluation: Evaluation, mode: str, latex: bool = False, per_sequence: bool = False) -> str:
    """The table of one mode and the totals of the others.

    latex: also the table as LaTeX.
    per_sequence: also one line per sequence.
    """
    metrics = evaluation.modes[mode]
    sections = [f"{mode}, in percent\n{text_table(metrics)}"]
    if latex:
        sections.append(latex_table(metrics))
    if per_sequence:
        sections.append(sequence_table(evaluation, mode))
    sections += [f"{other}: {_totals(metrics)}" for other, metrics in evaluation.modes.items() if other != mode]
    unlabelled = np.isnan(evaluation.modes["clean"].ap[:-1])
    if unlabelled.any():
        names = ", ".join(POSETRACK_15.joint_names[k] for k in np.flatnonzero(unlabelled))
        sections.append(f"not labelled: {names}; clean leaves them out of the means, poseval counts some as 0")
    return "\n\n".join(sections)


def data_summary(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> str:
    """The numbers of sequences, frames and people with joints to evaluate, in one line."""
    gts, predictions = zip(*pairs, strict=True)
    frames = [frame for gt in gts for frame in gt.frames]
    num_people, num_predicted = (
        sum(int(sequence.people.has_joint.any(axis=1).sum()) for sequence in side) for side in (gts, predictions)
    )
    num_labelled = sum(frame.is_labelled for frame in frames)
    return (
        f"sequences {len(gts)}, frames {len(frames)}, labelled {num_labelled}, "
        f"people {num_people}, predicted {num_predicted}"
    )


def evaluation_json(evaluation: Evaluation, per_sequence: bool) -> dict[str, Any]:
    """{"modes": {mode: {metric: [15 joints, then the total]}}, "sequences": {name: {mode: ...}}}; None where undefined.

    The joints are in PoseTrack17's order. Without `per_sequence` "sequences" is empty.
    """
    sequences = evaluation.sequences if per_sequence else {}
    return {
        "modes": _json_modes(evaluation.modes),
        "sequences": {name: _json_modes(modes) for name, modes in sequences.items()},
    }


def _json_modes(modes: dict[str, Metrics]) -> dict[str, dict[str, list[float | None]]]:
    return {
        mode: {
            name: [value if math.isfinite(value) else None for value in values.tolist()]
            for name, values in ((f.name, getattr(metrics, f.name)) for f in fields(metrics))
        }
        for mode, metrics in modes.items()
    }


def _rows(pose_metrics: Metrics, tracking_metrics: Metrics) -> Iterator[Row]:
    for name, attribute in _POSE.items():
        yield name, [_percent(value) for value in group_means(getattr(pose_metrics, attribute))]
    if np.isnan(tracking_metrics.mota).all():
        return
    for name, attribute in _TRACKING.items():
        yield name, [_percent(value) for value in group_means(getattr(tracking_metrics, attribute))]
    for name, attribute in _COUNTS.items():
        counts = getattr(tracking_metrics, attribute)
        yield name, [_count(counts[indices].sum()) for indices in (*_GROUP_INDICES, [-1])]


def _totals(metrics: Metrics) -> str:
    names = ("AP", "MOTA", "MOTP", "IDF1", "HOTA")
    return ", ".join(f"{name} {_percent(getattr(metrics, name.lower())[-1])}" for name in names)


def _line(name: str, cells: list[str]) -> str:
    return f"{name:<15}" + "".join(f"{cell:>8}" for cell in cells)


def _percent(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"


def _count(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "-"


def _mean(values: FloatingArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan
