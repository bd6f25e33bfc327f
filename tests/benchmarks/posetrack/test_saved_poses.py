"""Saved poses: the content of the raw and the linked file, and when they are reused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from make_video import make_video
from stub_stages import estimate_on_diagonal, one_person, stub_stages
from tiny_posetrack import write_posetrack_dataset

from pose_track.benchmarks.posetrack.dataset import Clip, scan_dataset
from pose_track.benchmarks.posetrack.saved_poses import (
    SequencePoses,
    SequenceTracker,
    is_saved,
    pose_provenance,
    read_saved_poses,
    save_poses,
)
from pose_track.config.load import load_settings
from pose_track.config.settings import PoseTrackSettings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.stages import Stages
from pose_track.structures.arrays import ImageArray, IntArray
from pose_track.structures.frames import Detections, Frame, Poses, TrackedPoses, concatenate
from pose_track.structures.skeleton import Skeleton

T = TypeVar("T")

PROVENANCE: Mapping[str, Any] = {"detector.min_score": 0.1, "pose.weights": "abc"}


def track(clip: Clip, path: Path, first_number: int = 0) -> list[int]:
    """Save a sequence's poses, the linked ones with suffix .linked, and return the calls of `step`."""
    steps: list[int] = []
    tracker = SequenceTracker(stub_stages(), PoseTrackSettings(), PROVENANCE, first_number, "stub")
    save_poses(tracker(clip, lambda: steps.append(1)), path, path.with_suffix(".linked"))
    return steps


def sequence_poses(tmp_path: Path, stages: Stages, settings: PoseTrackSettings | None = None) -> SequencePoses:
    """The poses of a sequence of five images."""
    write_posetrack_dataset(tmp_path, names=("a",))
    (clip,) = scan_dataset(tmp_path, "2018", "val").clips
    return SequenceTracker(stages, settings or PoseTrackSettings(), PROVENANCE, 0, "stub")(clip, lambda: None)


def sources(frames: list[TrackedPoses]) -> list[list[str]]:
    return [[str(source) for source in frame.poses.sources] for frame in frames]  # type: ignore[union-attr]


def test_both_files_have_every_image_annotated_or_not(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, num_frames=5, listed=(2,))
    (clip, _) = scan_dataset(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert len(track(clip, path)) == 5
    for file, is_linked in ((path, False), (path.with_suffix(".linked"), True)):
        header, frames = read_tracks(file)  # the file is a valid tracks.jsonl
        assert (header["linked"], header["provenance"], header["device"]) == (is_linked, PROVENANCE, "stub")
        assert [t.track_ids.tolist() for t in frames] == [[], [1], [1], [1], [1]]
        saved = read_saved_poses(file)
        assert saved.image_names == tuple(f"{i:06d}.jpg" for i in range(5))
        assert saved.fps == 25
        assert saved.seconds > 0
        assert clip.gt is not None
        assert saved.frame_indices(clip.gt).tolist() == [2]


def test_low_score_people_are_saved_but_not_linked(tmp_path: Path) -> None:
    def detect(frame: Frame) -> Detections:
        return concatenate(Detections([[100, 20, 140, 100]], [0.3]), one_person(frame))  # type: ignore[arg-type]

    settings = load_settings(PoseTrackSettings, None, {"submission.min_person_score": "0.31"})
    poses = sequence_poses(tmp_path, stub_stages(settings, detect), settings)
    assert [t.track_ids.tolist() for t in poses.raw] == [[1], [1, 2], [1, 2], [1, 2], [1, 2]]
    assert [t.track_ids.tolist() for t in poses.linked] == [[], [1], [1], [1], [1]]
    np.testing.assert_array_equal(poses.linked[2].poses.boxes, poses.raw[2].poses.boxes[1:])


def test_late_confirmation_keeps_all_frames(tmp_path: Path) -> None:
    settings = load_settings(PoseTrackSettings, None, {"tracker.min_confirm_frames": "3"})
    poses = sequence_poses(tmp_path, stub_stages(settings), settings)
    for frames in (poses.raw, poses.linked):
        assert [(t.frame_index, t.pts_seconds, len(t)) for t in frames] == [(i, i / 25, int(i > 0)) for i in range(5)]


class FollowingTracker:
    """Proposes a box in frame 4, numbers the people of each frame, and records whether poses had features."""

    def __init__(self) -> None:
        self.had_features: list[bool] = []

    def reset(self) -> None: ...

    def propose(self, frame: Frame) -> Detections:
        box = Detections([[100, 20, 140, 100]], [0.5], ["flow"])  # type: ignore[arg-type]
        return box if frame.index == 4 else Detections.empty()

    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]:
        return Poses.empty(skeleton), detected

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.had_features.append(poses.features is not None)
        self.poses = poses
        return np.arange(1, len(poses) + 1)

    def confirm(self, linked: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        return iter(linked)


def test_proposed_people_are_in_both_files(tmp_path: Path) -> None:
    stages: Any = replace(stub_stages(), make_tracker=lambda fps: FollowingTracker())  # type: ignore[arg-type, return-value]
    poses = sequence_poses(tmp_path, stages)
    assert sources(poses.raw) == sources(poses.linked) == [[], *[["detector"]] * 3, ["detector", "flow"]]


def test_features_reach_the_tracker_but_are_not_saved(tmp_path: Path) -> None:
    tracker = FollowingTracker()

    def estimate(image: ImageArray, boxes: Detections) -> Poses:
        poses = estimate_on_diagonal(image, boxes)
        return replace(poses, features=np.zeros((len(poses), 15, 8), np.float32))

    stages: Any = replace(stub_stages(), estimate=estimate, make_tracker=lambda fps: tracker)  # type: ignore[arg-type, return-value]
    poses = sequence_poses(tmp_path, stages)
    assert tracker.had_features == [True] * 5
    assert all(frame.poses.features is None for frame in (*poses.raw, *poses.linked))


@pytest.mark.parametrize(
    ("year", "names"), [("2017", ["00000001.jpg", "00000002.jpg"]), ("2018", ["000000.jpg", "000001.jpg"])]
)
def test_frames_of_a_video_are_named_like_images(year: str, names: list[str], tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, year, names=("a",), num_frames=3, listed=(1, 2))
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    data = scan_dataset(tmp_path, year, "val")
    track(data.clips[0], tmp_path / "a.jsonl", data.edition.first_number)
    raw = read_saved_poses(tmp_path / "a.jsonl")
    assert list(raw.image_names[:2]) == names
    assert raw.fps == 10  # that of the video
    assert data.clips[0].gt is not None
    assert raw.frame_indices(data.clips[0].gt).tolist() == [1, 2]


def test_video_shorter_than_its_annotations(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, names=("a",), num_frames=5)
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    (clip,) = scan_dataset(tmp_path, "2018", "val").clips
    track(clip, tmp_path / "a.jsonl")
    assert clip.gt is not None
    with pytest.raises(ValueError, match=r"a lists '000003\.jpg'.* 3 "):
        read_saved_poses(tmp_path / "a.jsonl").frame_indices(clip.gt)


def test_complete_file_is_reused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_posetrack_dataset(tmp_path)
    (clip, _) = scan_dataset(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert not is_saved(path, clip, PROVENANCE)
    track(clip, path)
    assert is_saved(path, clip, PROVENANCE)
    with pytest.raises(ValueError, match=r"a\.jsonl'.* detector\.min_score 0\.1, now 0\.2; choose another --out"):
        is_saved(path, clip, {**PROVENANCE, "detector.min_score": 0.2})
    assert caplog.messages == []

    text = path.read_text()
    header = text.index("\n")
    for cut in (text[: (header + len(text)) // 2], text[:-1], "".join(text.splitlines(keepends=True)[:-1])):
        path.write_text(cut)
        assert not is_saved(path, clip, PROVENANCE)
        assert "a.jsonl" in caplog.messages[-1]
    path.write_text(text)
    shutil.copy(tmp_path / "images/val/a/000000.jpg", tmp_path / "images/val/a/000009.jpg")
    (clip, _) = scan_dataset(tmp_path, "2018", "val").clips
    assert not is_saved(path, clip, PROVENANCE)


@pytest.mark.parametrize("header", ["", "not JSON\n", '{"type": "header"}\n'])
def test_other_file_is_not_overwritten(header: str, tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path)
    (tmp_path / "a.jsonl").write_text(header)
    with pytest.raises(ValueError, match=r"a\.jsonl'.*choose another --out"):
        is_saved(tmp_path / "a.jsonl", scan_dataset(tmp_path, "2018", "val").clips[0], PROVENANCE)


def test_incomplete_file_cannot_be_read(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path)
    track(scan_dataset(tmp_path, "2018", "val").clips[0], tmp_path / "a.jsonl")
    header, *records = (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_text(header + "".join(records[:-1]))
    with pytest.raises(ValueError, match=r"a\.jsonl has 4 frames of 5; delete it"):
        read_saved_poses(tmp_path / "a.jsonl")
    plain = {key: value for key, value in json.loads(header).items() if key != "seconds"}
    (tmp_path / "a.jsonl").write_text(json.dumps(plain) + "\n")
    with pytest.raises(ValueError, match="lacks 'seconds'"):
        read_saved_poses(tmp_path / "a.jsonl")


def test_provenance() -> None:
    weights = {"detector": {"file": "torchvision x"}, "pose": {"file": "a.pth", "sha256": "abc"}}
    provenance = pose_provenance(PoseTrackSettings(), weights)
    assert (provenance["detector.weights"], provenance["pose.weights"]) == ("torchvision x", "abc")
    relevant = {
        **{"detector.min_score": "0.2", "pose.flip_test": "true", "reader.image_fps": "30"},
        **{"tracker.matching": "greedy", "tracker.min_similarity": "0.1", "tracker.flow.method": "lk"},
        "submission.min_person_score": "0.1",
    }
    for key, value in relevant.items():
        other = pose_provenance(load_settings(PoseTrackSettings, None, {key: value}), weights)
        assert {k for k in provenance if provenance[k] != other[k]} == {key}
    irrelevant = {"device": "cpu", "submission.min_joint_score": "0.1"}
    assert pose_provenance(load_settings(PoseTrackSettings, None, irrelevant), weights) == provenance
