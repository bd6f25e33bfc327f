"""The rounds in which tracks and poses are matched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tracking.synthetic_people import (
    GREEN,
    RED,
    SIZE,
    WIDTH,
    assigned_ids,
    build_linker,
    concatenate_poses,
    longest_gap,
    people_at,
    start_tracks,
)

from pose_track.structures.frames import Poses
from pose_track.tracking.association import Association
from pose_track.tracking.matching import match_hungarian
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

OKS = Similarity({"oks": 1.0})


def pairs(associate: Association, tracks: Tracks, poses: Poses, recent: bool | list[bool] = True) -> dict[int, int]:
    """Track row -> pose column of the matched pairs."""
    is_recent = np.array(np.broadcast_to(recent, len(tracks)))
    rows, cols = associate(tracks, poses, 10.0, is_recent)
    assert len(set(cols.tolist())) == len(cols)
    matched = dict(zip(rows.tolist(), cols.tolist(), strict=True))
    assert len(matched) == len(rows)
    return matched


def fixed(similarity: list[list[float]]) -> Callable[..., np.ndarray]:
    """A given matrix in place of a `Similarity`."""
    return lambda tracks, poses, seconds: np.array(similarity)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0)])
def test_no_tracks_or_no_poses(a: int, b: int) -> None:
    associate = Association(OKS, match_hungarian, 0.2, 0.5, 0.5, 0.5)
    assert pairs(associate, start_tracks(people_at(*range(a))), people_at(*range(b), appearance=[RED] * b)) == {}


class TestHighScoreFirst:
    def test_a_low_score_pose_takes_no_track_from_a_high_score_one(self) -> None:
        tracks, poses = start_tracks(people_at(0)), people_at(40, 0, score=[0.9, 0.4])
        assert pairs(Association(OKS, match_hungarian, 0.2), tracks, poses) == {0: 1}
        assert pairs(Association(OKS, match_hungarian, 0.2, min_high_score=0.5), tracks, poses) == {0: 0}

    def test_a_score_at_the_limit_is_high(self) -> None:
        associate = Association(OKS, match_hungarian, 0.2, min_high_score=0.5, min_low_score_similarity=1.0)
        assert pairs(associate, start_tracks(people_at(0)), people_at(5, score=0.5)) == {0: 0}
        assert pairs(associate, start_tracks(people_at(0)), people_at(5, score=0.49)) == {}

    @pytest.mark.parametrize(("limit", "expected"), [(0.4, {0: 0, 1: 1}), (0.6, {0: 0}), (0.0, {0: 0, 1: 1})])
    def test_the_limit_of_low_score_poses(self, limit: float, expected: dict[int, int]) -> None:
        associate = Association(fixed([[0.3, 0.0], [0.0, 0.5]]), match_hungarian, 0.2, 0.5, limit)  # type: ignore[arg-type]
        assert pairs(associate, start_tracks(people_at(0, 900)), people_at(0, 900, score=[0.9, 0.1])) == expected

    def test_low_score_poses_also_need_the_general_limit(self) -> None:
        associate = Association(fixed([[0.3]]), match_hungarian, 0.4, 0.5, 0.1)  # type: ignore[arg-type]
        assert pairs(associate, start_tracks(people_at(0)), people_at(0, score=0.1)) == {}

    def test_a_matched_track_is_not_matched_again(self) -> None:
        associate = Association(fixed([[0.9, 0.9]]), match_hungarian, 0.2, 0.5, 0.5)  # type: ignore[arg-type]
        assert pairs(associate, start_tracks(people_at(0)), people_at(0, 900, score=[0.9, 0.4])) == {0: 0}


class TestDuplicates:
    associate = Association(OKS, match_hungarian, 0.2, min_high_score=0.5, min_low_score_similarity=0.1)

    def test_a_low_score_duplicate_takes_no_other_track(self) -> None:
        """Two people side by side; the right one is occluded now, and the left one is detected twice."""
        tracks = start_tracks(people_at(0, WIDTH / 2))
        poses = people_at(0, 10, score=[0.9, 0.4])
        assert pairs(self.associate, tracks, poses) == {0: 0}
        assert pairs(replace(self.associate, min_high_score=0.0), tracks, poses) == {0: 0, 1: 1}

    def test_a_low_score_person_elsewhere_is_no_duplicate(self) -> None:
        assert pairs(self.associate, start_tracks(people_at(0, 110)), people_at(0, 110, score=[0.9, 0.4])) == {
            0: 0,
            1: 1,
        }

    def test_without_high_score_poses_there_are_no_duplicates(self) -> None:
        assert pairs(self.associate, start_tracks(people_at(0, 40)), people_at(0, 40, score=0.4)) == {0: 0, 1: 1}

    def test_low_score_joints_do_not_make_duplicates(self) -> None:
        poses = concatenate_poses(people_at(0), people_at(10, score=0.4, joint_score=0.1))
        assert pairs(self.associate, start_tracks(people_at(0, WIDTH / 2)), poses) == {0: 0, 1: 1}


class TestReactivation:
    """A person in red at 0 was last seen 2 seconds before the pose."""

    associate = Association(OKS, match_hungarian, 0.2, min_reactivation_appearance=0.6)

    def lost(self, **options: object) -> Tracks:
        return start_tracks(people_at(0, appearance=[RED], **options), seconds=8.0)  # type: ignore[arg-type]

    def test_by_appearance_within_reach(self) -> None:
        max_distance = SIZE * (1 + 2.0 * 2)  # two body sizes a second
        for position, expected in ((300, {0: 0}), (0.99 * max_distance, {0: 0}), (-1.01 * max_distance, {})):
            assert pairs(self.associate, self.lost(), people_at(position, appearance=[RED]), recent=False) == expected

    @pytest.mark.parametrize("scale", [0.45, 2.2])
    def test_not_at_another_size(self, scale: float) -> None:
        assert pairs(self.associate, self.lost(), people_at(0, appearance=[RED], scale=scale), recent=False) == {}
        assert pairs(self.associate, self.lost(), people_at(0, appearance=[RED], scale=1.9), recent=False) == {0: 0}

    def test_not_with_another_appearance(self) -> None:
        assert pairs(self.associate, self.lost(), people_at(0, appearance=[GREEN]), recent=False) == {}
        similar = [[0.9, 0.436, 0.0]]  # (0.9 - 0.65) / 0.35 = 0.71
        assert pairs(self.associate, self.lost(), people_at(0, appearance=similar), recent=False) == {0: 0}
        strict = replace(self.associate, min_reactivation_appearance=0.75)
        assert pairs(strict, self.lost(), people_at(0, appearance=similar), recent=False) == {}

    def test_not_without_features(self) -> None:
        assert pairs(self.associate, self.lost(), people_at(0), recent=False) == {}
        occluded = start_tracks(people_at(0, appearance=[RED], joint_score=0.1), seconds=8.0)
        assert pairs(self.associate, occluded, people_at(0, appearance=[RED]), recent=False) == {}

    def test_not_with_a_low_score_pose(self) -> None:
        associate = replace(self.associate, min_high_score=0.5, min_low_score_similarity=0.0)
        assert pairs(associate, self.lost(), people_at(0, appearance=[RED], score=0.4), recent=False) == {}

    def test_not_when_turned_off(self) -> None:
        off = replace(self.associate, min_reactivation_appearance=1.0)
        assert pairs(off, self.lost(), people_at(0, appearance=[RED]), recent=False) == {}

    def test_only_with_unmatched_tracks(self) -> None:
        """One person in red is always seen; the other returns."""
        tracks = self.lost() + replace(start_tracks(people_at(200, appearance=[RED]), seconds=9.9), ids=np.array([2]))
        poses = people_at(0, 210, appearance=[RED, RED])
        assert pairs(self.associate, tracks, poses, recent=[False, True]) == {0: 0, 1: 1}
        assert pairs(self.associate, tracks, poses[np.array([1])], recent=[False, True]) == {1: 0}

    def test_the_most_similar_of_several(self) -> None:
        tracks = start_tracks(people_at(0, 100, appearance=[GREEN, RED]), seconds=8.0)
        assert pairs(self.associate, tracks, people_at(50, 60, appearance=[RED, GREEN]), recent=False) == {0: 1, 1: 0}

    def test_a_recent_track_missed_for_a_while_is_not_taken_over_by_a_stranger(self) -> None:
        for seconds, expected in ((9.8, {0: 0}), (9.7, {})):  # the poses are at 10 s
            tracks = start_tracks(people_at(0, appearance=[RED]), seconds=seconds)
            assert pairs(self.associate, tracks, people_at(0, appearance=[GREEN])) == expected
            assert pairs(self.associate, tracks, people_at(0, appearance=[RED])) == {0: 0}
            assert pairs(self.associate, tracks, people_at(0)) == {0: 0}  # looks are unknown

    def test_a_recent_track_may_also_be_reactivated(self) -> None:
        assert pairs(self.associate, self.lost(), people_at(400, appearance=[RED])) == {0: 0}


def test_a_track_that_is_not_recent_is_not_matched_by_position() -> None:
    associate = Association(OKS, match_hungarian, 0.2, 0.5, 0.0)
    tracks, poses = start_tracks(people_at(0, 500)), people_at(0, 500, score=[0.9, 0.4])
    assert pairs(associate, tracks, poses, recent=False) == {}
    assert pairs(associate, tracks, poses, recent=[True, False]) == {0: 0}


class TestInTheLinker:
    def test_a_low_score_pose_continues_a_track_but_starts_none(self) -> None:
        high, low = people_at(0), people_at(0, score=0.2)
        with_low = build_linker(min_high_score=0.5, min_low_score_similarity=0.5, min_start_score=0.4, buffer_frames=0)
        assert assigned_ids(with_low, low, high, low, low, high) == [[0], [1], [1], [1], [1]]
        without = build_linker(min_high_score=0.5, min_low_score_similarity=1.0, min_start_score=0.4, buffer_frames=0)
        nearby = people_at(3, score=0.2)
        assert assigned_ids(without, nearby, high, nearby, nearby, high) == [[0], [1], [0], [0], [2]]

    @pytest.mark.parametrize(("reactivation_frames", "expected"), [(0, 2), (9, 2), (10, 1), (100, 1)])
    def test_reactivation_is_exact_to_the_frame(self, reactivation_frames: int, expected: int) -> None:
        tracker = build_linker(
            min_reactivation_appearance=0.6, buffer_frames=3, reactivation_seconds=longest_gap(reactivation_frames)
        )
        empty = [people_at()] * 10
        assert assigned_ids(tracker, people_at(0, appearance=[RED]), *empty, people_at(90, appearance=[RED]))[-1] == [
            expected
        ]

    def test_the_id_follows_the_appearance_wherever_people_went(self) -> None:
        tracker = build_linker(min_reactivation_appearance=0.6, buffer_frames=3, reactivation_seconds=5)
        two, empty = people_at(0, 1200, appearance=[RED, GREEN]), [people_at()] * 20
        swapped = people_at(700, 500, appearance=[GREEN, RED])
        assert assigned_ids(tracker, two, *empty, swapped)[-1] == [2, 1]
