"""Association of tracks with the poses of a frame: high-score poses first, then low-score ones, then lost tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_track.geometry.boxes import box_areas, box_centers
from pose_track.geometry.oks import oks_of_pairs
from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.appearance import MIN_JOINT_SCORE, appearance_similarity
from pose_track.tracking.matching import Matcher, Pairs
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

# A low-score pose with a higher OKS to a high-score pose is its duplicate.
_DUPLICATE_OKS = 0.3
_DUPLICATE_SIGMA_SCALE = 2.0

# A lost person moves at most this many body sizes (square roots of the box area) a second, and is re-activated only if
# their size has changed by at most this factor.
_MAX_SPEED = 2.0
_MAX_SIZE_RATIO = 2.0

# Whoever was missed for so long may have been replaced by another person at the same place.
_LOST_SECONDS = 0.25


@dataclass(frozen=True)
class Association:
    """Matches tracks with poses in up to three rounds.

    1. High-score poses with recent tracks.
    2. Low-score poses, unless they are duplicates of a high-score pose, with the recent tracks left over, as in
       ByteTrack (Zhang et al., ECCV 2022).
    3. High-score poses left over with all tracks left over, by appearance, if the person could have moved so far.

    similarity: computes the (T, N) matrix.
    match: pairs its rows with its columns, see `matching`.
    min_similarity: lowest similarity of a matched pair.
    min_high_score: lowest person score of a high-score pose.
    min_low_score_similarity: lowest similarity in round 2, if above `min_similarity`.
    min_reactivation_appearance: lowest appearance similarity in round 3, and in the others of a track that was missed
        for a quarter of a second; 1 turns round 3 and this condition off.
    """

    similarity: Similarity
    match: Matcher
    min_similarity: float
    min_high_score: float = 0.0
    min_low_score_similarity: float = 0.0
    min_reactivation_appearance: float = 1.0

    def __call__(self, tracks: Tracks, poses: Poses, seconds: float, is_recent: BoolArray) -> Pairs:
        """Rows (tracks) and columns (poses) of the matched pairs, each at most once.

        seconds: the time of the poses.
        is_recent: (T,) tracks that rounds 1 and 2 may match.
        """
        rows = cols = np.zeros(0, np.int64)
        if not len(tracks) or not len(poses):
            return rows, cols
        is_high = poses.scores >= self.min_high_score
        similarity = np.where(is_recent[:, None], self.similarity(tracks, poses, seconds), 0)
        similarity[self._is_stranger(tracks, poses, seconds)] = 0
        rows, cols = self.match(np.where(is_high, similarity, 0), self.min_similarity)
        if not is_high.all():
            unmatched, low = np.delete(np.arange(len(tracks)), rows), np.flatnonzero(~is_high)
            low = low[~_is_duplicate(poses, is_high)]
            limit = max(self.min_similarity, self.min_low_score_similarity)
            matched = self.match(similarity[np.ix_(unmatched, low)], limit)
            rows, cols = _append(rows, cols, (unmatched[matched[0]], low[matched[1]]))
        if self.min_reactivation_appearance < 1 and poses.features is not None:
            rows, cols = _append(rows, cols, self._reactivate(tracks, poses, seconds, is_high, rows, cols))
        return rows, cols

    def _is_stranger(self, tracks: Tracks, poses: Poses, seconds: float) -> BoolArray:
        """(T, N) pairs of a track that was missed for a while and a pose of another appearance."""
        is_stranger = np.zeros((len(tracks), len(poses)), bool)
        is_lost = seconds - tracks.motion.seconds > _LOST_SECONDS
        if poses.features is None or self.min_reactivation_appearance >= 1 or not is_lost.any():
            return is_stranger
        lost = tracks.appearance[is_lost]
        appearance = appearance_similarity(lost.features, lost.scores, poses.features, poses.joint_scores)
        is_stranger[is_lost] = appearance < self.min_reactivation_appearance  # not where it is unknown
        return is_stranger

    def _reactivate(
        self, tracks: Tracks, poses: Poses, seconds: float, is_high: BoolArray, rows: IntArray, cols: IntArray
    ) -> Pairs:
        """The pairs of round 3; `rows` and `cols` are matched already."""
        lost, new = _without(tracks.motion.seconds < seconds, rows), _without(is_high, cols)
        if not len(lost) or not len(new):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        appearance, candidates = tracks.appearance[lost], poses[new]
        assert candidates.features is not None
        similarity = appearance_similarity(
            appearance.features, appearance.scores, candidates.features, candidates.joint_scores
        ).astype(np.float64)
        similarity[~_is_reachable(tracks[lost], candidates, seconds)] = 0
        matched = self.match(similarity, self.min_reactivation_appearance)
        return lost[matched[0]], new[matched[1]]


def _without(keep: BoolArray, matched: IntArray) -> IntArray:
    """The indices where `keep`, without those matched."""
    keep = keep.copy()
    keep[matched] = False
    return np.flatnonzero(keep)


def _append(rows: IntArray, cols: IntArray, pairs: Pairs) -> Pairs:
    return np.concatenate([rows, pairs[0]]), np.concatenate([cols, pairs[1]])


def _is_reachable(tracks: Tracks, poses: Poses, seconds: float) -> BoolArray:
    """(T, N) whether a track's person could have moved to the pose in the time since last seen, at a similar size."""
    distances = np.linalg.norm(box_centers(poses.boxes)[None] - box_centers(tracks.boxes)[:, None], axis=-1)
    track_sizes = np.sqrt(tracks.areas)[:, None]
    pose_sizes = np.sqrt(np.maximum(box_areas(poses.boxes), 1))[None]
    limits = track_sizes * (1 + _MAX_SPEED * (seconds - tracks.motion.seconds))[:, None]
    is_similar_size = (pose_sizes <= _MAX_SIZE_RATIO * track_sizes) & (track_sizes <= _MAX_SIZE_RATIO * pose_sizes)
    return np.asarray((distances <= limits) & is_similar_size)


def _is_duplicate(poses: Poses, is_high: BoolArray) -> BoolArray:
    """(L,) which of the L low-score poses are duplicates of one of the H high-score poses."""
    areas, body = box_areas(poses.boxes), poses.skeleton.body_joints
    joints, scores = poses.joints[:, body], poses.joint_scores[:, body]
    oks = oks_of_pairs(
        joints[~is_high, None],
        scores[~is_high, None],
        joints[is_high][None],
        scores[is_high][None],
        np.minimum.outer(areas[~is_high], areas[is_high]),
        _DUPLICATE_SIGMA_SCALE * poses.skeleton.sigmas[body],
        MIN_JOINT_SCORE,
    )  # (L, H)
    return np.asarray((oks > _DUPLICATE_OKS).any(axis=1))
