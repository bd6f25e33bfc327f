"""Each cue by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.synthetic_people import BLUE, GREEN, HEIGHT, RED, SIZE, WIDTH, StubWarp, people_at, start_tracks

from pose_track.geometry.oks import oks_matrix
from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.cues import CUES, CueContext, appearance_cue, flow_cue, iou_cue, motion_cue, oks_cue
from pose_track.tracking.propagation import warp_tracks
from pose_track.tracking.tracks import MAX_EXTRAPOLATION, Tracks


def context(tracks: Tracks | Poses, poses: Poses, seconds: float = 0.1, sigma_scale: float = 3.0) -> CueContext:
    return CueContext(tracks if isinstance(tracks, Tracks) else start_tracks(tracks), poses, seconds, sigma_scale)


def all_pairs(name: str, inputs: CueContext) -> np.ndarray:
    """(T, N) a cue for all pairs."""
    shape = len(inputs.tracks), len(inputs.poses)
    rows, cols = (indices.ravel() for indices in np.indices(shape))
    return CUES[name](inputs, rows, cols).reshape(shape)


def oks_at(distance: float, sigma_scale: float = 3.0, area: float = SIZE**2) -> float:
    """OKS of a person whose joints all moved by this distance."""
    return float(np.exp(-(distance**2) / (2 * area * (2 * sigma_scale * COCO_17.sigmas) ** 2)).mean())


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 2), (3, 0), (3, 2)])
def test_one_value_a_pair(name: str, a: int, b: int) -> None:
    inputs = context(people_at(*range(a)), people_at(*range(b)))
    assert all_pairs(name, inputs).shape == (a, b)
    assert len(CUES[name](inputs, np.zeros(0, np.int64), np.zeros(0, np.int64))) == 0


class TestOks:
    def test_of_the_last_pose(self) -> None:
        inputs = context(people_at(0, 500), people_at((30, 40), 500))
        np.testing.assert_allclose(all_pairs("oks", inputs), [[oks_at(50), 0], [0, 1]], atol=1e-6)

    def test_sigma_scale(self) -> None:
        values = [all_pairs("oks", context(people_at(0), people_at(50), sigma_scale=scale)).item() for scale in (1, 3)]
        np.testing.assert_allclose(values, [oks_at(50, 1), oks_at(50, 3)], rtol=1e-5)
        assert values[0] < 0.1
        assert values[1] > 0.5

    def test_the_larger_box_counts(self) -> None:
        small = replace(people_at(10), boxes=people_at(10, scale=0.5).boxes)
        for tracks, poses in ((people_at(0), small), (replace(small, joints=people_at(0).joints), people_at(10))):
            assert all_pairs("oks", context(tracks, poses)).item() == pytest.approx(oks_at(10), rel=1e-5)

    def test_the_area_of_an_occluded_person_decays_slowly(self) -> None:
        small = replace(people_at(0), boxes=people_at(0, scale=0.5).boxes)
        tracks = start_tracks(people_at(0)).update(small, 0.1)
        assert all_pairs("oks", context(tracks, replace(small, joints=people_at(10).joints))).item() == pytest.approx(
            oks_at(10, area=0.9 * SIZE**2), rel=1e-5
        )

    def test_only_common_joints_count_and_without_any_it_is_unknown(self) -> None:
        correct, wrong = people_at(0), people_at(0)
        wrong.joints[0, 9] += 1000
        wrong.joint_scores[0, 9] = 0.2
        assert all_pairs("oks", context(correct, wrong)).item() == pytest.approx(1)
        assert all_pairs("oks", context(wrong, correct)).item() == pytest.approx(1)
        wrong.joint_scores[0, 9] = 0.21
        assert all_pairs("oks", context(correct, wrong)).item() == pytest.approx(16 / 17)
        assert np.isnan(all_pairs("oks", context(correct, people_at(0, joint_score=0.2)))).all()

    def test_equals_the_oks_matrix(self) -> None:
        rng = np.random.default_rng(1)
        a, b = people_at(*rng.uniform(0, 90, 4)), people_at(*rng.uniform(0, 90, 3))
        for poses in (a, b):
            poses.joint_scores[:] = rng.uniform(0, 1, poses.joint_scores.shape)
        areas = np.full(4, SIZE**2), np.full(3, SIZE**2)
        sides = [(p.joints, p.joint_scores, area) for p, area in zip((a, b), areas, strict=True)]
        expected = oks_matrix(*sides[0], *sides[1], 3 * COCO_17.sigmas, 0.2)
        np.testing.assert_allclose(all_pairs("oks", context(a, b)), expected, atol=1e-5)


class TestFlow:
    def test_of_the_warped_pose(self) -> None:
        tracks = warp_tracks(start_tracks(people_at(0)), StubWarp((150, 0)))
        np.testing.assert_allclose(all_pairs("flow", context(tracks, people_at(0, 150))), [[oks_at(150), 1]], atol=1e-6)

    def test_the_highest_of_the_last_frames(self) -> None:
        """Bent over in the last frame, upright before it and now."""
        bent = people_at(0)
        bent.joints[:, :8] += (60, 60)
        tracks = start_tracks(people_at(0), warped_frames=2).update(bent, 0.1)
        assert all_pairs("flow", context(tracks, people_at(0))).item() == pytest.approx(1)
        one = start_tracks(people_at(0), warped_frames=1).update(bent, 0.1)
        assert all_pairs("flow", context(one, people_at(0))).item() < 0.9

    def test_a_missed_pose_is_warped_while_it_is_in_the_history(self) -> None:
        tracks = start_tracks(people_at(0), warped_frames=2)
        for index, expected in ((1, 1.0), (2, 1.0), (3, np.nan)):
            tracks = warp_tracks(tracks, StubWarp((70, 0)))
            values = all_pairs("flow", context(tracks, people_at(70 * index))).item()
            assert values == pytest.approx(expected, nan_ok=True)
            tracks = tracks.mark_missed()

    def test_joints_with_low_flow_confidence_do_not_count(self) -> None:
        lost = warp_tracks(start_tracks(people_at(0)), StubWarp((5, 0), confidence=0.2))
        assert np.isnan(all_pairs("flow", context(lost, people_at(5)))).all()


class TestMotion:
    def walking(self, missed_seconds: float) -> tuple[Tracks, float]:
        """A person at 300 px a second, last seen at x = 600, and the time now."""
        tracks = start_tracks(people_at(0))
        for index in range(1, 21):
            tracks = tracks.update(people_at(30 * index), index / 10)
        return tracks, 2 + missed_seconds

    def test_of_the_pose_at_the_predicted_position(self) -> None:
        tracks, now = self.walking(0.2)
        values = all_pairs("motion", context(tracks, people_at(600, 660), now))
        np.testing.assert_allclose(values, [[oks_at(60), 1]], atol=1e-2)

    def test_extrapolation_is_limited(self) -> None:
        tracks, now = self.walking(5.0)
        end = 600 + 300 * MAX_EXTRAPOLATION
        assert all_pairs("motion", context(tracks, people_at(end), now)).item() == pytest.approx(1, abs=1e-2)

    def test_a_new_track_is_predicted_at_its_position(self) -> None:
        assert all_pairs("motion", context(people_at(0), people_at(0), 0.3)).item() == pytest.approx(1)

    def test_a_growing_box_is_no_motion(self) -> None:
        """The box grows to the right, as for a raised arm; the joints stay."""
        tracks = start_tracks(people_at(0))
        for index in range(1, 6):
            grown = replace(people_at(0), boxes=people_at(0).boxes + np.float32([0, 0, 40 * index, 0]))
            tracks = tracks.update(grown, index / 10)
        np.testing.assert_allclose(tracks.predicted_displacement(1.0), [[0, 0]], atol=1e-3)

    def test_without_joints_the_box_gives_the_motion(self) -> None:
        tracks = start_tracks(people_at(0, joint_score=0))
        for index in range(1, 21):
            tracks = tracks.update(people_at(30 * index, joint_score=0), index / 10)
        np.testing.assert_allclose(tracks.predicted_displacement(2.1), [[30, 0]], atol=0.5)


def test_iou_of_the_boxes() -> None:
    inputs = context(people_at(0, 1000), people_at(WIDTH / 2, (0, HEIGHT)))
    np.testing.assert_allclose(all_pairs("iou", inputs), [[1 / 3, 0], [0, 0]], atol=1e-6)
    empty = replace(people_at(0), boxes=np.zeros((1, 4), np.float32))
    assert all_pairs("iou", context(empty, empty)).item() == 0


class TestAppearance:
    def test_independent_of_position(self) -> None:
        inputs = context(
            people_at(0, 900, appearance=[RED, GREEN]), people_at(900, 0, 0, appearance=[RED, GREEN, BLUE])
        )
        np.testing.assert_allclose(all_pairs("appearance", inputs), [[1, 0, 0], [0, 1, 0]], atol=1e-6)

    def test_unknown_without_features_or_joints(self) -> None:
        with_features, without = people_at(0, appearance=[RED]), people_at(0)
        assert np.isnan(all_pairs("appearance", context(with_features, without))).all()
        occluded = people_at(0, appearance=[RED], joint_score=0.1)
        assert np.isnan(all_pairs("appearance", context(with_features, occluded))).all()
        assert np.isnan(all_pairs("appearance", context(occluded, with_features))).all()


def test_cues_by_name() -> None:
    assert list(CUES.values()) == [oks_cue, flow_cue, motion_cue, iou_cue, appearance_cue]
