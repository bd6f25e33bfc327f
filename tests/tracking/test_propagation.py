"""Following people by the flow where no detector finds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.made_people import StubFlow, StubStep, drifting, images, standing, together, tracker_of, tracks_of

from pose_track.geometry.boxes import joints_to_boxes
from pose_track.pipeline.track_video import missing_boxes
from pose_track.structures.frames import Poses
from pose_track.tracking.propagation import Flow, Propagation, warp
from pose_track.tracking.tracker import PoseTracker


def followed(tracker: PoseTracker, *detected: Poses, joint_score: float = 0.8) -> list[list[tuple[str, int]]]:
    """Source and id of everybody in each frame. In proposed boxes somebody is found indeed, of so sure joints."""
    found = []
    for frame, poses in zip(images(len(detected)), detected, strict=True):
        flow = missing_boxes(tracker.propose(frame), poses)
        middles = [(float(x), float(y)) for x, y in (flow.boxes[:, :2] + flow.boxes[:, 2:]) / 2]
        seen = standing(*middles, score=flow.scores.tolist() or 0.9, joint_score=joint_score, source="flow")
        everybody = together(poses, seen)
        ids = tracker.assign(everybody, frame).tolist()
        found.append(list(zip(everybody.sources.tolist(), ids, strict=True)))  # type: ignore[union-attr]
    return found


def following(max_frames: int = 3, flow: Flow | None = None, **more: object) -> PoseTracker:
    own = {name: more.pop(name) for name in ("min_seen", "min_score", "unsure_frames") if name in more}
    propagation = Propagation(max_frames, **own)  # type: ignore[arg-type]
    return tracker_of(flow=flow or StubFlow(), propagation=propagation, **more)  # type: ignore[arg-type]


HERE, AWAY = standing(0), standing()
SEEN, FLOW = [("detector", 1)], [("flow", 1)]


class TestBoxes:
    def test_the_extent_of_the_carried_joints_and_15_per_cent(self) -> None:
        tracks = warp(tracks_of(standing(0, score=0.7)), StubStep((30, -5)))
        found = Propagation(1, min_seen=1).boxes(tracks)
        expected = joints_to_boxes(standing((30, -5)).joints, standing(0).joint_scores, 0.2, grow=0.15)
        np.testing.assert_allclose(found.boxes, expected, atol=1e-3)
        np.testing.assert_allclose(found.scores, [0.7])
        assert found.sources is not None
        assert found.sources.tolist() == ["flow"]

    def test_only_of_joints_that_are_still_sure(self) -> None:
        poses = standing(0)
        poses.joints[0, 0], poses.joint_scores[0, 0] = (900, 900), 0.39
        boxes = Propagation(1, min_seen=1).boxes(warp(tracks_of(poses), StubStep((0, 0), trust=0.5))).boxes
        assert boxes.max() < 200
        assert len(Propagation(1, min_seen=1).boxes(warp(tracks_of(poses), StubStep((0, 0), trust=0.2)))) == 0

    def test_one_joint_makes_no_box(self) -> None:
        poses = standing(0)
        poses.joint_scores[0, 1:] = 0
        assert len(Propagation(1, min_seen=1).boxes(tracks_of(poses))) == 0
        poses.joint_scores[0, 1] = 1
        assert len(Propagation(1, min_seen=1).boxes(tracks_of(poses))) == 1

    @pytest.mark.parametrize("tracks", [tracks_of(AWAY), tracks_of(HERE).missed()], ids=["nobody", "missed"])
    def test_nobody_to_follow(self, tracks: object) -> None:
        assert len(Propagation(3, min_seen=1).boxes(tracks)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("trust", [0.0, 0.3, 1.0])
def test_trust_lowers_the_carried_scores(trust: float) -> None:
    tracks = tracks_of(standing(0, joint_score=0.8), num_carried=2)
    for power in (1, 2):
        tracks = warp(tracks, StubStep((1, 2), trust))
        np.testing.assert_allclose(tracks.warped_scores[:, 0], np.full((1, 17), 0.8 * trust**power), rtol=1e-6)
    np.testing.assert_array_equal(tracks.joint_scores, standing(0, joint_score=0.8).joint_scores)  # as seen


def test_only_what_there_is_is_carried() -> None:
    asked: list[int] = []

    class Step(StubStep):
        def move(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            asked.append(len(points))
            return super().move(points)

    warp(tracks_of(standing(0, 300), num_carried=5), Step())
    assert asked == [34]


class TestInTheTracker:
    def test_the_id_stays_where_the_detector_misses_somebody(self) -> None:
        tracker = following(flow=drifting(20))
        frames = [standing(0), standing(20), AWAY, AWAY, standing(80)]
        assert followed(tracker, *frames) == [SEEN, SEEN, FLOW, FLOW, SEEN]

    @pytest.mark.parametrize("max_frames", [0, 1, 2, 4])
    def test_the_chain_ends(self, max_frames: int) -> None:
        found = followed(following(max_frames), HERE, HERE, *[AWAY] * 6)
        assert found == [SEEN, SEEN, *[FLOW] * max_frames, *[[]] * (6 - max_frames)]

    def test_the_chain_starts_anew_once_somebody_is_detected(self) -> None:
        frames = [HERE, HERE, AWAY, HERE, AWAY, AWAY, HERE]
        assert followed(following(1), *frames) == [SEEN, SEEN, FLOW, SEEN, FLOW, [], SEEN]

    def test_a_poor_pose_ends_it(self) -> None:
        frames = [HERE, HERE, AWAY, AWAY]
        for score, third in ((0.31, FLOW), (0.29, [("flow", 0)])):
            found = followed(following(min_score=0.3), *frames, joint_score=score)
            assert found[2] == third
        assert found[3] == []

    def test_a_poor_pose_that_a_detector_found_stays(self) -> None:
        poor = standing(0, joint_score=0.1)
        assert followed(following(min_score=0.3), HERE, HERE, poor, poor, HERE) == [SEEN] * 5

    @pytest.mark.parametrize("min_seen", [1, 2, 3])
    def test_who_was_hardly_seen_is_not_followed(self, min_seen: int) -> None:
        for times in (1, 2, 3):
            found = followed(following(min_seen=min_seen), *[HERE] * times, AWAY)
            assert found[-1] == (FLOW if times >= min_seen else [])

    @pytest.mark.parametrize("unsure_frames", [1, 2, 9])
    def test_who_was_hardly_seen_is_followed_until_the_detector_looks_again(self, unsure_frames: int) -> None:
        tracker = following(max_frames=4, min_seen=2, unsure_frames=unsure_frames)
        num_followed = min(unsure_frames, 4)
        assert followed(tracker, HERE, *[AWAY] * 6) == [SEEN, *[FLOW] * num_followed, *[[]] * (6 - num_followed)]
        tracker = following(max_frames=4, min_seen=2, unsure_frames=unsure_frames)
        assert followed(tracker, HERE, HERE, *[AWAY] * 6) == [SEEN, SEEN, *[FLOW] * 4, [], []]

    def test_poses_from_the_flow_do_not_count_as_seen(self) -> None:
        found = followed(following(max_frames=1, min_seen=2), HERE, HERE, AWAY, AWAY, standing(5000), AWAY)
        assert found == [SEEN, SEEN, FLOW, [], [("detector", 2)], []]

    def test_who_is_found_anyway_is_not_proposed_twice(self) -> None:
        assert followed(following(), HERE, HERE, HERE) == [SEEN] * 3

    def test_a_pose_from_the_flow_starts_nobody(self) -> None:
        stranger = standing(0, source="flow")
        tracker = tracker_of()
        (frame,) = images(1)
        assert tracker.assign(stranger, frame).tolist() == [0]

    def test_only_a_detector_tells_how_sure_somebody_is(self) -> None:
        tracker, proposed = following(max_frames=3), []
        sure = standing(0, score=0.7)
        for frame, poses in zip(images(4), [sure, sure, standing(0, score=0.2, source="flow"), AWAY], strict=True):
            proposed.append([round(score, 3) for score in tracker.propose(frame).scores.tolist()])
            tracker.assign(poses, frame)
        assert proposed == [[], [], [0.7], [0.7]]

    def test_after_a_cut_everybody_is_new_and_nobody_is_followed(self) -> None:
        cut_at_2 = StubFlow(lambda index: StubStep(is_cut=index == 2))
        assert followed(following(flow=cut_at_2), HERE, HERE, HERE) == [SEEN, SEEN, [("detector", 2)]]
        cut_at_2 = StubFlow(lambda index: StubStep(is_cut=index == 2))
        appearance = replace(HERE, features=np.ones((1, 17, 2), np.float32))
        tracker = following(flow=cut_at_2, reentry_frames=99, min_reactivation_appearance=0.5)
        assert followed(tracker, appearance, appearance, AWAY, replace(AWAY, features=None), HERE)[2:] == [
            [], [], [("detector", 2)]
        ]  # fmt: skip

    def test_without_flow_nothing_is_proposed(self) -> None:
        tracker = tracker_of(propagation=Propagation(5))
        assert followed(tracker, HERE, HERE, AWAY, HERE) == [SEEN, SEEN, [], SEEN]

    def test_reset_resets_the_flow(self) -> None:
        tracker = following(flow=StubFlow(lambda index: StubStep(is_cut=index == 2)))
        first = followed(tracker, HERE, HERE, HERE, AWAY)
        tracker.reset()
        assert followed(tracker, HERE, HERE, HERE, AWAY) == first
