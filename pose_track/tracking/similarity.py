"""The similarity of tracks and new poses: the (T, N) matrix for matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import box_centers
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.cues import CUES, CueContext, iou_cue
from pose_track.tracking.gate import is_possible
from pose_track.tracking.tracks import Tracks

_MAX_DISTANCE = 2.0  # body sizes; at this distance OKS is close to 0, even with the usual sigma scale
_USUAL_SIGMA_SCALE = 3.0


@dataclass(frozen=True)
class Similarity:
    """A weighted mean of cues, see `cues.CUES`.

    A cue that is unknown for a pair is left out of its mean. A pair without any known cue, since all joints have low
    scores, gets the IoU of the boxes.

    weights: of each cue, 0 or more.
    sigma_scale: factor on the skeleton's OKS sigmas. These describe how far annotators disagree on one image; a wrist
        or nose moves further than that within a frame or two.
    gate: whether pairs that `gate.is_possible` refuses get 0.
    """

    weights: Mapping[str, float]
    sigma_scale: float = 3.0
    gate: bool = False

    def __call__(self, tracks: Tracks, poses: Poses, seconds: float) -> Float64Array:
        """(T, N) similarity in [0, 1] of T tracks and N poses at the time `seconds`; 0 for pairs far apart, and
        for those that the gate refuses."""
        similarity = np.zeros((len(tracks), len(poses)))
        context = CueContext(tracks, poses, seconds, self.sigma_scale)
        rows, cols = self._nearby_pairs(context)
        if len(rows):
            if self.gate:
                is_kept = is_possible(context, rows, cols)
                rows, cols = rows[is_kept], cols[is_kept]
            similarity[rows, cols] = self._of_pairs(context, rows, cols)
        return similarity

    def _nearby_pairs(self, context: CueContext) -> tuple[IntArray, IntArray]:
        """Pairs whose pose is near the track's last position, its predicted one, or its warped joints."""
        tracks, centers = context.tracks, box_centers(context.poses.boxes)
        last = box_centers(tracks.boxes)
        positions = [last, last + context.displacements]
        if self.weights.get("flow"):
            positions.append(tracks.warped_centers())
        size = max(1.0, self.sigma_scale / _USUAL_SIGMA_SCALE) * _MAX_DISTANCE
        limits = size**2 * np.maximum.outer(tracks.areas, np.maximum(context.areas, 1.0))
        is_near = np.any([_squared_distances(position, centers) < limits for position in positions], axis=0)
        rows, cols = np.nonzero(is_near)
        return rows, cols

    def _of_pairs(self, context: CueContext, rows: IntArray, cols: IntArray) -> Float64Array:
        """(P,) similarity of the given pairs."""
        total, total_weight = np.zeros(len(rows)), np.zeros(len(rows))
        for name, cue in CUES.items():
            weight = self.weights.get(name, 0.0)
            if weight:
                value = cue(context, rows, cols)
                is_known = ~np.isnan(value)
                total += weight * np.where(is_known, value, 0)
                total_weight += weight * is_known
        is_unknown = total_weight == 0
        if is_unknown.any():
            total[is_unknown], total_weight[is_unknown] = iou_cue(context, rows[is_unknown], cols[is_unknown]), 1
        return np.asarray(total / total_weight)


def _squared_distances(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """(T, N) squared distances of (T, 2) and (N, 2) points."""
    dx, dy = np.subtract.outer(a[:, 0], b[:, 0]), np.subtract.outer(a[:, 1], b[:, 1])
    return np.asarray(dx * dx + dy * dy)
