"""Each cue by itself, on people placed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.made_people import BLUE, GREEN, HEIGHT, RED, SIZE, WIDTH, StubStep, standing, tracks_of

from pose_track.geometry.oks import oks_matrix
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.cues import CUES, Scene, appearance_cue, flow_cue, iou_cue, motion_cue, oks_cue
from pose_track.tracking.propagation import warp
from pose_track.tracking.tracks import EXTRAPOLATION, Tracks


def scene(tracks: Tracks | Poses, poses: Poses, seconds: float = 0.1, sigma_scale: float = 3.0) -> Scene:
    return Scene(tracks if isinstance(tracks, Tracks) else tracks_of(tracks), poses, seconds, sigma_scale)


def all_pairs(name: str, given: Scene) -> np.ndarray:
    """(T, N) a cue of every pair."""
    shape = len(given.tracks), len(given.poses)
    rows, cols = (indices.ravel() for indices in np.indices(shape))
    return CUES[name](given, rows, cols).reshape(shape)


def oks_at(distance: float, sigma_scale: float = 3.0, area: float = SIZE**2) -> float:
    """Of a whole figure that moved so far."""
    return float(np.exp(-(distance**2) / (2 * area * (2 * sigma_scale * COCO_17.sigmas) ** 2)).mean())


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0), (3, 2)])
def test_one_number_a_pair(name: str, a: int, b: int) -> None:
    given = scene(standing(*range(a)), standing(*range(b)))
    assert all_pairs(name, given).shape == (a, b)
    assert len(CUES[name](given, np.zeros(0, np.int64), np.zeros(0, np.int64))) == 0


class TestOks:
    def test_of_the_pose_where_it_was(self) -> None:
        given = scene(standing(0, 500), standing((30, 40), 500))
        np.testing.assert_allclose(all_pairs("oks", given), [[oks_at(50), 0], [0, 1]], atol=1e-6)

    def test_widening(self) -> None:
        values = [all_pairs("oks", scene(standing(0), standing(50), sigma_scale=w)).item() for w in (1, 3)]
        np.testing.assert_allclose(values, [oks_at(50, 1), oks_at(50, 3)], rtol=1e-5)
        assert values[0] < 0.1
        assert values[1] > 0.5

    def test_the_larger_box_counts(self) -> None:
        small = replace(standing(10), boxes=standing(10, scale=0.5).boxes)
        for tracks, poses in ((standing(0), small), (replace(small, joints=standing(0).joints), standing(10))):
            assert all_pairs("oks", scene(tracks, poses)).item() == pytest.approx(oks_at(10), rel=1e-5)

    def test_who_is_half_hidden_keeps_the_size_for_a_while(self) -> None:
        small = replace(standing(0), boxes=standing(0, scale=0.5).boxes)
        tracks = tracks_of(standing(0)).seen(small, 1, 0.1)
        assert all_pairs("oks", scene(tracks, replace(small, joints=standing(10).joints))).item() == pytest.approx(
            oks_at(10, area=0.9 * SIZE**2), rel=1e-5
        )

    def test_only_joints_sure_in_both_count_and_without_any_it_tells_nothing(self) -> None:
        sure, wrong = standing(0), standing(0)
        wrong.joints[0, 9] += 1000
        wrong.joint_scores[0, 9] = 0.2
        assert all_pairs("oks", scene(sure, wrong)).item() == pytest.approx(1)
        assert all_pairs("oks", scene(wrong, sure)).item() == pytest.approx(1)
        wrong.joint_scores[0, 9] = 0.21
        assert all_pairs("oks", scene(sure, wrong)).item() == pytest.approx(16 / 17)
        assert np.isnan(all_pairs("oks", scene(sure, standing(0, joint_score=0.2)))).all()

    def test_as_the_matrix_of_all_pairs(self) -> None:
        rng = np.random.default_rng(1)
        a, b = standing(*rng.uniform(0, 90, 4)), standing(*rng.uniform(0, 90, 3))
        for poses in (a, b):
            poses.joint_scores[:] = rng.uniform(0, 1, poses.joint_scores.shape)
        areas = np.full(4, SIZE**2), np.full(3, SIZE**2)
        sides = [(p.joints, p.joint_scores, area) for p, area in zip((a, b), areas, strict=True)]
        expected = oks_matrix(*sides[0], *sides[1], 3 * COCO_17.sigmas, 0.2)
        np.testing.assert_allclose(all_pairs("oks", scene(a, b)), expected, atol=1e-5)


class TestFlow:
    def test_of_the_pose_carried_along(self) -> None:
        tracks = warp(tracks_of(standing(0)), StubStep((150, 0)))
        np.testing.assert_allclose(all_pairs("flow", scene(tracks, standing(0, 150))), [[oks_at(150), 1]], atol=1e-6)

    def test_the_best_of_the_last_frames(self) -> None:
        """Bent over in the last frame, upright before and now."""
        bent = standing(0)
        bent.joints[:, :8] += (60, 60)
        tracks = tracks_of(standing(0), num_carried=2).seen(bent, 1, 0.1)
        assert all_pairs("flow", scene(tracks, standing(0))).item() == pytest.approx(1)
        one = tracks_of(standing(0), num_carried=1).seen(bent, 1, 0.1)
        assert all_pairs("flow", scene(one, standing(0))).item() < 0.9

    def test_who_was_missed_is_carried_on_as_long_as_remembered(self) -> None:
        tracks = tracks_of(standing(0), num_carried=2)
        for index, expected in ((1, 1.0), (2, 1.0), (3, np.nan)):
            tracks = warp(tracks, StubStep((70, 0)))
            found = all_pairs("flow", scene(tracks, standing(70 * index))).item()
            assert found == pytest.approx(expected, nan_ok=True)
            tracks = tracks.missed()

    def test_joints_that_the_flow_lost_do_not_count(self) -> None:
        lost = warp(tracks_of(standing(0)), StubStep((5, 0), trust=0.2))
        assert np.isnan(all_pairs("flow", scene(lost, standing(5)))).all()


class TestMotion:
    def walking(self, unseen: float) -> tuple[Tracks, float]:
        """Somebody at 300 px a second, seen ten times a second until they were at 600; and now."""
        tracks = tracks_of(standing(0))
        for index in range(1, 21):
            tracks = tracks.seen(standing(30 * index), index, index / 10)
        return tracks, 2 + unseen

    def test_of_the_pose_where_it_should_be_by_now(self) -> None:
        tracks, now = self.walking(0.2)
        found = all_pairs("motion", scene(tracks, standing(600, 660), now))
        np.testing.assert_allclose(found, [[oks_at(60), 1]], atol=1e-2)

    def test_nobody_is_thought_to_go_straight_on_for_long(self) -> None:
        tracks, now = self.walking(5.0)
        end = 600 + 300 * EXTRAPOLATION
        assert all_pairs("motion", scene(tracks, standing(end), now)).item() == pytest.approx(1, abs=1e-2)

    def test_who_was_seen_once_is_expected_there(self) -> None:
        assert all_pairs("motion", scene(standing(0), standing(0), 0.3)).item() == pytest.approx(1)

    def test_a_raised_arm_is_no_step(self) -> None:
        """The box grows to the right, the joints stay: nobody goes anywhere."""
        tracks = tracks_of(standing(0))
        for index in range(1, 6):
            grown = replace(standing(0), boxes=standing(0).boxes + np.float32([0, 0, 40 * index, 0]))
            tracks = tracks.seen(grown, index, index / 10)
        np.testing.assert_allclose(tracks.expected_move(1.0), [[0, 0]], atol=1e-3)

    def test_boxes_alone_tell_how_far_somebody_went(self) -> None:
        tracks = tracks_of(standing(0, joint_score=0))
        for index in range(1, 21):
            tracks = tracks.seen(standing(30 * index, joint_score=0), index, index / 10)
        np.testing.assert_allclose(tracks.expected_move(2.1), [[30, 0]], atol=0.5)


def test_iou_of_the_boxes() -> None:
    given = scene(standing(0, 1000), standing(WIDTH / 2, (0, HEIGHT)))
    np.testing.assert_allclose(all_pairs("iou", given), [[1 / 3, 0], [0, 0]], atol=1e-6)
    empty = replace(standing(0), boxes=np.zeros((1, 4), np.float32))
    assert all_pairs("iou", scene(empty, empty)).item() == 0


class TestAppearance:
    def test_by_the_looks_wherever_they_are(self) -> None:
        given = scene(standing(0, 900, appearance=[RED, GREEN]), standing(900, 0, 0, appearance=[RED, GREEN, BLUE]))
        np.testing.assert_allclose(all_pairs("appearance", given), [[1, 0, 0], [0, 1, 0]], atol=1e-6)

    def test_who_was_never_looked_at_is_unknown(self) -> None:
        seen, unseen = standing(0, appearance=[RED]), standing(0)
        assert np.isnan(all_pairs("appearance", scene(seen, unseen))).all()
        hidden = standing(0, appearance=[RED], joint_score=0.1)
        assert np.isnan(all_pairs("appearance", scene(seen, hidden))).all()
        assert np.isnan(all_pairs("appearance", scene(hidden, seen))).all()


def test_cues_by_name() -> None:
    assert list(CUES.values()) == [oks_cue, flow_cue, motion_cue, iou_cue, appearance_cue]
