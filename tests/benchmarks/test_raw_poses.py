"""Raw poses: kept whole, and only where they are what a run would make."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from made_posetrack import make_data
from make_video import make_video
from stub_stages import stub_stages

from pose_track.benchmarks.dataset import Clip, check_data
from pose_track.benchmarks.raw_poses import Estimation, is_kept, made_with, read_raw, write_raw
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.settings import PoseTrackSettings, load_settings

MADE: Mapping[str, Any] = {"detector.min_score": 0.1, "pose.weights": "abc"}


def estimate(clip: Clip, path: Path, first_number: int = 0) -> list[int]:
    """Write a sequence's raw poses and return how often progress was told."""
    steps: list[int] = []
    estimation = Estimation(stub_stages(), PoseTrackSettings(), MADE, first_number, "stub")
    write_raw(path, *estimation(clip, lambda: steps.append(1)))
    return steps


def test_a_raw_file_has_every_picture_also_those_not_listed(tmp_path: Path) -> None:
    make_data(tmp_path, num_frames=5, listed=(2,))
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert len(estimate(clip, path)) == 5
    header, frames = read_tracks(path)  # as any file of tracks
    assert (header["linked"], header["made_with"], header["device"]) == (False, MADE, "stub")
    assert [t.track_ids.tolist() for t in frames] == [[], [1], [1], [1], [1]]
    raw = read_raw(path)
    assert raw.image_names == tuple(f"{i:06d}.jpg" for i in range(5))
    assert raw.fps == 25
    assert raw.seconds > 0
    assert clip.truth is not None
    assert raw.places(clip.truth).tolist() == [2]


@pytest.mark.parametrize(
    ("year", "names"), [("2017", ["00000001.jpg", "00000002.jpg"]), ("2018", ["000000.jpg", "000001.jpg"])]
)
def test_frames_of_a_video_have_the_names_that_pictures_would_have(year: str, names: list[str], tmp_path: Path) -> None:
    make_data(tmp_path, year, names=("a",), num_frames=3, listed=(1, 2))
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    data = check_data(tmp_path, year, "val")
    estimate(data.clips[0], tmp_path / "a.jsonl", data.edition.first_number)
    raw = read_raw(tmp_path / "a.jsonl")
    assert list(raw.image_names[:2]) == names
    assert raw.fps == 10  # the video's own
    assert data.clips[0].truth is not None
    assert raw.places(data.clips[0].truth).tolist() == [1, 2]


def test_a_video_that_is_too_short_lacks_a_listed_frame(tmp_path: Path) -> None:
    make_data(tmp_path, names=("a",), num_frames=5)
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / "images/val/a.mp4", 3)
    (clip,) = check_data(tmp_path, "2018", "val").clips
    estimate(clip, tmp_path / "a.jsonl")
    assert clip.truth is not None
    with pytest.raises(ValueError, match=r"a lists '000003\.jpg', but there are 3 frames, without it"):
        read_raw(tmp_path / "a.jsonl").places(clip.truth)


def test_what_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_data(tmp_path)
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    path = tmp_path / "a.jsonl"
    assert not is_kept(path, clip, MADE)
    estimate(clip, path)
    assert is_kept(path, clip, MADE)
    with pytest.raises(ValueError, match=r"a\.jsonl' was made with detector\.min_score 0\.1, now 0\.2; choose another"):
        is_kept(path, clip, {**MADE, "detector.min_score": 0.2})
    assert caplog.messages == []

    text = path.read_text()
    for cut in (text[: len(text) // 2], text[:-1], "".join(text.splitlines(keepends=True)[:-1])):
        path.write_text(cut)
        assert not is_kept(path, clip, MADE)
        assert "is tracked again" in caplog.messages[-1]
    path.write_text(text)
    shutil.copy(tmp_path / "images/val/a/000000.jpg", tmp_path / "images/val/a/000009.jpg")
    (clip, _) = check_data(tmp_path, "2018", "val").clips
    assert not is_kept(path, clip, MADE)


@pytest.mark.parametrize("header", ["", "not JSON\n", '{"type": "header"}\n'])
def test_what_is_no_raw_file_is_not_overwritten(header: str, tmp_path: Path) -> None:
    make_data(tmp_path)
    (tmp_path / "a.jsonl").write_text(header)
    with pytest.raises(ValueError, match=r"a\.jsonl' does not hold raw poses; choose another --out"):
        is_kept(tmp_path / "a.jsonl", check_data(tmp_path, "2018", "val").clips[0], MADE)


def test_a_raw_file_that_is_not_whole_cannot_be_read(tmp_path: Path) -> None:
    make_data(tmp_path)
    estimate(check_data(tmp_path, "2018", "val").clips[0], tmp_path / "a.jsonl")
    header, *records = (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_text(header + "".join(records[:-1]))
    with pytest.raises(ValueError, match=r"a\.jsonl has 4 frames of 5; delete it"):
        read_raw(tmp_path / "a.jsonl")
    plain = {key: value for key, value in json.loads(header).items() if key != "seconds"}
    (tmp_path / "a.jsonl").write_text(json.dumps(plain) + "\n")
    with pytest.raises(ValueError, match="holds no raw poses: its header lacks 'seconds'"):
        read_raw(tmp_path / "a.jsonl")


def test_what_decides_the_poses() -> None:
    weights = {"detector": {"file": "torchvision x"}, "pose": {"file": "a.pth", "sha256": "abc"}}
    made = made_with(PoseTrackSettings(), weights)
    assert (made["detector.weights"], made["pose.weights"]) == ("torchvision x", "abc")
    for key, value in {"detector.min_score": "0.2", "pose.flip_test": "true", "reader.image_fps": "30"}.items():
        other = made_with(load_settings(PoseTrackSettings, None, {key: value}), weights)
        assert {k for k in made if made[k] != other[k]} == {key}
    free = {"device": "cpu", "tracker.matching": "greedy", "submission.min_joint_score": "0.1"}
    assert made_with(load_settings(PoseTrackSettings, None, free), weights) == made
