"""From settings to ids: what holds for every tracker that can be set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking.made_people import (
    FPS,
    StubFlow,
    StubStep,
    drifting,
    images,
    random_video,
    same_poses,
    standing,
    times,
    together,
)

from pose_track.build.tracker import build_tracker
from pose_track.config.load import configs_folder, load_settings, track_preset_path
from pose_track.config.settings import TRACK_PRESETS
from pose_track.config.tracker import CueGates, CueWeights, FlowSettings, LinkSettings, TrackerSettings
from pose_track.linking.poses import link_poses
from pose_track.pipeline.track_video import track_video
from pose_track.structures.frames import Detections, Frame, ImageArray, IntArray, Poses, TrackedPoses
from pose_track.tracking.tracker import FrameTime

repeatable = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
PRESETS = {name: load_settings(LinkSettings, track_preset_path(name)).tracker for name in TRACK_PRESETS}
every_preset = pytest.mark.parametrize("tracker", PRESETS.values(), ids=PRESETS)

some_shares, some_weights = st.sampled_from([0.0, 0.0, 0.3, 0.8]), st.sampled_from([0.0, 0.5, 2.0])
five_weights = st.tuples(*[some_weights] * 5).filter(any)


def _named(kind: type[CueWeights] | type[CueGates]) -> Callable[[tuple[float, ...]], CueWeights | CueGates]:
    return lambda values: kind(**dict(zip(kind.model_fields, values, strict=True)))


any_tracker = st.builds(
    TrackerSettings,
    weights=five_weights.map(_named(CueWeights)),
    gates=st.tuples(*[some_shares] * 5).map(_named(CueGates)),
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


def linked(frames: list[Poses], tracker: TrackerSettings) -> list[IntArray]:
    return list(link_poses(zip(times(len(frames)), frames, strict=True), tracker, FPS))


class Scripted:
    """Stages that find what they are told, and somebody in every box that the tracker proposes."""

    def __init__(self, video: list[Poses]) -> None:
        self.video, self.found, self.num_looked_at, self.num_proposed = video, list[Poses](), 0, 0

    def detect(self, frame: Frame) -> Detections:
        poses = self.video[frame.index]
        return Detections(poses.boxes, poses.scores)

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        return [self.estimate(boxes) for boxes in detections]

    def estimate(self, boxes: Detections) -> Poses:
        assert boxes.sources is not None
        if not (boxes.sources == "flow").any():
            self.num_looked_at += 1
            return self.video[self.num_looked_at - 1]
        middles = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
        self.num_proposed += len(middles)
        seen = standing(*map(tuple, middles.tolist()), score=0.6, joint_score=0.4, source="flow")
        appearance = self.video[0].features
        return (
            seen
            if appearance is None
            else replace(seen, features=np.ones((len(seen), *appearance.shape[1:]), np.float32))
        )

    def suppress_duplicates(self, poses: Poses) -> Poses:
        self.found.append(poses)
        return poses

    def run(self, tracker: TrackerSettings) -> list[TrackedPoses]:
        """Through the main job, with a camera that turns and cuts in the middle."""
        flow = StubFlow(lambda index: StubStep((10.0, 0.0), 0.9, is_cut=index == 5))
        with mock.patch("pose_track.build.tracker._build_flow", return_value=flow):
            made = build_tracker(tracker, FPS, has_images=True)
        frames = images(len(self.video))
        results = list(track_video(frames, self.detect, self, made))
        assert [frame for frame, _ in results] == frames
        assert [t.frame_index for _, t in results] == [frame.index for frame in frames]
        return [tracked for _, tracked in results]


def assert_sound(video: list[Poses], found: list[IntArray]) -> None:
    """Lengths, uniqueness and numbering of ids."""
    assert [len(ids) for ids in found] == [len(poses) for poses in video]
    highest = 0
    for ids in found:
        given_ids = ids[ids != 0].tolist()
        assert len(set(given_ids)) == len(given_ids)
        new = sorted(i for i in given_ids if i > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)
        assert min(given_ids, default=1) >= 1


def assert_each_once_and_unchanged(found: list[Poses], tracked: list[TrackedPoses]) -> None:
    for poses, shown in zip(found, tracked, strict=True):
        left = list(range(len(poses)))
        for number in range(len(shown)):
            one = shown.poses[np.array([number])]
            left.remove(next(i for i in left if same_poses(poses[np.array([i])], one)))


@every_preset
@given(seed=seeds, channels=st.sampled_from([0, 3]))
@repeatable
def test_of_presets_every_pose_comes_out_once_unchanged_and_with_its_own_id(
    tracker: TrackerSettings, seed: int, channels: int
) -> None:
    stages = Scripted(random_video(seed, channels=channels))
    tracked = stages.run(tracker)
    assert_each_once_and_unchanged(stages.found, tracked)
    assert_sound(stages.video, linked(stages.video, tracker))


@given(any_tracker, seeds, st.sampled_from([0, 3]))
@repeatable
def test_of_any_settings_every_pose_comes_out_once_unchanged_and_with_its_own_id(
    tracker: TrackerSettings, seed: int, channels: int
) -> None:
    stages = Scripted(random_video(seed, channels=channels))
    tracked = stages.run(tracker)
    assert_each_once_and_unchanged(stages.found, tracked)
    highest = 0
    for frame in tracked:
        new = sorted(i for i in frame.track_ids.tolist() if i > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)
    assert_sound(stages.video, linked(stages.video, tracker))


def who(frames: list[Poses], found: list[IntArray]) -> list[list[tuple[bytes, int]]]:
    """The ids of a frame by what is known of their people."""
    return [
        sorted(
            (poses.joints[i].tobytes() + poses.boxes[i].tobytes(), track_id) for i, track_id in enumerate(ids.tolist())
        )
        for poses, ids in zip(frames, found, strict=True)
    ]


def shuffled(frames: list[Poses], seed: int) -> list[Poses]:
    rng = np.random.default_rng(seed)
    return [poses[rng.permutation(len(poses))] for poses in frames]


@every_preset
@given(seed=seeds)
@repeatable
def test_of_presets_the_order_of_people_does_not_change_who_is_who(tracker: TrackerSettings, seed: int) -> None:
    frames = random_video(seed)
    others = shuffled(frames, seed)
    assert who(frames, linked(frames, tracker)) == who(others, linked(others, tracker))


@given(any_tracker, seeds)
@repeatable
def test_of_any_settings_the_order_of_people_does_not_change_who_is_who(tracker: TrackerSettings, seed: int) -> None:
    frames = random_video(seed, channels=2)
    others = shuffled(frames, seed)
    assert who(frames, linked(frames, tracker)) == who(others, linked(others, tracker))


@every_preset
def test_a_reset_tracker_repeats_its_result(tracker: TrackerSettings) -> None:
    made, video = build_tracker(tracker, FPS), random_video(4, num_frames=20)

    def run() -> list[list[int]]:
        return [made.assign(poses, time).tolist() for time, poses in zip(times(20), video, strict=True)]

    first = run()
    made.reset()
    assert run() == first
    assert max(map(len, first)) > 1


@every_preset
@pytest.mark.parametrize("video", [[], [standing()], [standing()] * 5], ids=["no frames", "one", "five"])
def test_nobody(tracker: TrackerSettings, video: list[Poses]) -> None:
    assert [ids.tolist() for ids in linked(video, tracker)] == [[]] * len(video)


@every_preset
def test_people_who_walk_past_each_other_keep_their_ids(tracker: TrackerSettings) -> None:
    video = [standing((12 * i, 0), (600 - 12 * i, 130), (300, -400)) for i in range(50)]
    found = [ids.tolist() for ids in linked(video, tracker)]
    assert found == [found[0]] * 50
    assert sorted(found[0]) == [1, 2, 3]


@every_preset
def test_memory_does_not_grow_with_the_video(tracker: TrackerSettings) -> None:
    made = build_tracker(tracker, FPS)
    most = 3 * (2 + float(FPS) * max(tracker.buffer_seconds, tracker.reactivation_seconds))
    for time in times(300):
        x = 2000 * time.index
        made.assign(standing(x, x + 500, x + 1000), time)
        assert made._tracks is not None
        assert len(made._tracks) <= most


@every_preset
def test_results_come_as_late_as_people_are_confirmed(tracker: TrackerSettings) -> None:
    for late in (0, 3):
        taken: list[int] = []

        def frames(taken: list[int] = taken) -> Iterator[tuple[FrameTime, Poses]]:
            for time in times(8):
                taken.append(time.index)
                yield time, standing(0)

        settings = tracker.model_copy(update={"min_confirm_frames": late + 1})
        for index, ids in enumerate(link_poses(frames(), settings, FPS)):
            assert taken[-1] == min(index + late, 7)
            assert ids.tolist() == [1]


@pytest.mark.parametrize(("fps", "unseen"), [(Fraction(10), 5), (Fraction(30000, 1001), 15), (Fraction(1), 0)])
def test_seconds_become_frames(fps: Fraction, unseen: int) -> None:
    settings = TrackerSettings(weights=CueWeights(oks=1.0), buffer_seconds=0.5, min_confirm_frames=1)
    for gap, expected in ((unseen, 1), (unseen + 1, 2)):
        video = [standing(0), *[standing()] * gap, standing(0)]
        frames = [(FrameTime(i, float(i / fps)), poses) for i, poses in enumerate(video)]
        assert list(link_poses(frames, settings, fps))[-1].tolist() == [expected]


def test_the_flow_is_only_where_there_are_pictures() -> None:
    """A camera that turns by as much as two people stand apart."""
    settings = TrackerSettings(weights=CueWeights(flow=1.0), min_confirm_frames=1)
    video = [standing(150 * i, 150 * i + 150) for i in range(3)]
    with mock.patch("pose_track.build.tracker._build_flow", return_value=drifting(150)):
        with_pictures = link_poses(zip(images(3), video, strict=True), settings, FPS, has_images=True)
        assert [ids.tolist() for ids in with_pictures] == [[1, 2]] * 3
        without = link_poses(zip(images(3), video, strict=True), settings, FPS)
        assert [ids.tolist() for ids in without] == [[1, 2], [2, 3], [3, 4]]


def test_presets_are_those_in_their_folder() -> None:
    folder = configs_folder() / "track"
    assert sorted(TRACK_PRESETS) == sorted(Path(path).stem for path in folder.glob("*.yaml"))
    with pytest.raises(ValueError, match="unknown preset 'slow'; choose one of fast, robust, simple_baselines"):
        track_preset_path("slow")


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_people_are_shown_once_found_several_times_where_they_are_looked_for_now_and_then(every: int) -> None:
    """One stands there throughout; another is found once, and then for twice in a row."""
    num = 8 * every
    alone, both = standing(0), together(standing(0), standing(1000))
    seen_again = (1, 4, 5)  # of the frames in which people are looked for
    video = [both if index % every == 0 and index // every in seen_again else alone for index in range(num)]
    stages = Scripted([video[index] for index in range(0, num, every)])
    settings = PRESETS["robust"].model_copy(update={"min_confirm_frames": 2, "min_high_score": 0.0})
    with mock.patch(
        "pose_track.build.tracker._build_flow", return_value=StubFlow(lambda index: StubStep((0.0, 0.0), 1.0))
    ):
        made = build_tracker(settings, FPS, has_images=True, detect_every=every)

    class Looking(Scripted):
        """Finds what there is when it is looked for, and everybody who is proposed but the one who comes and goes."""

        def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
            return [self.estimate(boxes) if len(boxes) else alone[np.zeros(0, int)] for boxes in detections]

        def detect(self, frame: Frame) -> Detections:
            poses = self.video[frame.index // every]
            return Detections(poses.boxes, poses.scores)

    stages = Looking(stages.video)
    results = list(track_video(images(num), stages.detect, stages, made, detect_every=every))
    assert [1 in tracked.track_ids for _, tracked in results] == [True] * num
    shown = [frame.index for frame, tracked in results if 2 in tracked.track_ids]
    assert shown[0] == 4 * every  # not when found once
    assert set(range(4 * every, 5 * every + 1)) <= set(shown)
    assert max(tracked.track_ids.max() for _, tracked in results) == 2
