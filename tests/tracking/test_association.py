"""The rounds in which tracks and poses are paired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tracking.made_people import GREEN, RED, SIZE, WIDTH, ids_in, standing, together, tracker_of, tracks_of

from pose_track.structures.frames import Poses
from pose_track.tracking.association import Association
from pose_track.tracking.matching import match_hungarian
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

OKS = Similarity({"oks": 1.0})


def pairs(associate: Association, tracks: Tracks, poses: Poses, recent: bool | list[bool] = True) -> dict[int, int]:
    """Which track goes on as which pose."""
    is_recent = np.array(np.broadcast_to(recent, len(tracks)))
    rows, cols = associate(tracks, poses, 10.0, is_recent)
    assert len(set(cols.tolist())) == len(cols)
    found = dict(zip(rows.tolist(), cols.tolist(), strict=True))
    assert len(found) == len(rows)
    return found


def by_rule(similarity: list[list[float]]) -> Callable[..., np.ndarray]:
    """In place of a `Similarity`."""
    return lambda tracks, poses, seconds: np.array(similarity)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0)])
def test_nobody(a: int, b: int) -> None:
    associate = Association(OKS, match_hungarian, 0.2, 0.5, 0.5, 0.5)
    assert pairs(associate, tracks_of(standing(*range(a))), standing(*range(b), appearance=[RED] * b)) == {}


class TestSureFirst:
    def test_an_unsure_pose_takes_nobody_from_a_sure_one(self) -> None:
        tracks, poses = tracks_of(standing(0)), standing(40, 0, score=[0.9, 0.4])
        assert pairs(Association(OKS, match_hungarian, 0.2), tracks, poses) == {0: 1}
        assert pairs(Association(OKS, match_hungarian, 0.2, min_high_score=0.5), tracks, poses) == {0: 0}

    def test_a_score_just_as_high_is_sure(self) -> None:
        associate = Association(OKS, match_hungarian, 0.2, min_high_score=0.5, min_low_score_similarity=1.0)
        assert pairs(associate, tracks_of(standing(0)), standing(5, score=0.5)) == {0: 0}
        assert pairs(associate, tracks_of(standing(0)), standing(5, score=0.49)) == {}

    @pytest.mark.parametrize(("least", "expected"), [(0.4, {0: 0, 1: 1}), (0.6, {0: 0}), (0.0, {0: 0, 1: 1})])
    def test_unsure_ones_must_be_so_similar(self, least: float, expected: dict[int, int]) -> None:
        associate = Association(by_rule([[0.3, 0.0], [0.0, 0.5]]), match_hungarian, 0.2, 0.5, least)  # type: ignore[arg-type]
        assert pairs(associate, tracks_of(standing(0, 900)), standing(0, 900, score=[0.9, 0.1])) == expected

    def test_unsure_ones_must_be_as_similar_as_anybody(self) -> None:
        associate = Association(by_rule([[0.3]]), match_hungarian, 0.4, 0.5, 0.1)  # type: ignore[arg-type]
        assert pairs(associate, tracks_of(standing(0)), standing(0, score=0.1)) == {}

    def test_who_has_a_sure_pose_is_not_continued_twice(self) -> None:
        associate = Association(by_rule([[0.9, 0.9]]), match_hungarian, 0.2, 0.5, 0.5)  # type: ignore[arg-type]
        assert pairs(associate, tracks_of(standing(0)), standing(0, 900, score=[0.9, 0.4])) == {0: 0}


class TestDoubles:
    associate = Association(OKS, match_hungarian, 0.2, min_high_score=0.5, min_low_score_similarity=0.1)

    def test_an_unsure_double_of_somebody_sure_takes_nobody_else(self) -> None:
        """Two people side by side; the right one is hidden now, and the left one found twice."""
        tracks = tracks_of(standing(0, WIDTH / 2))
        poses = standing(0, 10, score=[0.9, 0.4])
        assert pairs(self.associate, tracks, poses) == {0: 0}
        assert pairs(replace(self.associate, min_high_score=0.0), tracks, poses) == {0: 0, 1: 1}

    def test_an_unsure_person_elsewhere_is_no_double(self) -> None:
        assert pairs(self.associate, tracks_of(standing(0, 110)), standing(0, 110, score=[0.9, 0.4])) == {0: 0, 1: 1}

    def test_where_all_are_unsure_nobody_is_a_double(self) -> None:
        assert pairs(self.associate, tracks_of(standing(0, 40)), standing(0, 40, score=0.4)) == {0: 0, 1: 1}

    def test_of_unsure_joints_nothing_is_known(self) -> None:
        poses = together(standing(0), standing(10, score=0.4, joint_score=0.1))
        assert pairs(self.associate, tracks_of(standing(0, WIDTH / 2)), poses) == {0: 0, 1: 1}


class TestReentry:
    """Somebody in red at 0 was seen last 2 seconds before the pose."""

    associate = Association(OKS, match_hungarian, 0.2, min_reactivation_appearance=0.6)

    def lost(self, **more: object) -> Tracks:
        return tracks_of(standing(0, appearance=[RED], **more), seconds=8.0)  # type: ignore[arg-type]

    def test_by_looks_within_reach(self) -> None:
        reach = SIZE * (1 + 2.0 * 2)  # two body sizes a second
        for place, expected in ((300, {0: 0}), (0.99 * reach, {0: 0}), (-1.01 * reach, {})):
            assert pairs(self.associate, self.lost(), standing(place, appearance=[RED]), recent=False) == expected

    @pytest.mark.parametrize("scale", [0.45, 2.2])
    def test_nobody_of_another_size(self, scale: float) -> None:
        assert pairs(self.associate, self.lost(), standing(0, appearance=[RED], scale=scale), recent=False) == {}
        assert pairs(self.associate, self.lost(), standing(0, appearance=[RED], scale=1.9), recent=False) == {0: 0}

    def test_nobody_who_looks_different(self) -> None:
        assert pairs(self.associate, self.lost(), standing(0, appearance=[GREEN]), recent=False) == {}
        similar = [[0.9, 0.436, 0.0]]  # (0.9 - 0.65) / 0.35 = 0.71
        assert pairs(self.associate, self.lost(), standing(0, appearance=similar), recent=False) == {0: 0}
        strict = replace(self.associate, min_reactivation_appearance=0.75)
        assert pairs(strict, self.lost(), standing(0, appearance=similar), recent=False) == {}

    def test_nobody_without_looks(self) -> None:
        assert pairs(self.associate, self.lost(), standing(0), recent=False) == {}
        hidden = tracks_of(standing(0, appearance=[RED], joint_score=0.1), seconds=8.0)
        assert pairs(self.associate, hidden, standing(0, appearance=[RED]), recent=False) == {}

    def test_nobody_unsure(self) -> None:
        associate = replace(self.associate, min_high_score=0.5, min_low_score_similarity=0.0)
        assert pairs(associate, self.lost(), standing(0, appearance=[RED], score=0.4), recent=False) == {}

    def test_not_where_it_is_switched_off(self) -> None:
        off = replace(self.associate, min_reactivation_appearance=1.0)
        assert pairs(off, self.lost(), standing(0, appearance=[RED]), recent=False) == {}

    def test_only_with_who_is_left(self) -> None:
        """One in red is seen all the time; the other comes back."""
        tracks = self.lost() + replace(tracks_of(standing(200, appearance=[RED]), seconds=9.9), ids=np.array([2]))
        poses = standing(0, 210, appearance=[RED, RED])
        assert pairs(self.associate, tracks, poses, recent=[False, True]) == {0: 0, 1: 1}
        assert pairs(self.associate, tracks, poses[np.array([1])], recent=[False, True]) == {1: 0}

    def test_the_most_alike_of_several(self) -> None:
        tracks = tracks_of(standing(0, 100, appearance=[GREEN, RED]), seconds=8.0)
        assert pairs(self.associate, tracks, standing(50, 60, appearance=[RED, GREEN]), recent=False) == {0: 1, 1: 0}

    def test_who_was_seen_lately_may_also_come_back_elsewhere(self) -> None:
        assert pairs(self.associate, self.lost(), standing(400, appearance=[RED])) == {0: 0}


def test_who_is_not_recent_is_not_taken_by_place() -> None:
    associate = Association(OKS, match_hungarian, 0.2, 0.5, 0.0)
    tracks, poses = tracks_of(standing(0, 500)), standing(0, 500, score=[0.9, 0.4])
    assert pairs(associate, tracks, poses, recent=False) == {}
    assert pairs(associate, tracks, poses, recent=[True, False]) == {0: 0}


class TestInTheTracker:
    def test_an_unsure_pose_continues_somebody_but_starts_nobody(self) -> None:
        sure, unsure = standing(0), standing(0, score=0.2)
        with_unsure = tracker_of(min_high_score=0.5, min_low_score_similarity=0.5, min_start_score=0.4, buffer_frames=0)
        assert ids_in(with_unsure, unsure, sure, unsure, unsure, sure) == [[0], [1], [1], [1], [1]]
        without = tracker_of(min_high_score=0.5, min_low_score_similarity=1.0, min_start_score=0.4, buffer_frames=0)
        nearby = standing(3, score=0.2)
        assert ids_in(without, nearby, sure, nearby, nearby, sure) == [[0], [1], [0], [0], [2]]

    @pytest.mark.parametrize(("reentry_frames", "expected"), [(0, 2), (9, 2), (10, 1), (100, 1)])
    def test_reentry_is_exact_to_the_frame(self, reentry_frames: int, expected: int) -> None:
        tracker = tracker_of(min_reactivation_appearance=0.6, buffer_frames=3, reentry_frames=reentry_frames)
        away = [standing()] * 10
        assert ids_in(tracker, standing(0, appearance=[RED]), *away, standing(90, appearance=[RED]))[-1] == [expected]

    def test_who_looks_alike_keeps_the_id_wherever_they_went(self) -> None:
        tracker = tracker_of(min_reactivation_appearance=0.6, buffer_frames=3, reentry_frames=50)
        two, away = standing(0, 1200, appearance=[RED, GREEN]), [standing()] * 20
        swapped = standing(700, 500, appearance=[GREEN, RED])
        assert ids_in(tracker, two, *away, swapped)[-1] == [2, 1]
