"""Live runs: results at once, the newest frame next, and complete files at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video
from stub_stages import one_person, stub_stages

from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.live_result import LiveResult, NoOutlet
from pose_track.pipeline.result_folder import OUTPUT_FILES, TRACKS_FILE
from pose_track.pipeline.track_live import LiveSummary, live_frames, track_live
from pose_track.structures.frames import Detections, Frame
from pose_track.video.paced import paced
from pose_track.video.reader import open_video

FAST = load_settings(Settings, preset_path("fast"), {"tracker.flow.method": "none"})


class Recorder(NoOutlet):
    """Keeps all results. stop_after: the number of results after which the user ends the run."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.results: list[LiveResult] = []
        self._stop_after = stop_after

    def show(self, result: LiveResult) -> None:
        self.results.append(result)
        if len(self.results) == self._stop_after:
            self.stop_requested.set()


def run(
    video: Path, outlet: Recorder, folder: Path | None = None, delay: float = 0.0, settings: Settings = FAST
) -> LiveSummary:
    def detect(frame: Frame) -> Detections:
        time.sleep(delay)
        return one_person(frame)

    summary = LiveSummary()
    with live_frames(open_video(video), lambda: False) as frames:
        track_live(frames, stub_stages(settings, detect), settings, summary, lambda *_: outlet, folder)
    return summary


def test_a_file_is_played_at_its_own_speed_and_shown_at_once(tmp_path: Path) -> None:
    video, outlet = make_video(tmp_path / "clip.mp4", 10, fps=Fraction(20)), Recorder()
    started = time.monotonic()
    summary = run(video, outlet)
    assert time.monotonic() - started >= 9 / 20
    shown = [result.people.frame_index for result in outlet.results]
    assert summary.frames + summary.num_skipped == 10
    assert shown == sorted(set(shown))
    assert shown[-1] == 9
    assert all(result.latency_seconds is not None and 0 <= result.latency_seconds < 5 for result in outlet.results)
    assert set(summary.latency.milliseconds()) == {"median", "p95"}


def test_slow_stages_skip_frames_and_the_records_count_them(tmp_path: Path) -> None:
    video, outlet = make_video(tmp_path / "clip.mp4", 20, fps=Fraction(50)), Recorder()
    summary = run(video, outlet, tmp_path / "out", delay=0.06)
    assert summary.num_skipped > 5
    assert summary.frames + summary.num_skipped == 20
    _, records = read_tracks(tmp_path / "out" / TRACKS_FILE)
    recorded = list(records)
    assert [people.frame_index for people in recorded] == [r.people.frame_index for r in outlet.results]
    assert records.fault is None
    assert records.live is not None
    assert records.live.num_skipped == summary.num_skipped
    assert records.live.latency_ms == summary.latency.milliseconds()
    assert json.loads((tmp_path / "out" / TRACKS_FILE).read_text().splitlines()[0])["complete"] is True
    assert {name for name in OUTPUT_FILES if (tmp_path / "out" / name).exists()} == set(OUTPUT_FILES)


def test_unconfirmed_people_are_shown_and_not_recorded(tmp_path: Path) -> None:
    video, outlet = make_video(tmp_path / "clip.mp4", 12, fps=Fraction(10)), Recorder()
    run(video, outlet, tmp_path / "out")
    _, records = read_tracks(tmp_path / "out" / TRACKS_FILE)
    shown = {r.people.frame_index: r.people for r in outlet.results}
    assert [person.confirmed for r in outlet.results for person in r.people].count(False) == 2
    for people in records:
        confirmed = [person.id for person in shown[people.frame_index] if person.confirmed]
        assert people.track_ids.tolist() == confirmed  # the ids that were shown


def test_the_user_ends_the_run_and_the_results_are_complete(tmp_path: Path) -> None:
    before = threading.active_count()
    video, outlet = make_video(tmp_path / "clip.mp4", 50, fps=Fraction(25)), Recorder(stop_after=4)
    summary = run(video, outlet, tmp_path / "out")
    assert summary.frames == len(outlet.results) == 4
    _, records = read_tracks(tmp_path / "out" / TRACKS_FILE)
    assert len(list(records)) == 4
    assert records.fault is None
    assert threading.active_count() == before


def test_max_frames(tmp_path: Path) -> None:
    settings = load_settings(Settings, None, {"reader.max_frames": "3", "tracker.flow.method": "none"})
    outlet = Recorder()
    assert run(make_video(tmp_path / "clip.mp4", 30, fps=Fraction(25)), outlet, settings=settings).frames == 3


def test_a_stalled_source_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()

    def images() -> Iterator[np.ndarray]:
        yield np.zeros((128, 192, 3), np.uint8)
        stop.wait(5)  # no frame follows
        yield np.zeros((128, 192, 3), np.uint8)

    threading.Timer(0.3, stop.set).start()
    started, summary = time.monotonic(), LiveSummary()
    with live_frames(open_video(images()), stop.is_set) as frames:
        track_live(frames, stub_stages(FAST), FAST, summary, lambda *_: Recorder())
    assert summary.frames == 1
    assert time.monotonic() - started < 3


def test_an_error_of_the_source_comes_after_its_frames(tmp_path: Path) -> None:
    def images() -> Iterator[np.ndarray]:
        yield np.zeros((128, 192, 3), np.uint8)
        raise OSError("the camera was unplugged")

    summary = LiveSummary()
    with (
        live_frames(open_video(images()), lambda: False) as frames,
        pytest.raises(OSError, match="unplugged"),
    ):
        track_live(frames, stub_stages(FAST), FAST, summary, lambda *_: Recorder(), tmp_path / "out")
    _, records = read_tracks(tmp_path / "out" / TRACKS_FILE)
    assert len(list(records)) == summary.frames == 1
    assert records.fault is not None
    assert "unplugged" in records.fault.message


def test_paced_frames_state_when_they_were_due(tmp_path: Path) -> None:
    with open_video(make_video(tmp_path / "clip.mp4", 5, fps=Fraction(20))) as reader:
        frames = [(frame, time.monotonic()) for frame in paced(reader.lazy_frames(), threading.Event().wait)]
    captured = [frame.captured for frame, _ in frames]
    assert np.allclose(np.diff(captured), 1 / 20)  # type: ignore[arg-type]
    assert all(0 <= now - due < 1 for due, (_, now) in zip(captured, frames, strict=True))  # type: ignore[operator]


def test_closing_paced_frames_ends_their_wait(tmp_path: Path) -> None:
    frames = live_frames(open_video(make_video(tmp_path / "clip.mp4", 5, fps=Fraction(1))), lambda: False)
    started = time.monotonic()
    threading.Timer(0.2, frames.close).start()
    assert len(list(frames)) == 1
    assert time.monotonic() - started < 0.9
