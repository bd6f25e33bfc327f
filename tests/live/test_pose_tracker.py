"""Frame by frame: the same people as `track`, at once, and errors that say what to do."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video
from stub_stages import one_person, stub_stages

from pose_track import PoseTracker, Settings, TrackedPoses, open_video
from pose_track.config.load import load_settings, preset_path
from pose_track.structures.frames import Detections, Frame

FAST = load_settings(Settings, preset_path("fast"))


def tracker(confirm: bool = False) -> PoseTracker:
    return PoseTracker(settings=FAST, stages=stub_stages(FAST), confirm=confirm, fps=10)


def same(a: TrackedPoses, b: TrackedPoses) -> bool:
    arrays = [(p.poses.joints, p.poses.joint_scores, p.poses.boxes, p.track_ids) for p in (a, b)]
    return a.frame_index == b.frame_index and all(np.array_equal(*pair) for pair in zip(*arrays, strict=True))


def frames(path: Path) -> list[Frame]:
    with open_video(make_video(path, 30)) as reader:
        return list(reader)


def test_confirmed_results_are_those_of_the_video(tmp_path: Path) -> None:
    video = frames(tmp_path / "clip.mp4")
    stages = stub_stages(FAST)
    expected = [people for _, people in stages.track(video, stages.make_tracker(Fraction(10)))]
    with tracker(confirm=True) as online:
        pushed = [online.update(frame.image, frame.pts_seconds) for frame in video]
        assert [p.frame_index for p in pushed[:5]] == [-1, -1, -1, -1, -1]  # three to confirm, three to look back
        results = [p for p in pushed if p.frame_index >= 0] + online.flush()
    assert len(results) == len(expected) == 30
    assert all(same(a, b) for a, b in zip(results, expected, strict=True))


def test_people_come_at_once_and_are_marked_until_they_are_confirmed(tmp_path: Path) -> None:
    with tracker() as online:
        results = list(online.track(frames(tmp_path / "clip.mp4")))
        assert online.flush() == []
    assert [len(people) for people in results] == [0] + [1] * 29  # nobody is in frame 0
    people = [person for people in results for person in people]
    for track_id in {person.id for person in people}:
        confirmed = [person.confirmed for person in people if person.id == track_id]
        assert confirmed == [False] * 2 + [True] * (len(confirmed) - 2)


def test_reset_begins_another_video_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    video = frames(tmp_path / "clip.mp4")
    online = tracker()
    first = list(online.track(video))
    online.reset()
    assert all(same(a, b) for a, b in zip(first, online.track(video), strict=True))
    online.close()
    assert threading.active_count() == before


def test_bgr_images_give_the_same_people_and_are_drawn_as_bgr() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    seen: list[np.ndarray] = []

    def detect(frame: Frame) -> Detections:
        seen.append(frame.image)
        return one_person(Frame(5, 0.5, frame.image))

    with PoseTracker(settings=FAST, stages=stub_stages(FAST, detect)) as online:
        people = online.update(image[..., ::-1], 0.0, bgr=True)
        assert np.array_equal(seen[0], image)
        drawn = online.draw(image[..., ::-1], people)
        assert np.array_equal(drawn[..., ::-1], online.draw(image, people, bgr=False))
        assert not np.array_equal(drawn, image[..., ::-1])


def test_times_are_those_of_the_clock_unless_given() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    with tracker() as online:
        times = [online.update(image).pts_seconds for _ in range(3)]
        assert times[0] == 0
        assert times == sorted(set(times))
    with tracker() as online:
        assert [people.pts_seconds for people in online.track([image] * 3, fps=10)] == [0.0, 0.1, 0.2]
        with pytest.raises(ValueError, match=r"seconds must increase, got 0.2 after 0.2"):
            online.update(image, 0.2)


@pytest.mark.parametrize(
    ("image", "error", "remedy"),
    [
        (None, TypeError, "gave no frame"),
        ([[0, 0, 0]], TypeError, r"numpy\.asarray"),
        (np.zeros((120, 160, 3)), TypeError, r"\(image \* 255\)\.astype"),
        (np.full((120, 160, 3), 200.0), TypeError, r"image\.astype\('uint8'\)"),
        (np.zeros((120, 160, 3), np.uint16), TypeError, "image >> 8"),
        (np.zeros((120, 160), np.uint8), ValueError, "grey"),
        (np.zeros((120, 160, 1), np.uint8), ValueError, "grey"),
        (np.zeros((120, 160, 4), np.uint8), ValueError, "four channels"),
        (np.zeros((3, 120, 160), np.uint8), ValueError, r"transpose\(1, 2, 0\)"),
        (np.zeros((0, 160, 3), np.uint8), ValueError, r"\(height, width, 3\)"),
        (np.zeros((64, 64, 3), np.uint8), ValueError, "64x64, the ones before were 160x120"),
    ],
)
def test_images_that_cannot_be_used(image: object, error: type[Exception], remedy: str) -> None:
    with tracker() as online:
        online.update(np.zeros((120, 160, 3), np.uint8), 0.0)
        with pytest.raises(error, match=remedy):
            online.update(image, 1.0)  # type: ignore[arg-type]
        assert online.update(np.zeros((120, 160, 3), np.uint8), 2.0).frame_index == 1  # the tracker goes on


def test_settings_by_section() -> None:
    with pytest.raises(ValueError, match=r"'detector.min_scor' is not a setting; did you mean"):
        PoseTracker(detector={"min_scor": 0.5})
    with pytest.raises(ValueError, match="unknown preset 'quick'"):
        PoseTracker("quick")
    with pytest.raises(ValueError, match="not both"):
        PoseTracker(settings=FAST, device="cpu")


def test_a_video_in_parts_is_refused_by_the_stages(tmp_path: Path) -> None:
    video = frames(tmp_path / "clip.mp4")
    stages = stub_stages(FAST)
    linker = stages.make_tracker(Fraction(10))
    assert len(list(stages.track(video[:10], linker))) == 10
    with pytest.raises(ValueError, match=r"frame 10 continues the video of the last call.*PoseTracker\.update"):
        list(stages.track(video[10:], linker))
    assert len(list(stages.track(video, linker))) == 30  # another video
