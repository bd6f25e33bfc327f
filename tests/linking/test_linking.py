"""Linking poses: properties of the presets, and of trackers with any settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.synthetic_people import (
    FPS,
    StubFlow,
    StubWarp,
    are_equal_poses,
    blank_frames,
    concatenate_poses,
    frame_times,
    panning_flow,
    people_at,
    random_video,
)

from pose_track.build.tracker import build_tracker
from pose_track.config.load import configs_folder, load_settings, track_preset_path
from pose_track.config.settings import TRACK_PRESETS
from pose_track.config.tracker import CueWeights, FlowSettings, LinkSettings, TrackerSettings
from pose_track.limbs.online import reorder_joints
from pose_track.linking.poses import link_poses
from pose_track.pipeline.track_video import track_video
from pose_track.structures.arrays import ImageArray, IntArray
from pose_track.structures.frames import Detections, Frame, Poses, TrackedPoses
from pose_track.tracking.linker import FrameTime

repeatable = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
PRESETS = {name: load_settings(LinkSettings, track_preset_path(name)).tracker for name in TRACK_PRESETS}
every_preset = pytest.mark.parametrize("tracker", PRESETS.values(), ids=PRESETS)

some_shares, some_weights = st.sampled_from([0.0, 0.0, 0.3, 0.8]), st.sampled_from([0.0, 0.5, 2.0])
five_weights = st.tuples(*[some_weights] * 5).filter(any)


def _cue_weights(values: tuple[float, ...]) -> CueWeights:
    return CueWeights(**dict(zip(CueWeights.model_fields, values, strict=True)))


any_tracker = st.builds(
    TrackerSettings,
    weights=five_weights.map(_cue_weights),
    sigma_scale=st.sampled_from([0.5, 1.0, 3.0]),
    matching=st.sampled_from(["greedy", "hungarian"]),
    min_similarity=some_shares,
    min_high_score=st.sampled_from([0.0, 0.5]),
    min_low_score_similarity=some_shares,
    min_start_score=st.sampled_from([0.0, 0.3]),
    buffer_seconds=st.sampled_from([0.0, 0.1, 0.4]),
    reactivation_seconds=st.sampled_from([0.0, 2.0]),
    min_reactivation_appearance=st.sampled_from([0.0, 0.6, 1.0]),
    min_confirm_frames=st.integers(1, 4),
    flow=st.builds(
        FlowSettings,
        method=st.just("dis"),
        warped_frames=st.integers(1, 3),
        max_frames=st.integers(0, 2),
        min_score=st.sampled_from([0.0, 0.5]),
    ),
)


def link(frames: list[Poses], tracker: TrackerSettings) -> list[IntArray]:
    return list(link_poses(zip(frame_times(len(frames)), frames, strict=True), tracker, FPS))


class ScriptedStages:
    """Stages that return given poses, and a person in every box that the tracker proposes."""

    def __init__(self, video: list[Poses]) -> None:
        self.video, self.results, self.num_estimated = video, list[Poses](), 0

    def detect(self, frame: Frame) -> Detections:
        poses = self.video[frame.index]
        return Detections(poses.boxes, poses.scores)

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        return [self.estimate(boxes) for boxes in detections]

    def estimate(self, boxes: Detections) -> Poses:
        assert boxes.sources is not None
        if not (boxes.sources == "flow").any():
            self.num_estimated += 1
            return self.video[self.num_estimated - 1]
        centers = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
        poses = people_at(*map(tuple, centers.tolist()), score=0.6, joint_score=0.4, source="flow")
        features = self.video[0].features
        if features is None:
            return poses
        return replace(poses, features=np.ones((len(poses), *features.shape[1:]), np.float32))

    def suppress_duplicates(self, poses: Poses) -> Poses:
        self.results.append(poses)
        return poses

    def run(self, tracker: TrackerSettings) -> list[TrackedPoses]:
        """Track the video, with a panning camera and a cut in the middle."""
        flow = StubFlow(lambda index: StubWarp((10.0, 0.0), 0.9, is_cut=index == 5))
        with mock.patch("pose_track.build.tracker._build_flow", return_value=flow):
            linker = build_tracker(tracker, FPS, has_images=True)
        frames = blank_frames(len(self.video))
        results = list(track_video(frames, self.detect, self, linker))
        assert [frame for frame, _ in results] == frames
        assert [t.frame_index for _, t in results] == [frame.index for frame in frames]
        return [tracked for _, tracked in results]


def assert_valid_ids(video: list[Poses], linked: list[IntArray]) -> None:
    """Lengths, uniqueness and numbering of ids."""
    assert [len(ids) for ids in linked] == [len(poses) for poses in video]
    highest = 0
    for ids in linked:
        assigned = ids[ids != 0].tolist()
        assert len(set(assigned)) == len(assigned)
        new = sorted(i for i in assigned if i > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)
        assert min(assigned, default=1) >= 1


def without_sides(poses: Poses) -> Poses:
    """The poses with the left joint of each pair further left in the image."""
    order = np.tile(np.arange(poses.skeleton.num_joints), (len(poses), 1))
    for left, right in poses.skeleton.twins:
        is_right = poses.joints[:, left, 0] > poses.joints[:, right, 0]
        order[is_right, left], order[is_right, right] = right, left
    return reorder_joints(poses, order)


def assert_each_once_and_unchanged(estimated: list[Poses], tracked: list[TrackedPoses]) -> None:
    """Unchanged except for exchanges of left and right."""
    for poses, output in zip(map(without_sides, estimated), tracked, strict=True):
        remaining = list(range(len(poses)))
        for number in range(len(output)):
            pose = without_sides(output.poses[np.array([number])])
            remaining.remove(next(i for i in remaining if are_equal_poses(poses[np.array([i])], pose)))


@every_preset
@given(seed=seeds, channels=st.sampled_from([0, 3]))
@repeatable
def test_presets_keep_every_pose_once_and_unchanged_with_a_unique_id(
    tracker: TrackerSettings, seed: int, channels: int
) -> None:
    stages = ScriptedStages(random_video(seed, channels=channels))
    tracked = stages.run(tracker)
    assert_each_once_and_unchanged(stages.results, tracked)
    assert_valid_ids(stages.video, link(stages.video, tracker))


@given(any_tracker, seeds, st.sampled_from([0, 3]))
@repeatable
def test_any_settings_keep_every_pose_once_and_unchanged_with_a_unique_id(
    tracker: TrackerSettings, seed: int, channels: int
) -> None:
    stages = ScriptedStages(random_video(seed, channels=channels))
    tracked = stages.run(tracker)
    assert_each_once_and_unchanged(stages.results, tracked)
    highest = 0
    for frame in tracked:
        new = sorted(i for i in frame.track_ids.tolist() if i > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)
    assert_valid_ids(stages.video, link(stages.video, tracker))


def ids_by_person(frames: list[Poses], linked: list[IntArray]) -> list[list[tuple[bytes, int]]]:
    """(joints and box, track id) of all people of each frame, sorted."""
    return [
        sorted(
            (poses.joints[i].tobytes() + poses.boxes[i].tobytes(), track_id) for i, track_id in enumerate(ids.tolist())
        )
        for poses, ids in zip(frames, linked, strict=True)
    ]


def shuffled(frames: list[Poses], seed: int) -> list[Poses]:
    rng = np.random.default_rng(seed)
    return [poses[rng.permutation(len(poses))] for poses in frames]


@every_preset
@given(seed=seeds)
@repeatable
def test_ids_of_presets_do_not_depend_on_the_order_of_people(tracker: TrackerSettings, seed: int) -> None:
    frames = random_video(seed)
    others = shuffled(frames, seed)
    assert ids_by_person(frames, link(frames, tracker)) == ids_by_person(others, link(others, tracker))


@given(any_tracker, seeds)
@repeatable
def test_ids_of_any_settings_do_not_depend_on_the_order_of_people(tracker: TrackerSettings, seed: int) -> None:
    frames = random_video(seed, channels=2)
    others = shuffled(frames, seed)
    assert ids_by_person(frames, link(frames, tracker)) == ids_by_person(others, link(others, tracker))


@every_preset
def test_a_reset_tracker_repeats_its_result(tracker: TrackerSettings) -> None:
    linker, video = build_tracker(tracker, FPS), random_video(4, num_frames=20)

    def run() -> list[list[int]]:
        return [linker.assign(poses, time).tolist() for time, poses in zip(frame_times(20), video, strict=True)]

    first = run()
    linker.reset()
    assert run() == first
    assert max(map(len, first)) > 1


@every_preset
@pytest.mark.parametrize("video", [[], [people_at()], [people_at()] * 5], ids=["no frames", "one", "five"])
def test_no_people(tracker: TrackerSettings, video: list[Poses]) -> None:
    assert [ids.tolist() for ids in link(video, tracker)] == [[]] * len(video)


@every_preset
def test_people_walking_past_each_other_keep_their_ids(tracker: TrackerSettings) -> None:
    video = [people_at((12 * i, 0), (600 - 12 * i, 130), (300, -400)) for i in range(50)]
    ids_of_frames = [ids.tolist() for ids in link(video, tracker)]
    assert ids_of_frames == [ids_of_frames[0]] * 50
    assert sorted(ids_of_frames[0]) == [1, 2, 3]


@every_preset
def test_the_number_of_tracks_is_bounded(tracker: TrackerSettings) -> None:
    linker = build_tracker(tracker, FPS)
    max_tracks = 3 * (2 + float(FPS) * max(tracker.buffer_seconds, tracker.reactivation_seconds))
    for time in frame_times(300):
        x = 2000 * time.index
        linker.assign(people_at(x, x + 500, x + 1000), time)
        assert linker._tracks is not None
        assert len(linker._tracks) <= max_tracks


@every_preset
def test_results_come_late_by_the_frames_until_confirmation(tracker: TrackerSettings) -> None:
    for delay in (0, 3):
        consumed: list[int] = []

        def frames(consumed: list[int] = consumed) -> Iterator[tuple[FrameTime, Poses]]:
            for time in frame_times(8):
                consumed.append(time.index)
                yield time, people_at(0)

        settings = tracker.model_copy(update={"min_confirm_frames": delay + 1})
        for index, ids in enumerate(link_poses(frames(), settings, FPS)):
            assert consumed[-1] == min(index + delay, 7)
            assert ids.tolist() == [1]


@pytest.mark.parametrize(("fps", "num_missed"), [(Fraction(10), 5), (Fraction(30000, 1001), 15), (Fraction(1), 0)])
def test_seconds_become_frames(fps: Fraction, num_missed: int) -> None:
    settings = TrackerSettings(weights=CueWeights(oks=1.0), buffer_seconds=0.5, min_confirm_frames=1)
    for gap, expected in ((num_missed, 1), (num_missed + 1, 2)):
        video = [people_at(0), *[people_at()] * gap, people_at(0)]
        frames = [(FrameTime(i, float(i / fps)), poses) for i, poses in enumerate(video)]
        assert list(link_poses(frames, settings, fps))[-1].tolist() == [expected]


def test_the_flow_is_used_only_with_images() -> None:
    """The camera pans by the distance between two people."""
    settings = TrackerSettings(weights=CueWeights(flow=1.0), min_confirm_frames=1)
    video = [people_at(150 * i, 150 * i + 150) for i in range(3)]
    with mock.patch("pose_track.build.tracker._build_flow", return_value=panning_flow(150)):
        with_images = link_poses(zip(blank_frames(3), video, strict=True), settings, FPS, has_images=True)
        assert [ids.tolist() for ids in with_images] == [[1, 2]] * 3
        without = link_poses(zip(blank_frames(3), video, strict=True), settings, FPS)
        assert [ids.tolist() for ids in without] == [[1, 2], [2, 3], [3, 4]]


def test_presets_are_the_files_of_their_folder() -> None:
    folder = configs_folder() / "track"
    assert sorted(TRACK_PRESETS) == sorted(Path(path).stem for path in folder.glob("*.yaml"))
    with pytest.raises(ValueError, match=r"'slow'.*fast, robust, simple_baselines"):
        track_preset_path("slow")


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_confirmation_with_detection_in_every_nth_frame(every: int) -> None:
    """One person is always present; another is detected once, and later twice in a row."""
    num = 8 * every
    one, both = people_at(0), concatenate_poses(people_at(0), people_at(1000))
    with_both = (1, 4, 5)  # of the frames with detection
    video = [both if index % every == 0 and index // every in with_both else one for index in range(num)]
    stages = ScriptedStages([video[index] for index in range(0, num, every)])
    settings = PRESETS["robust"].model_copy(update={"min_confirm_frames": 2, "min_high_score": 0.0})
    with mock.patch(
        "pose_track.build.tracker._build_flow", return_value=StubFlow(lambda index: StubWarp((0.0, 0.0), 1.0))
    ):
        linker = build_tracker(settings, FPS, has_images=True, detect_every=every)

    class SparseStages(ScriptedStages):
        """Detects the people of every n-th frame, and estimates a pose in every other proposed box."""

        def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
            return [self.estimate(boxes) if len(boxes) else one[np.zeros(0, int)] for boxes in detections]

        def detect(self, frame: Frame) -> Detections:
            poses = self.video[frame.index // every]
            return Detections(poses.boxes, poses.scores)

    stages = SparseStages(stages.video)
    results = list(track_video(blank_frames(num), stages.detect, stages, linker, detect_every=every))
    assert [1 in tracked.track_ids for _, tracked in results] == [True] * num
    confirmed = [frame.index for frame, tracked in results if 2 in tracked.track_ids]
    assert confirmed[0] == 4 * every  # not when detected once
    assert set(range(4 * every, 5 * every + 1)) <= set(confirmed)
    assert max(tracked.track_ids.max() for _, tracked in results) == 2
