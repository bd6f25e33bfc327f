"""How alike tracked people and new poses are: the (T, N) matrix a tracker matches on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import box_centers
from pose_track.structures.frames import IntArray, Poses
from pose_track.tracking.cues import CUES, Scene, iou_cue
from pose_track.tracking.tracks import Tracks

Floats = NDArray[np.float64]

_REACH = 2.0  # body sizes; joints so far off have next to no OKS, even widened as usual
_USUAL_WIDENING = 3.0


@dataclass(frozen=True)
class Similarity:
    """A weighted mean of cues, see `cues.CUES`.

    weights: of each cue, none of them negative; a cue that tells nothing of a pair is left out of its mean, and a pair
    of which none tells anything, as its joints are all unsure, is compared by the overlap of its boxes. gates: the
    least a cue must be for the pair to be considered at all. widening: multiplies the skeleton's sigmas, which describe
    how far annotators disagree on one picture; a moving wrist or nose leaves that behind within a frame or two.
    """

    weights: Mapping[str, float]
    gates: Mapping[str, float] = field(default_factory=dict)
    sigma_scale: float = 3.0

    def __call__(self, tracks: Tracks, poses: Poses, seconds: float) -> Floats:
        """(T, N) similarity in [0, 1] of T tracks to N poses; 0 for those far apart, and beyond a gate."""
        found = np.zeros((len(tracks), len(poses)))
        scene = Scene(tracks, poses, seconds, self.sigma_scale)
        rows, cols = self._near(scene)
        if len(rows):
            found[rows, cols] = self._of_pairs(scene, rows, cols)
        return found

    def _near(self, scene: Scene) -> tuple[IntArray, IntArray]:
        """The pairs that are near each other, where last seen, where expected, or where the flow carried them."""
        tracks, centers, last = scene.tracks, box_centers(scene.poses.boxes), box_centers(scene.tracks.boxes)
        places = [last, last + scene.moves]
        if self.weights.get("flow") or self.gates.get("flow"):
            places.append(tracks.warped_centers())
        size = max(1.0, self.sigma_scale / _USUAL_WIDENING) * _REACH
        reach = size**2 * np.maximum.outer(tracks.areas, np.maximum(scene.areas, 1.0))
        near = np.any([_squared(place, centers) < reach for place in places], axis=0)
        rows, cols = np.nonzero(near)
        return rows, cols

    def _of_pairs(self, scene: Scene, rows: IntArray, cols: IntArray) -> Floats:
        total, weight, passes = np.zeros(len(rows)), np.zeros(len(rows)), np.ones(len(rows), bool)
        for name, cue in CUES.items():
            share, gate = self.weights.get(name, 0.0), self.gates.get(name, 0.0)
            if share or gate:
                value = cue(scene, rows, cols)
                known = ~np.isnan(value)
                total += share * np.where(known, value, 0)
                weight += share * known
                passes &= ~(value < gate)
        unknown = weight == 0
        if unknown.any():
            total[unknown], weight[unknown] = iou_cue(scene, rows[unknown], cols[unknown]), 1
        return np.where(passes, total / weight, 0)


def _squared(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """(T, N) squared distances."""
    dx, dy = np.subtract.outer(a[:, 0], b[:, 0]), np.subtract.outer(a[:, 1], b[:, 1])
    return np.asarray(dx * dx + dy * dy)
