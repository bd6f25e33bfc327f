"""Which track goes on as which pose of a new frame: the sure poses first, the unsure ones with what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose_track.geometry.boxes import box_areas, box_centers
from pose_track.geometry.oks import oks_of_pairs
from pose_track.structures.frames import IntArray, Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE, appearance_similarity
from pose_track.tracking.matching import Matcher, Pairs
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

# An unsure pose more alike to a sure one, by OKS with sigmas widened so much, is taken for its double.
_DOUBLE_OKS = 0.3
_DOUBLE_WIDENING = 2.0

# Somebody out of sight goes no faster than so many body sizes (roots of the box's area) a second, and comes back no
# more than so many times as large or small.
_SPEED = 2.0
_GROWTH = 2.0


@dataclass(frozen=True)
class Association:
    """How tracks and poses are paired, in up to three rounds.

    similarity: gives the (T, N) matrix. match: pairs its rows with its columns, see `matching`. min_similarity: least
    of a pair. min_high_score: person score from which a pose is sure. First, sure poses are matched with the tracks
    seen lately. Then, the idea of ByteTrack (Zhang et al., ECCV 2022) on poses, the others with those that are left, if
    they are alike by at least min_low_score_similarity and no double of a sure pose. Last, sure poses that are left with
    the tracks that are, also those not seen for long, if they look alike by at least min_reactivation_appearance and the
    person could have got there.
    """

    similarity: Similarity
    match: Matcher
    min_similarity: float
    min_high_score: float = 0.0
    min_low_score_similarity: float = 0.0
    min_reactivation_appearance: float = 1.0

    def __call__(self, tracks: Tracks, poses: Poses, seconds: float, is_recent: NDArray[np.bool_]) -> Pairs:
        """Rows (tracks) and columns (poses) of the pairs, each at most once. is_recent: (T,) tracks seen lately."""
        rows = cols = np.zeros(0, np.int64)
        if not len(tracks) or not len(poses):
            return rows, cols
        sure = poses.scores >= self.min_high_score
        similarity = np.where(is_recent[:, None], self.similarity(tracks, poses, seconds), 0)
        rows, cols = self.match(np.where(sure, similarity, 0), self.min_similarity)
        if not sure.all():
            left, unsure = np.delete(np.arange(len(tracks)), rows), np.flatnonzero(~sure)
            unsure = unsure[~_is_double(poses, sure)]
            least = max(self.min_similarity, self.min_low_score_similarity)
            found = self.match(similarity[np.ix_(left, unsure)], least)
            rows, cols = _and(rows, cols, (left[found[0]], unsure[found[1]]))
        if self.min_reactivation_appearance < 1 and poses.features is not None:
            rows, cols = _and(rows, cols, self._reentry(tracks, poses, seconds, sure, rows, cols))
        return rows, cols

    def _reentry(
        self, tracks: Tracks, poses: Poses, seconds: float, sure: NDArray[np.bool_], rows: IntArray, cols: IntArray
    ) -> Pairs:
        """The third round: `rows` and `cols` are taken."""
        lost = np.setdiff1d(np.flatnonzero(tracks.motion.seconds < seconds), rows)
        new = np.setdiff1d(np.flatnonzero(sure), cols)
        appearance, seen = tracks.appearance[lost], poses[new]
        if not len(lost) or not len(new) or seen.features is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        alike = appearance_similarity(appearance.features, appearance.scores, seen.features, seen.joint_scores).astype(
            np.float64
        )
        alike[~_could_reach(tracks[lost], seen, seconds)] = 0
        found = self.match(alike, self.min_reactivation_appearance)
        return lost[found[0]], new[found[1]]


def _and(rows: IntArray, cols: IntArray, more: Pairs) -> Pairs:
    return np.concatenate([rows, more[0]]), np.concatenate([cols, more[1]])


def _could_reach(tracks: Tracks, poses: Poses, seconds: float) -> NDArray[np.bool_]:
    """(T, N) whether a person could have gone so far since seen last, and is still of about that size."""
    distance = np.linalg.norm(box_centers(poses.boxes)[None] - box_centers(tracks.boxes)[:, None], axis=-1)
    size, now = np.sqrt(tracks.areas)[:, None], np.sqrt(np.maximum(box_areas(poses.boxes), 1))[None]
    reach = size * (1 + _SPEED * (seconds - tracks.motion.seconds))[:, None]
    return np.asarray((distance <= reach) & (now <= _GROWTH * size) & (size <= _GROWTH * now))


def _is_double(poses: Poses, sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(U,) which of the unsure poses are another look at one of the sure people."""
    areas = box_areas(poses.boxes)
    oks = oks_of_pairs(
        poses.joints[~sure, None],
        poses.joint_scores[~sure, None],
        poses.joints[sure][None],
        poses.joint_scores[sure][None],
        np.minimum.outer(areas[~sure], areas[sure]),
        _DOUBLE_WIDENING * poses.skeleton.sigmas,
        MIN_JOINT_SCORE,
    )  # (U, S)
    return np.asarray((oks > _DOUBLE_OKS).any(axis=1))
