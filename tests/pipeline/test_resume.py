"""An interrupted run that goes on ends with the records of an unbroken one."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video, numbered_image, read_number, truncated
from stub_stages import stub_stages

import pose_track.pipeline.run_state
from pose_track.config.load import load_settings
from pose_track.config.settings import Settings
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.result_folder import ANNOTATED_FILE, OUTPUT_FILES, TRACKS_FILE, is_finished
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import track_file
from pose_track.structures.frames import Detections, Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError

NUM_FRAMES = 48


@pytest.fixture(autouse=True)
def _save_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_track.pipeline.run_state, "_SAVE_EVERY_SECONDS", 0.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clips") / "clip.mp4", NUM_FRAMES)


def crowd(frame: Frame) -> Detections:
    """People who cross each other, are missed now and then, come and go, and are seen with a low score."""
    chance = np.random.default_rng(frame.index)
    starts = np.array([10.0, 60, 110, 150])
    lefts = starts + frame.index * np.array([1.5, -0.5, -1.0, 0.25])
    seen = chance.random(4) > np.array([0.1, 0.3, 0.1, 0.6])
    seen &= np.array([True, frame.index > 20, frame.index < 45, True])
    boxes = np.stack([lefts, np.full(4, 4.0), lefts + 25, np.full(4, 58.0)], axis=1)[seen]
    return Detections(boxes.astype(np.float32), np.array([0.9, 0.8, 0.7, 0.6], np.float32)[seen])


def failing_at(index: int, error: BaseException) -> Callable[[Frame], Detections]:
    def detect(frame: Frame) -> Detections:
        if frame.index >= index:
            raise error
        return crowd(frame)

    return detect


def track(video: Path, out: Path, settings: Settings, detect: Callable[[Frame], Detections] = crowd) -> Summary:
    """Track, going on where a run has left off."""
    every = {"detect_every": settings.detector.every, "pose_every": settings.pose.every}
    stages = replace(stub_stages(settings, detect), **every)
    return track_file(video, out, stages, settings, resume=True)


def settings_of(**values: str) -> Settings:
    return load_settings(Settings, None, values)


def annotated_numbers(out: Path) -> list[int]:
    with open_video(out / ANNOTATED_FILE) as reader:
        return [read_number(frame.image) for frame in reader]


SETTINGS = [
    {},
    {"output.render": "false"},
    {"tracker.min_confirm_frames": "1", "output.render": "false"},
    {"tracker.min_confirm_frames": "5", "output.render": "false"},
    {"tracker.min_start_score": "0.65", "tracker.lookback_seconds": "0.6", "output.render": "false"},
    {"tracker.flow.method": "none", "output.render": "false"},
    {"tracker.flow.method": "dis", "tracker.flow.max_frames": "5", "detector.every": "3", "output.render": "false"},
    {"pose.every": "3", "output.render": "false"},
    {"reader.stride": "3", "reader.start_seconds": "0.4", "output.render": "false"},
]


@pytest.mark.parametrize("values", SETTINGS, ids=lambda values: ", ".join(f"{k}={v}" for k, v in values.items()))
def test_the_records_are_those_of_an_unbroken_run(values: dict[str, str], clip: Path, tmp_path: Path) -> None:
    settings, whole, out = settings_of(**values), tmp_path / "whole", tmp_path / "out"
    expected = track(clip, whole, settings)
    for index, error in ((0, MemoryError()), (25, MemoryError()), (28, KeyboardInterrupt()), (40, KeyboardInterrupt())):
        with pytest.raises(type(error)):
            track(clip, out, settings, failing_at(index, error))
        assert not is_finished(out)
    summary = track(clip, out, settings)
    for name in OUTPUT_FILES[:3]:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}
    assert 0 < summary.num_resumed < summary.frames
    compared = [replace(one, seconds=0.0, num_resumed=0) for one in (summary, expected)]
    assert compared[0] == compared[1]
    if settings.output.render:
        assert annotated_numbers(out) == annotated_numbers(whole) == list(range(NUM_FRAMES))


def test_poses_are_carried_over_the_clip(clip: Path, tmp_path: Path) -> None:
    """The clip shows a run that goes on with other poses than those it had when it was interrupted."""
    records = []
    for every in ("1", "3"):
        track(clip, tmp_path / every, settings_of(**{"pose.every": every, "output.render": "false"}))
        records.append((tmp_path / every / TRACKS_FILE).read_bytes().partition(b"\n")[2])
    assert records[0] != records[1]


def test_ids_and_people_change_over_the_clip(clip: Path, tmp_path: Path) -> None:
    """The clip of these tests would show a tracker that begins anew."""
    summary = track(clip, tmp_path / "out", settings_of())
    assert len(summary.track_ids) > 3
    records = [json.loads(line) for line in (tmp_path / "out" / TRACKS_FILE).read_text().splitlines()[1:]]
    assert {person["source"] for record in records for person in record["people"]} == {"detector", "flow"}


def test_faults_of_the_video_are_recorded_once(tmp_path: Path) -> None:
    video, settings = make_video(tmp_path / "a.mkv", 60), settings_of(**{"output.render": "false"})
    content = bytearray(video.read_bytes())
    content[len(content) // 2 :: 97] = bytes(len(content[len(content) // 2 :: 97]))
    video.write_bytes(content)
    with pytest.raises(DamageError):
        track(video, tmp_path / "whole", settings)
    for index in (20, 30):
        with pytest.raises(MemoryError):
            track(video, tmp_path / "out", settings, failing_at(index, MemoryError()))
    with pytest.raises(DamageError):
        track(video, tmp_path / "out", settings)
    whole, out = ((tmp_path / name / TRACKS_FILE).read_bytes() for name in ("whole", "out"))
    assert out == whole
    assert b'"fault"' in whole
    assert is_finished(tmp_path / "out")


@pytest.fixture
def interrupted(clip: Path, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    with pytest.raises(MemoryError):
        track(clip, out, Settings(), failing_at(40, MemoryError()))
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("values", "named"),
    [({"reader.stride": "2"}, "settings.reader.stride"), ({"tracker.buffer_seconds": "9"}, "tracker.buffer_seconds")],
)
def test_other_settings_are_refused(values: dict[str, str], named: str, clip: Path, interrupted: Path) -> None:
    before = contents(interrupted)
    with pytest.raises(ValueError, match=named):
        track(clip, interrupted, settings_of(**values))
    assert contents(interrupted) == before


def test_other_weights_are_refused(clip: Path, interrupted: Path) -> None:
    stages = replace(stub_stages(detect=crowd), weights={"detector": {"file": "none"}, "pose": {"file": "another"}})
    with pytest.raises(ValueError, match=r"weights\.pose\.file 'none', not 'another'"):
        track_file(clip, interrupted, stages, Settings(), resume=True)


def test_a_changed_video_is_refused(clip: Path, interrupted: Path, tmp_path: Path) -> None:
    before = contents(interrupted)
    changed = make_video(tmp_path / "clip.mp4", NUM_FRAMES, options={"crf": "40"})
    with pytest.raises(ValueError, match=r"clip\.mp4"):
        track(changed, interrupted, Settings())
    assert contents(interrupted) == before


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    pictures, settings = tmp_path / "pictures", settings_of(**{"output.render": "false"})
    pictures.mkdir()
    for index in range(30):
        cv2.imwrite(str(pictures / f"{index}.png"), numbered_image(index))
    track(pictures, tmp_path / "whole", settings)
    with pytest.raises(MemoryError):
        track(pictures, tmp_path / "out", settings, failing_at(20, MemoryError()))
    cv2.imwrite(str(pictures / "30.png"), numbered_image(30))
    with pytest.raises(ValueError, match="pictures"):
        track(pictures, tmp_path / "out", settings)
    (pictures / "30.png").unlink()
    track(pictures, tmp_path / "out", settings)
    assert (tmp_path / "out" / TRACKS_FILE).read_bytes() == (tmp_path / "whole" / TRACKS_FILE).read_bytes()


@pytest.mark.parametrize("flip", [0, 40, -1])
def test_a_damaged_state_is_refused(flip: int, clip: Path, interrupted: Path) -> None:
    content = bytearray((interrupted / STATE_FILE).read_bytes())
    content[flip] ^= 1
    (interrupted / STATE_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=STATE_FILE):
        track(clip, interrupted, Settings())


def test_lost_records_are_noticed(clip: Path, interrupted: Path) -> None:
    os.truncate(interrupted / TRACKS_FILE, 4000)
    with pytest.raises(ValueError, match=TRACKS_FILE):
        track(clip, interrupted, Settings())


def test_what_is_there_decides_what_is_said(clip: Path, interrupted: Path) -> None:
    def refusal(resume: bool) -> str:
        with pytest.raises(FileExistsError) as caught:
            track_file(clip, interrupted, stub_stages(), Settings(), resume=resume)
        return str(caught.value)

    assert "interrupted" in refusal(resume=False)
    assert "--resume" in refusal(resume=False)
    state = (interrupted / STATE_FILE).read_bytes()
    (interrupted / STATE_FILE).unlink()
    assert "--resume" not in refusal(resume=False)
    assert "interrupted" in refusal(resume=True)
    (interrupted / STATE_FILE).write_bytes(state)
    track(clip, interrupted, Settings())
    for resume in (False, True):
        assert "finished" in refusal(resume)
        assert "--resume" not in refusal(resume)


def test_a_run_killed_within_its_header_begins_anew(clip: Path, tmp_path: Path) -> None:
    settings, out = settings_of(**{"output.render": "false"}), tmp_path / "out"
    out.mkdir()
    (out / TRACKS_FILE).write_bytes(b'{"type":"header","compl')
    summary = track(clip, out, settings)
    assert (summary.frames, summary.num_resumed) == (NUM_FRAMES, 0)
    assert is_finished(out)


def test_overwriting_removes_the_state(clip: Path, interrupted: Path) -> None:
    track_file(clip, interrupted, stub_stages(), Settings(), overwrite=True)
    assert {path.name for path in interrupted.iterdir()} == set(OUTPUT_FILES)


class FullFrom:
    """Makes the disk full once the tracks file has so many bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, writer: TracksWriter, content: bytes) -> None:
        if writer._file.tell() + len(content) > self._size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        writer._file.write(content)


@pytest.mark.parametrize("size", [9000, 17_003, 24_500])
def test_a_full_disk(size: int, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault takes the place of records that the state has covered already."""
    settings = settings_of(**{"output.render": "false"})
    track(clip, tmp_path / "whole", settings)
    with monkeypatch.context() as patch:
        full = FullFrom(size)
        patch.setattr(TracksWriter, "_write_whole", lambda writer, content: full(writer, content))
        with pytest.raises(OSError, match="space"):
            track(clip, tmp_path / "out", settings)
    assert json.loads((tmp_path / "out" / TRACKS_FILE).read_text().splitlines()[-1])["type"] == "fault"
    summary = track(clip, tmp_path / "out", settings)
    assert (tmp_path / "out" / TRACKS_FILE).read_bytes() == (tmp_path / "whole" / TRACKS_FILE).read_bytes()
    assert summary.num_resumed > 0


def test_a_pipe_leaves_no_state(tmp_path: Path) -> None:
    video, pipe = make_video(tmp_path / "clip.ts", 20), tmp_path / "pipe.ts"
    assert pose_track.pipeline.run_state.source_digest(video) is not None
    os.mkfifo(pipe)
    assert pose_track.pipeline.run_state.source_digest(pipe) is None


def test_a_video_that_was_cut_short_meanwhile(clip: Path, interrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--overwrite"):
        track(truncated(clip, 0.5), interrupted, Settings())
