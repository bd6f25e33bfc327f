"""Every kind of result is opened as one thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_video import make_video
from stub_stages import stub_stages

from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import DamageRecord, FaultRecord
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.pipeline.track_file import track_file
from pose_track.results.open_result import open_result
from pose_track.results.video_path import find_video
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import LSP_14

HEADER: dict[str, Any] = {
    "version": "1", "source": "clip.mp4", "fps": 10.0, "width": 192, "height": 128, "skeleton": LSP_14.name,
    "joint_names": list(LSP_14.joint_names), "settings": {}, "weights": {},
}  # fmt: skip


def people(frame: int, *ids: int) -> TrackedPoses:
    n = len(ids)
    boxes = np.tile(np.array([10, 20, 50, 90], np.float32), (n, 1))
    poses = Poses(np.full((n, 14, 2), 30.0), np.full((n, 14), 0.9), boxes, np.full(n, 0.8), LSP_14)  # type: ignore[arg-type]
    return TrackedPoses(frame, frame / 10, poses, np.array(ids, np.int64))


def write(path: Path, header: dict[str, Any] = HEADER, fault: str = "") -> Path:
    with TracksWriter(path, header) as writer:
        for frame in range(3):
            writer.write(people(frame, 1, 2)[np.array([True, frame > 0])])
        if fault:
            writer.write_damage(3, "a lost packet")
            writer.write_fault(fault)
    return path


def test_a_folder_and_its_file_are_the_same(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4")
    track_file(video, tmp_path / "out", stub_stages(), Settings())
    for path in (tmp_path / "out", tmp_path / "out" / TRACKS_FILE):
        result = open_result(path)
        assert (result.fps, result.width, result.height, result.source) == (10.0, 192, 128, video)
        assert result.path == tmp_path / "out" / TRACKS_FILE
        assert result.complete
        assert result.faults == ()
        assert result.num_frames == 12
        assert [tracked.frame_index for tracked in result] == list(range(12)) == [t.frame_index for t in result]


def test_names_and_faults(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {**HEADER, "names": {"2": "Ann"}}, fault="disk full")
    result = open_result(path)
    assert result.names == {2: "Ann"}
    assert not result.complete
    assert result.faults == (DamageRecord("a lost packet", 3), FaultRecord("disk full", 2))
    assert result.source is None
    with pytest.raises(FileNotFoundError, match=r"the video, 'clip\.mp4', of .*--video"):
        result.video()


def test_a_killed_run_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", fault="")
    path.write_bytes(path.read_bytes().replace(b'"complete":true ', b'"complete":false', 1)[:-20])
    result = open_result(path)
    assert not result.complete
    assert result.num_frames == 2
    assert isinstance(result.faults[0], FaultRecord)


def coco(path: Path, entries: list[tuple[int, int | None]]) -> Path:
    """COCO results of (image id, track id)."""
    values = [
        {"image_id": image, "category_id": 1, "keypoints": [30.0, 40.0, 0.9] * 17, "score": 0.8}
        | ({} if track is None else {"track_id": track})
        for image, track in entries
    ]
    path.write_text(json.dumps(values))
    return path


def ids_by_frame(path: Path) -> dict[int, list[int]]:
    return {tracked.frame_index: tracked.track_ids.tolist() for tracked in open_result(path)}


def test_frames_without_people_that_a_file_does_not_list(tmp_path: Path) -> None:
    assert ids_by_frame(coco(tmp_path / "a.json", [(1, 7), (4, 7)])) == {0: [], 1: [7], 2: [], 3: [], 4: [7]}
    assert ids_by_frame(coco(tmp_path / "b.json", [(5, 7), (20, 7)])) == {0: [], 5: [7], 10: [], 15: [], 20: [7]}


def test_people_without_ids(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert ids_by_frame(coco(tmp_path / "a.json", [(0, None), (0, None), (1, None)])) == {0: [1, 2], 1: [1]}
    assert "see pose-track link" in caplog.text
    assert ids_by_frame(coco(tmp_path / "b.json", [(0, 3), (0, None), (1, 3)])) == {0: [3], 1: [3]}
    assert "left out 1 people without a track id" in caplog.text


def test_ids_from_0_on_become_ids_from_1_on(tmp_path: Path) -> None:
    assert ids_by_frame(coco(tmp_path / "a.json", [(0, 0), (0, 1), (1, 0)])) == {0: [1, 2], 1: [1]}


def test_the_rate_and_size_of_other_formats_are_those_of_the_video(tmp_path: Path) -> None:
    path = coco(tmp_path / "a.json", [(0, 1), (1, 1)])
    alone = open_result(path)
    assert (alone.fps, alone.width, alone.source) == (25.0, None, None)
    video = make_video(tmp_path / "clip.mp4")
    result = open_result(path, video)
    assert (result.fps, result.width, result.height, result.source) == (10.0, 192, 128, video)
    assert [tracked.pts_seconds for tracked in result] == [0.0, 0.1]


# what is opened, error, a part of the message
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing", FileNotFoundError, "does not exist"),
        ("empty", FileNotFoundError, r"holds no tracks\.jsonl"),
        ("text.json", ValueError, "give a tracks.jsonl"),
    ],
)
def test_what_is_no_result(tmp_path: Path, name: str, error: type[Exception], message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("nothing")
    with pytest.raises(error, match=message):
        open_result(tmp_path / name)


def test_frames_of_several_videos_are_refused(tmp_path: Path) -> None:
    entries = coco(tmp_path / "a.json", [(10003420000, 1), (10003430000, 1)])
    with pytest.raises(ValueError, match="several videos"):
        open_result(entries)


# the source in the header, where the video is below the folder of the test
@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("clip.mp4", "clip.mp4"),
        ("videos/clip.mp4", "videos/clip.mp4"),
        ("/gone/clip.mp4", "runs/clip/clip.mp4"),  # moved with its result
        ("C:\\videos\\clip.mp4", "clip.mp4"),
    ],
)
def test_where_a_video_is_found(tmp_path: Path, source: str, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    assert find_video(tmp_path / "runs" / "clip" / TRACKS_FILE, source) == tmp_path / place


@pytest.mark.parametrize("source", ["", None, "rtsp://cam/door", "http://host/clip.mp4", "a" * 5000, "a\0b", "screen:"])
def test_what_is_no_video_of_this_machine(tmp_path: Path, source: str | None) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "door").touch()
    assert find_video(tmp_path / TRACKS_FILE, source) is None
