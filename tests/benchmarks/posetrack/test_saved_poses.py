"""Raw and tracked poses: what is in either file, kept whole, and only where they are what a run would make."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from made_posetrack import make_data
from make_video import make_video
from stub_stages import estimate_on_diagonal, one_person, stub_stages

from pose_track.benchmarks.posetrack.dataset import Clip, check_data
from pose_track.benchmarks.posetrack.saved_poses import Found, Tracking, is_saved, made_with, read_saved, write_found
from pose_track.config.load import load_settings
from pose_track.config.settings import PoseTrackSettings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame, ImageArray, IntArray, Poses, TrackedPoses, joined

T = TypeVar("T")

MADE: Mapping[str, Any] = {"detector.min_score": 0.1, "pose.weights": "abc"}


def track(clip: Clip, path: Path, first_number: int = 0) -> list[int]:
    """Write a sequence's poses, those tracked beside the raw ones, and return how often progress was told."""
    steps: list[int] = []
    tracking = Tracking(stub_stages(), PoseTrackSettings(), MADE, first_number, "stub")
    write_found(tracking(clip, lambda: steps.append(1)), path, path.with_suffix(".tracked"))
    return steps


def found_in(tmp_path: Path, stages: Stages, settings: PoseTrackSettings | None = None) -> Found:
    """What is kept of a sequence of five pictures."""
    make_data(tmp_path, names=("a",))
    (clip,) = check_data(tmp_path, "2018", "val").clips
    return Tracking(stages, settings or PoseTrackSettings(), MADE, 0, "stub")(clip, lambda: None)


def sources(frames: list[TrackedPoses]) -> list[list[str]]:
    return [[str(source) for source in frame.poses.sources] for frame in frames]  # type: ignore[union-attr]


def test_both_files_have_every_picture_also_those_not_listed(tmp_path: Path) -> None:
    make_data(tmp_path, num_frames=5, listed=(2,))
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert len(track(clip, path)) == 5
    for file, is_linked in ((path, False), (path.with_suffix(".tracked"), True)):
        header, frames = read_tracks(file)  # as any file of tracks
        assert (header["linked"], header["made_with"], header["device"]) == (is_linked, MADE, "stub")
        assert [t.track_ids.tolist() for t in frames] == [[], [1], [1], [1], [1]]
        kept = read_saved(file)
        assert kept.image_names == tuple(f"{i:06d}.jpg" for i in range(5))
        assert kept.fps == 25
        assert kept.seconds > 0
        assert clip.truth is not None
        assert kept.places(clip.truth).tolist() == [2]


def test_the_unsure_are_kept_but_not_tracked(tmp_path: Path) -> None:
    def detect(frame: Frame) -> Detections:
        return joined(Detections([[100, 20, 140, 100]], [0.3]), one_person(frame))  # type: ignore[arg-type]

    settings = load_settings(PoseTrackSettings, None, {"submission.min_person_score": "0.31"})
    found = found_in(tmp_path, stub_stages(settings, detect), settings)
    assert [t.track_ids.tolist() for t in found.raw] == [[1], [1, 2], [1, 2], [1, 2], [1, 2]]
    assert [t.track_ids.tolist() for t in found.tracked] == [[], [1], [1], [1], [1]]
    np.testing.assert_array_equal(found.tracked[2].poses.boxes, found.raw[2].poses.boxes[1:])


def test_who_is_confirmed_late_has_the_same_frames(tmp_path: Path) -> None:
    settings = load_settings(PoseTrackSettings, None, {"tracker.min_confirm_frames": "3"})
    found = found_in(tmp_path, stub_stages(settings), settings)
    for frames in (found.raw, found.tracked):
        assert [(t.frame_index, t.pts_seconds, len(t)) for t in frames] == [(i, i / 25, int(i > 0)) for i in range(5)]


class FollowingTracker:
    """Proposes a box in frame 4, gives everyone the place in the frame as id, and notes whether looks were shown."""

    def __init__(self) -> None:
        self.saw_looks: list[bool] = []

    def reset(self) -> None: ...

    def propose(self, frame: Frame) -> Detections:
        box = Detections([[100, 20, 140, 100]], [0.5], ["flow"])  # type: ignore[arg-type]
        return box if frame.index == 4 else Detections.empty()

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.saw_looks.append(poses.features is not None)
        return np.arange(1, len(poses) + 1)

    def confirmed(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        return iter(linked)


def test_people_whom_the_tracker_follows_are_in_both_files(tmp_path: Path) -> None:
    stages: Any = replace(stub_stages(), make_tracker=lambda fps: FollowingTracker())  # type: ignore[arg-type, return-value]
    found = found_in(tmp_path, stages)
    assert sources(found.raw) == sources(found.tracked) == [[], *[["detector"]] * 3, ["detector", "flow"]]


def test_the_tracker_sees_looks_that_are_not_kept(tmp_path: Path) -> None:
    tracker = FollowingTracker()

    def estimate(image: ImageArray, boxes: Detections) -> Poses:
        poses = estimate_on_diagonal(image, boxes)
        return replace(poses, features=np.zeros((len(poses), 15, 8), np.float32))

    stages: Any = replace(stub_stages(), estimate=estimate, make_tracker=lambda fps: tracker)  # type: ignore[arg-type, return-value]
    found = found_in(tmp_path, stages)
    assert tracker.saw_looks == [True] * 5
    assert all(frame.poses.features is None for frame in (*found.raw, *found.tracked))


@pytest.mark.parametrize(
    ("year", "names"), [("2017", ["00000001.jpg", "00000002.jpg"]), ("2018", ["000000.jpg", "000001.jpg"])]
)
def test_frames_of_a_video_have_the_names_that_pictures_would_have(year: str, names: list[str], tmp_path: Path) -> None:
    make_data(tmp_path, year, names=("a",), num_frames=3, listed=(1, 2))
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    data = check_data(tmp_path, year, "val")
    track(data.clips[0], tmp_path / "a.jsonl", data.edition.first_number)
    raw = read_saved(tmp_path / "a.jsonl")
    assert list(raw.image_names[:2]) == names
    assert raw.fps == 10  # the video's own
    assert data.clips[0].truth is not None
    assert raw.places(data.clips[0].truth).tolist() == [1, 2]


def test_a_video_that_is_too_short_lacks_a_listed_frame(tmp_path: Path) -> None:
    make_data(tmp_path, names=("a",), num_frames=5)
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    (clip,) = check_data(tmp_path, "2018", "val").clips
    track(clip, tmp_path / "a.jsonl")
    assert clip.truth is not None
    with pytest.raises(ValueError, match=r"a lists '000003\.jpg', but there are 3 frames, without it"):
        read_saved(tmp_path / "a.jsonl").places(clip.truth)


def test_what_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_data(tmp_path)
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert not is_saved(path, clip, MADE)
    track(clip, path)
    assert is_saved(path, clip, MADE)
    with pytest.raises(ValueError, match=r"a\.jsonl' was made with detector\.min_score 0\.1, now 0\.2; choose another"):
        is_saved(path, clip, {**MADE, "detector.min_score": 0.2})
    assert caplog.messages == []

    text = path.read_text()
    for cut in (text[: len(text) // 2], text[:-1], "".join(text.splitlines(keepends=True)[:-1])):
        path.write_text(cut)
        assert not is_saved(path, clip, MADE)
        assert "is tracked again" in caplog.messages[-1]
    path.write_text(text)
    shutil.copy(tmp_path / "images/val/a/000000.jpg", tmp_path / "images/val/a/000009.jpg")
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    assert not is_saved(path, clip, MADE)


@pytest.mark.parametrize("header", ["", "not JSON\n", '{"type": "header"}\n'])
def test_what_is_no_file_of_a_run_is_not_overwritten(header: str, tmp_path: Path) -> None:
    make_data(tmp_path)
    (tmp_path / "a.jsonl").write_text(header)
    with pytest.raises(ValueError, match=r"a\.jsonl' does not hold the poses of a run; choose another --out"):
        is_saved(tmp_path / "a.jsonl", check_data(tmp_path, "2018", "val").clips[0], MADE)


def test_a_file_that_is_not_whole_cannot_be_read(tmp_path: Path) -> None:
    make_data(tmp_path)
    track(check_data(tmp_path, "2018", "val").clips[0], tmp_path / "a.jsonl")
    header, *records = (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_text(header + "".join(records[:-1]))
    with pytest.raises(ValueError, match=r"a\.jsonl has 4 frames of 5; delete it"):
        read_saved(tmp_path / "a.jsonl")
    plain = {key: value for key, value in json.loads(header).items() if key != "seconds"}
    (tmp_path / "a.jsonl").write_text(json.dumps(plain) + "\n")
    with pytest.raises(ValueError, match="does not hold the poses of a run: its header lacks 'seconds'"):
        read_saved(tmp_path / "a.jsonl")


def test_what_decides_the_poses() -> None:
    weights = {"detector": {"file": "torchvision x"}, "pose": {"file": "a.pth", "sha256": "abc"}}
    made = made_with(PoseTrackSettings(), weights)
    assert (made["detector.weights"], made["pose.weights"]) == ("torchvision x", "abc")
    decisive = {
        **{"detector.min_score": "0.2", "pose.flip_test": "true", "reader.image_fps": "30"},
        **{"tracker.matching": "greedy", "tracker.gates.iou": "0.1", "tracker.flow.method": "lk"},
        "submission.min_person_score": "0.1",
    }
    for key, value in decisive.items():
        other = made_with(load_settings(PoseTrackSettings, None, {key: value}), weights)
        assert {k for k in made if made[k] != other[k]} == {key}
    free = {"device": "cpu", "submission.min_joint_score": "0.1"}
    assert made_with(load_settings(PoseTrackSettings, None, free), weights) == made
