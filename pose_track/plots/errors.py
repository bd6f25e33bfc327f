"""Errors of an evaluation by kind, joint and sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

import numpy as np

from pose_track.evaluation.joint_errors import ErrorKind, JointErrors
from pose_track.plots.figure import line_colour
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.skeleton import POSETRACK_15

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = get_args(ErrorKind)[1:]  # without "correct"
_MAX_DISTANCE = 1.0  # head sizes


def plot_joint_errors(axes: Axes, errors: JointErrors) -> None:
    """The errors of each joint, in per cent of its gt joints."""
    _bars(axes, list(POSETRACK_15.joint_names), [errors.counts[kind] / _some(errors.num_gt) for kind in _KINDS])


def plot_sequence_errors(axes: Axes, errors: Mapping[str, JointErrors]) -> None:
    """The errors of each sequence, in per cent of its gt joints. errors: by name of the sequence."""
    totals = _some(np.array([one.num_gt.sum() for one in errors.values()]))
    _bars(axes, list(errors), [np.array([one.counts[k].sum() for one in errors.values()]) / totals for k in _KINDS])


def plot_distances(axes: Axes, errors: JointErrors) -> None:
    """The share of joints within a distance of the gt joint, of those that matched people have, by type of joint."""
    types = list(dict.fromkeys(POSETRACK_15.joint_types))
    for number, joint_type in enumerate(types):
        rows = [k for k, other in enumerate(POSETRACK_15.joint_types) if other == joint_type]
        distances = np.sort(np.concatenate([errors.distances[k] for k in rows]))
        shares = 100 * np.arange(1, len(distances) + 1) / max(len(distances), 1)
        style = ("-", "--")[number // 6]  # the palette has six colours
        axes.plot(distances, shares, style, color=line_colour(number), label=joint_type)
    axes.axvline(0.5, color="0.6", linewidth=0.6)
    axes.set(xlabel="distance (head sizes)", ylabel="joints (%)", xlim=(0, _MAX_DISTANCE), ylim=(0, 100))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _some(counts: IntArray) -> IntArray:
    return np.asarray(np.maximum(counts, 1), np.int64)


def _bars(axes: Axes, names: Sequence[str], shares: Sequence[Float64Array]) -> None:
    """Stacked bars. shares: for each kind (N,)."""
    left = np.zeros(len(names))
    for number, (kind, share) in enumerate(zip(_KINDS, shares, strict=True)):
        axes.barh(range(len(names)), 100 * share, left=left, color=line_colour(number), label=kind)
        left = left + 100 * share
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("errors (% of the gt joints)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
