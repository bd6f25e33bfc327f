"""Output files of one video, after success, errors and interrupts."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from make_video import HEIGHT, WIDTH, is_upright, make_video, read_number, truncated, without_packet
from prefetch_threads import num_prefetch_threads
from stub_stages import one_person, stub_stages

import pose_track.pipeline.result_writer
from pose_track.config.settings import Settings
from pose_track.config.sources import ReaderSettings
from pose_track.formats.tracks_jsonl import is_complete, read_tracks
from pose_track.pipeline.errors import explain_write_errors
from pose_track.pipeline.result_folder import ANNOTATED_FILE, OUTPUT_FILES, POSETRACK17_FILE, TRACKS_FILE
from pose_track.pipeline.result_writer import expected_frames
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import track_file
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.video.reader import DecodeError, VideoInfo, open_video
from pose_track.video.source import DamageError


def no_detections(frame: Frame) -> Detections:
    """No detections, so that nothing is drawn on the annotated video."""
    return Detections.empty()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / TRACKS_FILE).read_text().splitlines()]


def frame_numbers(folder: Path) -> list[int]:
    """Frame indices of the records; asserts that all files hold the same frames."""
    _, frames = read_tracks(folder / TRACKS_FILE)
    indices = [tracked.frame_index for tracked in frames]
    data18, data17 = (json.loads((folder / name).read_text()) for name in OUTPUT_FILES[1:3])
    assert [image["id"] % 10_000 for image in data18["images"]] == indices
    assert [image["imgnum"] for image in data17["annolist"]] == [[i + 1] for i in indices]
    if (folder / ANNOTATED_FILE).exists():
        with open_video(folder / ANNOTATED_FILE) as reader:
            assert len(list(reader)) == len(indices)
    return indices


def only_results(folder: Path) -> bool:
    """Whether the folder holds no partial file, and the state of a run only if its records end early."""
    state = set() if is_complete(folder / TRACKS_FILE) else {STATE_FILE}
    return {path.name for path in folder.iterdir()} <= {*OUTPUT_FILES, *state}


@pytest.mark.parametrize("rotation", [0, 90])
def test_all_files_have_every_frame(rotation: int, tmp_path: Path) -> None:
    video, out = make_video(tmp_path / "clip.mp4", 8, fps=Fraction(30000, 1001), rotation=rotation), tmp_path / "out"
    summary = track_file(video, out, stub_stages(detect=no_detections), Settings())
    assert {path.name for path in out.iterdir()} == set(OUTPUT_FILES)
    assert frame_numbers(out) == list(range(8))
    header, *records = lines(out)
    assert header["type"] == "header"
    assert (header["width"], header["height"], header["fps"]) == (WIDTH, HEIGHT, 30000 / 1001)
    assert (header["source"], header["skeleton"]) == (str(video), "posetrack_15")
    assert header["joint_names"] == list(POSETRACK_15.joint_names)
    assert header["settings"] == json.loads(Settings().model_dump_json())
    assert header["weights"] == {"detector": {"file": "none"}, "pose": {"file": "none", "about": "a rule"}}
    times = [record["pts_seconds"] for record in records]
    assert times == pytest.approx([i * 1001 / 30000 for i in range(8)], abs=1e-6)
    assert all(record["people"] == [] for record in records)
    with open_video(out / ANNOTATED_FILE) as reader:
        annotated = list(reader)
        assert (reader.info.fps, reader.info.width, reader.info.height) == (Fraction(30000, 1001), WIDTH, HEIGHT)
        assert reader.info.rotation == 0
    assert [read_number(frame.image) for frame in annotated] == list(range(8))
    assert all(is_upright(frame.image) for frame in annotated)
    assert [frame.pts_seconds for frame in annotated] == pytest.approx(times, abs=1e-4)
    assert (summary.frames, summary.people, summary.track_ids) == (8, 0, set())


def test_people_are_recorded_and_counted(tmp_path: Path) -> None:
    summary = track_file(make_video(tmp_path / "clip.mp4", 5), tmp_path / "out", stub_stages(), Settings())
    assert (summary.frames, summary.people, summary.track_ids) == (5, 4, {1})
    assert summary.frames_per_second == pytest.approx(5 / summary.seconds)
    people = [record["people"] for record in lines(tmp_path / "out")[1:]]
    assert [[p["track_id"] for p in frame] for frame in people] == [[], [1], [1], [1], [1]]
    (person,) = people[2]
    assert (person["box"], person["score"], person["source"]) == ([14, 20, 54, 100], 0.9, "detector")
    assert person["joints"][0] == [18, 28, 0.8]
    assert len(person["joints"]) == 15


@pytest.mark.parametrize(
    ("reader", "expected", "rate"),
    [
        ({"stride": 3}, [0, 3, 6, 9], Fraction(10, 3)),
        ({"start_seconds": 0.35}, list(range(4, 12)), Fraction(10)),
        ({"end_seconds": 0.35}, [0, 1, 2, 3], Fraction(10)),
        ({"start_seconds": 0.2, "end_seconds": 1.0, "stride": 4}, [2, 6], Fraction(10, 4)),
    ],
)
def test_selection_of_frames(reader: dict[str, Any], expected: list[int], rate: Fraction, tmp_path: Path) -> None:
    settings = Settings(reader=ReaderSettings(**reader))
    track_file(make_video(tmp_path / "clip.mp4", 12), tmp_path / "out", stub_stages(detect=no_detections), settings)
    assert frame_numbers(tmp_path / "out") == expected
    with open_video(tmp_path / "out" / ANNOTATED_FILE) as video:
        assert video.info.fps == rate
        assert [read_number(frame.image) for frame in video] == expected


def test_damage_is_recorded_between_the_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video, out, summary = without_packet(make_video(tmp_path / "a.ts", 40)), tmp_path / "out", Summary()
    with pytest.raises(DamageError):
        track_file(video, out, stub_stages(), Settings(), summary=summary)
    num_frames = summary.frames
    assert num_frames >= 38
    records = lines(out)[1:]
    assert [r["frame"] for r in records if "type" not in r] == list(range(num_frames))
    place, *further = [n for n, r in enumerate(records) if r.get("type") == "fault"]
    assert records[place]["frame"] == records[place + 1]["frame"] > 10
    assert only_results(out)
    _, frames = read_tracks(out / TRACKS_FILE)
    assert len(list(frames)) == num_frames
    assert ([d.frame for d in frames.damage], frames.fault) == ([records[n]["frame"] for n in (place, *further)], None)


def test_truncated_video_keeps_the_frames_before_the_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video, out, summary = truncated(make_video(tmp_path / "clip.mp4", 40)), tmp_path / "out", Summary()
    with pytest.raises(DecodeError) as caught:
        track_file(video, out, stub_stages(), Settings(), summary=summary)
    assert summary.frames == caught.value.frame_index > 5
    assert frame_numbers(out) == list(range(summary.frames))
    assert lines(out)[-1]["type"] == "fault"
    assert lines(out)[-1]["frame"] == summary.frames
    assert only_results(out)
    assert caplog.records == []  # the error is reported once


def calling_at(index: int, call: Callable[[], None]) -> Callable[[Frame], Detections]:
    def detect(frame: Frame) -> Detections:
        if frame.index == index:
            call()
        return one_person(frame)

    return detect


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, even if the tests were started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press_twice() -> None:
    press_ctrl_c()
    press_ctrl_c()


@pytest.mark.parametrize("interrupt", [raise_interrupt, press_ctrl_c])
@pytest.mark.usefixtures("default_sigint")
def test_interrupt_leaves_valid_files(interrupt: Callable[[], None], tmp_path: Path) -> None:
    out, video = tmp_path / "out", make_video(tmp_path / "a.mp4", 80)
    with pytest.raises(KeyboardInterrupt):
        track_file(video, out, stub_stages(detect=calling_at(40, interrupt)), Settings())
    last = frame_numbers(out)[-1]
    assert 0 < last < 79  # the tracker is behind the detector; prefetched frames are dropped
    assert lines(out)[-1] == {"type": "fault", "message": "interrupted by the user", "after_frame": last}
    assert {path.name for path in out.iterdir()} == {*OUTPUT_FILES, STATE_FILE}


@pytest.mark.usefixtures("default_sigint")
def test_second_interrupt_is_not_deferred(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", 80)
    with pytest.raises(KeyboardInterrupt):
        track_file(video, tmp_path / "out", stub_stages(detect=calling_at(40, press_twice)), Settings())
    assert lines(tmp_path / "out")[-1]["type"] == "fault"
    assert num_prefetch_threads() == 0


@pytest.mark.usefixtures("default_sigint")
def test_interrupt_during_the_exports_is_deferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = pose_track.pipeline.result_writer.write_posetrack18

    def interrupted(*args: Any, **kwargs: Any) -> None:
        press_ctrl_c()
        write(*args, **kwargs)

    monkeypatch.setattr(pose_track.pipeline.result_writer, "write_posetrack18", interrupted)
    with pytest.raises(KeyboardInterrupt):
        track_file(make_video(tmp_path / "a.mp4", 3), tmp_path / "out", stub_stages(), Settings())
    assert frame_numbers(tmp_path / "out") == [0, 1, 2]
    assert all(line.get("type") != "fault" for line in lines(tmp_path / "out"))


def test_unexpected_error_is_recorded(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("the network broke")

    with pytest.raises(RuntimeError, match="the network broke"):
        track_file(
            make_video(tmp_path / "a.mp4"), tmp_path / "out", stub_stages(detect=calling_at(6, fail)), Settings()
        )
    assert lines(tmp_path / "out")[-1]["message"] == "RuntimeError: the network broke"
    assert frame_numbers(tmp_path / "out") == [0, 1, 2, 3]  # those of the batches before


def full_after(num_calls: int) -> Callable[..., Any]:
    """A stub of a writing function that runs out of disk space after `num_calls` calls."""
    calls = []

    def write(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) > num_calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return write


def test_full_disk_while_writing_names_folder_and_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_track.pipeline.result_writer.TracksWriter, "write", full_after(0))
    out = tmp_path / "out"
    with pytest.raises(OSError, match=r"out': No space left on device; ") as caught:
        track_file(make_video(tmp_path / "a.mp4"), out, stub_stages(), Settings())
    assert "\n" not in str(caught.value)
    assert [line["type"] for line in lines(out)] == ["header", "fault"]
    assert only_results(out)


def test_full_disk_during_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_track.pipeline.result_writer, "write_posetrack17", full_after(0))
    out = tmp_path / "out"
    with pytest.raises(OSError, match=r"out': No space left on device"):
        track_file(make_video(tmp_path / "a.mp4", 3), out, stub_stages(), Settings())
    assert not (out / POSETRACK17_FILE).exists()
    # complete before the error, so without a fault record
    assert [line.get("frame") for line in lines(out)] == [None, 0, 1, 2]
    assert (out / ANNOTATED_FILE).exists()


def test_failing_export_does_not_hide_the_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pose_track.pipeline.result_writer, "write_posetrack18", full_after(0))
    with pytest.raises(DecodeError):
        track_file(truncated(make_video(tmp_path / "a.mp4", 40)), tmp_path / "out", stub_stages(), Settings())
    assert "exports" in caplog.text


@pytest.mark.parametrize("blocker", ["out", "out/clip"])
def test_output_folder_is_a_file(blocker: str, tmp_path: Path) -> None:
    (tmp_path / blocker).parent.mkdir(exist_ok=True)
    (tmp_path / blocker).write_text("other")
    with pytest.raises(OSError, match=r"/out.* --out"):
        track_file(make_video(tmp_path / "clip.mp4", 2), tmp_path / "out" / "clip", stub_stages(), Settings())
    assert (tmp_path / blocker).read_text() == "other"


def test_read_error_passes_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match=r"image\.png"), explain_write_errors(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "image.png"))


def test_results_are_replaced_only_with_overwrite_and_by_a_new_result(tmp_path: Path) -> None:
    video, out = make_video(tmp_path / "clip.mp4", 4), tmp_path / "out"
    track_file(video, out, stub_stages(), Settings())
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    with pytest.raises(FileExistsError, match=r"tracks\.jsonl'.* --overwrite"):
        track_file(video, out, stub_stages(), Settings())
    with pytest.raises(KeyboardInterrupt):  # at the first frame, before the new run has any result
        track_file(video, out, stub_stages(detect=calling_at(0, raise_interrupt)), Settings(), overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    short = Settings.model_validate({"reader": {"end_seconds": 0.15}, "output": {"render": False}})
    (out / f"{ANNOTATED_FILE}.partial").write_bytes(b"of a killed run")
    track_file(video, out, stub_stages(), short, overwrite=True)
    assert frame_numbers(out) == [0, 1]
    assert {path.name for path in out.iterdir()} == set(OUTPUT_FILES) - {ANNOTATED_FILE}  # the old run's is removed


@pytest.mark.parametrize(
    ("num_from_header", "settings", "expected"),
    [
        (None, {}, None),
        (100, {}, 100),
        (100, {"stride": 3}, 34),
        (100, {"start_seconds": 1.0, "end_seconds": 3.0}, 20),
        (100, {"start_seconds": 20.0}, 0),
        (100, {"end_seconds": 60.0}, 100),
    ],
)
def test_total_of_the_progress_bar(num_from_header: int | None, settings: dict[str, Any], expected: int | None) -> None:
    info = VideoInfo("clip.mp4", 64, 48, Fraction(10), num_from_header)
    assert expected_frames(info, ReaderSettings(**settings)) == expected


def test_progress_bar_shows_frames_per_second_and_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    track_file(make_video(tmp_path / "clip.mp4", 5), tmp_path / "out", stub_stages(), Settings())
    last = capsys.readouterr().err.strip().split("\r")[-1]
    assert last.startswith("clip.mp4: 100%")
    assert "5/5" in last
    assert "frames/s, people=1]" in last
