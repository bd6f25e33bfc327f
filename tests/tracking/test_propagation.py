"""Following people by optical flow where the detector misses them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.synthetic_people import (
    StubFlow,
    StubWarp,
    blank_frames,
    build_linker,
    concatenate_poses,
    panning_flow,
    people_at,
    start_tracks,
)

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.pipeline.steps import unmatched_boxes
from pose_track.structures.frames import Poses
from pose_track.tracking.linker import PoseLinker
from pose_track.tracking.propagation import FlowEstimator, Propagation, warp_tracks


def followed(tracker: PoseLinker, *detected: Poses, joint_score: float = 0.8) -> list[list[tuple[str, int]]]:
    """(source, id) of all people in each frame. There is a person in each proposed box; joint_score: of its joints."""
    result = []
    for frame, poses in zip(blank_frames(len(detected)), detected, strict=True):
        proposed = unmatched_boxes(tracker.propose(frame), poses)
        centers = [(float(x), float(y)) for x, y in (proposed.boxes[:, :2] + proposed.boxes[:, 2:]) / 2]
        estimated = people_at(*centers, score=proposed.scores.tolist() or 0.9, joint_score=joint_score, source="flow")
        people = concatenate_poses(poses, estimated)
        ids = tracker.assign(people, frame).tolist()
        result.append(list(zip(people.sources.tolist(), ids, strict=True)))  # type: ignore[union-attr]
    return result


def following(max_frames: int = 3, flow: FlowEstimator | None = None, **options: object) -> PoseLinker:
    of_propagation = {
        name: options.pop(name) for name in ("min_detections", "min_score", "tentative_frames") if name in options
    }
    propagation = Propagation(max_frames, **of_propagation)  # type: ignore[arg-type]
    return build_linker(flow=flow or StubFlow(), propagation=propagation, **options)  # type: ignore[arg-type]


PRESENT, MISSING = people_at(0), people_at()
DETECTED, FLOW = [("detector", 1)], [("flow", 1)]


class TestBoxes:
    def test_the_extent_of_the_warped_joints_and_15_per_cent(self) -> None:
        tracks = warp_tracks(start_tracks(people_at(0, score=0.7)), StubWarp((30, -5)))
        boxes = Propagation(1, min_detections=1).boxes(tracks)
        expected = joints_to_boxes(people_at((30, -5)).joints, people_at(0).joint_scores, 0.2, grow=0.15)
        np.testing.assert_allclose(boxes.boxes, expected, atol=1e-3)
        np.testing.assert_allclose(boxes.scores, [0.7])
        assert boxes.sources is not None
        assert boxes.sources.tolist() == ["flow"]

    def test_only_of_joints_with_a_sufficient_score(self) -> None:
        poses = people_at(0)
        poses.joints[0, 0], poses.joint_scores[0, 0] = (900, 900), 0.39
        boxes = (
            Propagation(1, min_detections=1)
            .boxes(warp_tracks(start_tracks(poses), StubWarp((0, 0), confidence=0.5)))
            .boxes
        )
        assert boxes.max() < 200
        assert (
            len(
                Propagation(1, min_detections=1).boxes(
                    warp_tracks(start_tracks(poses), StubWarp((0, 0), confidence=0.2))
                )
            )
            == 0
        )

    def test_one_joint_makes_no_box(self) -> None:
        poses = people_at(0)
        poses.joint_scores[0, 1:] = 0
        assert len(Propagation(1, min_detections=1).boxes(start_tracks(poses))) == 0
        poses.joint_scores[0, 1] = 1
        assert len(Propagation(1, min_detections=1).boxes(start_tracks(poses))) == 1

    @pytest.mark.parametrize(
        "tracks", [start_tracks(MISSING), start_tracks(PRESENT).mark_missed()], ids=["no track", "missed"]
    )
    def test_no_track_to_follow(self, tracks: object) -> None:
        assert len(Propagation(3, min_detections=1).boxes(tracks)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_confidence_lowers_the_warped_scores(confidence: float) -> None:
    tracks = start_tracks(people_at(0, joint_score=0.8), warped_frames=2)
    for power in (1, 2):
        tracks = warp_tracks(tracks, StubWarp((1, 2), confidence))
        np.testing.assert_allclose(tracks.warped_scores[:, 0], np.full((1, 17), 0.8 * confidence**power), rtol=1e-6)
    np.testing.assert_array_equal(tracks.joint_scores, people_at(0, joint_score=0.8).joint_scores)  # not changed


def test_only_known_joints_are_warped() -> None:
    num_points: list[int] = []

    class CountingWarp(StubWarp):
        def warp(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            num_points.append(len(points))
            return super().warp(points)

    warp_tracks(start_tracks(people_at(0, 300), warped_frames=5), CountingWarp())
    assert num_points == [34]


class TestInTheLinker:
    def test_the_id_stays_where_the_detector_misses_a_person(self) -> None:
        tracker = following(flow=panning_flow(20))
        frames = [people_at(0), people_at(20), MISSING, MISSING, people_at(80)]
        assert followed(tracker, *frames) == [DETECTED, DETECTED, FLOW, FLOW, DETECTED]

    @pytest.mark.parametrize("max_frames", [0, 1, 2, 4])
    def test_propagation_ends_after_max_frames(self, max_frames: int) -> None:
        result = followed(following(max_frames), PRESENT, PRESENT, *[MISSING] * 6)
        assert result == [DETECTED, DETECTED, *[FLOW] * max_frames, *[[]] * (6 - max_frames)]

    def test_a_detection_restarts_the_count(self) -> None:
        frames = [PRESENT, PRESENT, MISSING, PRESENT, MISSING, MISSING, PRESENT]
        assert followed(following(1), *frames) == [DETECTED, DETECTED, FLOW, DETECTED, FLOW, [], DETECTED]

    def test_a_low_score_pose_ends_propagation(self) -> None:
        frames = [PRESENT, PRESENT, MISSING, MISSING]
        for score, third in ((0.31, FLOW), (0.29, [("flow", 0)])):
            result = followed(following(min_score=0.3), *frames, joint_score=score)
            assert result[2] == third
        assert result[3] == []

    def test_a_detected_low_score_pose_stays(self) -> None:
        low = people_at(0, joint_score=0.1)
        assert followed(following(min_score=0.3), PRESENT, PRESENT, low, low, PRESENT) == [DETECTED] * 5

    @pytest.mark.parametrize("min_detections", [1, 2, 3])
    def test_a_track_with_few_detections_is_not_followed(self, min_detections: int) -> None:
        for num_detections in (1, 2, 3):
            result = followed(following(min_detections=min_detections), *[PRESENT] * num_detections, MISSING)
            assert result[-1] == (FLOW if num_detections >= min_detections else [])

    @pytest.mark.parametrize("tentative_frames", [1, 2, 9])
    def test_a_track_with_few_detections_is_followed_until_the_detector_runs_again(self, tentative_frames: int) -> None:
        tracker = following(max_frames=4, min_detections=2, tentative_frames=tentative_frames)
        num_followed = min(tentative_frames, 4)
        assert followed(tracker, PRESENT, *[MISSING] * 6) == [
            DETECTED,
            *[FLOW] * num_followed,
            *[[]] * (6 - num_followed),
        ]
        tracker = following(max_frames=4, min_detections=2, tentative_frames=tentative_frames)
        assert followed(tracker, PRESENT, PRESENT, *[MISSING] * 6) == [DETECTED, DETECTED, *[FLOW] * 4, [], []]

    def test_poses_from_the_flow_do_not_count_as_detections(self) -> None:
        result = followed(
            following(max_frames=1, min_detections=2), PRESENT, PRESENT, MISSING, MISSING, people_at(5000), MISSING
        )
        assert result == [DETECTED, DETECTED, FLOW, [], [("detector", 2)], []]

    def test_a_detected_person_is_not_proposed(self) -> None:
        assert followed(following(), PRESENT, PRESENT, PRESENT) == [DETECTED] * 3

    def test_a_pose_from_the_flow_starts_no_track(self) -> None:
        poses = people_at(0, source="flow")
        tracker = build_linker()
        (frame,) = blank_frames(1)
        assert tracker.assign(poses, frame).tolist() == [0]

    def test_the_score_of_a_proposed_box_is_that_of_the_last_detection(self) -> None:
        tracker, proposed = following(max_frames=3), []
        detected = people_at(0, score=0.7)
        for frame, poses in zip(
            blank_frames(4), [detected, detected, people_at(0, score=0.2, source="flow"), MISSING], strict=True
        ):
            proposed.append([round(score, 3) for score in tracker.propose(frame).scores.tolist()])
            tracker.assign(poses, frame)
        assert proposed == [[], [], [0.7], [0.7]]

    def test_a_cut_ends_all_tracks(self) -> None:
        cut_at_2 = StubFlow(lambda index: StubWarp(is_cut=index == 2))
        assert followed(following(flow=cut_at_2), PRESENT, PRESENT, PRESENT) == [DETECTED, DETECTED, [("detector", 2)]]
        cut_at_2 = StubFlow(lambda index: StubWarp(is_cut=index == 2))
        with_features = replace(PRESENT, features=np.ones((1, 17, 2), np.float32))
        tracker = following(flow=cut_at_2, reactivation_seconds=9.9, min_reactivation_appearance=0.5)
        frames = with_features, with_features, MISSING, MISSING, PRESENT
        assert followed(tracker, *frames)[2:] == [[], [], [("detector", 2)]]

    @pytest.mark.parametrize(
        ("confidence", "change", "ends"),
        [(0.1, 0.3, True), (0.4, 0.9, True), (0.1, 0.01, False), (0.6, 0.9, False)],
    )
    def test_a_cut_to_a_similar_scene_ends_all_tracks(self, confidence: float, change: float, ends: bool) -> None:
        """The flow finds nobody again while the image changes."""
        flow = StubFlow(lambda i: StubWarp(confidence=confidence, change=change) if i == 2 else StubWarp())
        frames = followed(following(flow=flow), PRESENT, PRESENT, PRESENT)
        assert frames == [DETECTED, DETECTED, [("detector", 2 if ends else 1)]]

    def test_without_flow_no_boxes_are_proposed(self) -> None:
        tracker = build_linker(propagation=Propagation(5))
        assert followed(tracker, PRESENT, PRESENT, MISSING, PRESENT) == [DETECTED, DETECTED, [], DETECTED]

    def test_reset_resets_the_flow(self) -> None:
        tracker = following(flow=StubFlow(lambda index: StubWarp(is_cut=index == 2)))
        first = followed(tracker, PRESENT, PRESENT, PRESENT, MISSING)
        tracker.reset()
        assert followed(tracker, PRESENT, PRESENT, PRESENT, MISSING) == first
