"""The people that a run keeps: at the end of a file those who were largest for longest, live those who are so far."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video, without_packet
from stub_stages import stub_stages

import pose_track.pipeline.run_state
from pose_track import PoseTracker
from pose_track.config.load import load_settings
from pose_track.config.settings import RenderSettings, Settings
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.live_result import LiveResult, NoOutlet
from pose_track.pipeline.render_file import render_file
from pose_track.pipeline.result_folder import ANNOTATED_FILE, POSETRACK18_FILE, TRACKS_FILE, is_finished
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import track_file
from pose_track.pipeline.track_live import LiveSummary, live_frames, track_live
from pose_track.selection.choice import Choice
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError

NUM_FRAMES = 40
SMALL, TALL, RIGHT = 1, 2, 3  # ids, by falling score and their first frames


def detect(frame: Frame) -> Detections:
    """Somebody small from the start, somebody tall from frame 8 on, and on the right somebody in frames 12 to 20."""
    boxes = [[5.0, 60, 25, 100], [60.0, 10, 100, 110], [150.0, 50, 180, 100]]
    seen = np.array([True, frame.index >= 8, 12 <= frame.index <= 20])
    return Detections(np.array(boxes, np.float32)[seen], np.array([0.9, 0.8, 0.7], np.float32)[seen])


def settings_of(**values: str) -> Settings:
    base = {"tracker.flow.method": "none", "tracker.lookback_seconds": "0"}
    return load_settings(Settings, None, base | {key.replace("__", "."): value for key, value in values.items()})


MAIN = settings_of(people__max_people="1")
REGION = settings_of(people__region="[[0, 0], [120, 0], [120, 127], [0, 127]]")


class Recorder(NoOutlet):
    """Keeps all results."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[LiveResult] = []

    def show(self, result: LiveResult) -> None:
        self.results.append(result)


def track(out: Path, settings: Settings, video: Path | None = None, outlet: NoOutlet | None = None) -> Summary:
    video = make_video(out.with_suffix(".mp4"), NUM_FRAMES) if video is None else video
    return track_file(
        video, out, stub_stages(settings, detect), settings, resume=True, open_outlet=lambda *_: outlet or NoOutlet()
    )


def ids(out: Path) -> list[list[int]]:
    return [tracked.track_ids.tolist() for tracked in read_tracks(out / TRACKS_FILE)[1]]


def images(path: Path) -> list[ImageArray]:
    with open_video(path) as reader:
        return [frame.image for frame in reader]


def test_of_a_file_those_are_kept_who_were_largest_for_longest(tmp_path: Path) -> None:
    outlet = Recorder()
    summary = track(tmp_path / "main", MAIN, outlet=outlet)
    assert ids(tmp_path / "main") == [[]] * 8 + [[TALL]] * (NUM_FRAMES - 8)
    people = read_posetrack(tmp_path / "main" / POSETRACK18_FILE).people
    assert set(people.track_ids.tolist()) == {TALL}
    assert (summary.frames, summary.people, summary.track_ids) == (NUM_FRAMES, NUM_FRAMES - 8, {TALL})
    assert is_finished(tmp_path / "main")
    shown = [result.people.track_ids.tolist() for result in outlet.results]
    assert shown[:8] == [[SMALL]] * 8  # who is largest so far
    assert shown[-1] == [TALL]


def test_the_annotated_video_shows_them_and_nobody_else(tmp_path: Path) -> None:
    track(tmp_path / "main", MAIN)
    everybody = settings_of()
    track(tmp_path / "all", everybody, tmp_path / "main.mp4")
    rendered = tmp_path / "rendered.mp4"
    kept = Choice(frozenset({TALL}))(read_tracks(tmp_path / "all" / TRACKS_FILE)[1])
    with open_video(tmp_path / "main.mp4") as reader:
        render_file(kept, reader, rendered, RenderSettings(output=everybody.output.model_dump(exclude={"render"})))
    drawn = images(tmp_path / "main" / ANNOTATED_FILE)
    assert len(drawn) == NUM_FRAMES
    for one, other in zip(drawn, images(rendered), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((a != b).any() for a, b in zip(drawn, images(tmp_path / "all" / ANNOTATED_FILE), strict=True))


def test_parts_of_a_video_are_drawn_as_they_were_tracked(tmp_path: Path) -> None:
    part = settings_of(people__max_people="1", reader__start_seconds="1", reader__stride="2", reader__max_frames="10")
    track(tmp_path / "part", part)
    frames = [tracked.frame_index for tracked in read_tracks(tmp_path / "part" / TRACKS_FILE)[1]]
    assert frames == list(range(10, 30, 2))
    assert len(images(tmp_path / "part" / ANNOTATED_FILE)) == 10


def test_nothing_is_drawn_without_rendering(tmp_path: Path) -> None:
    track(tmp_path / "out", settings_of(people__max_people="2", output__render="false"))
    assert not (tmp_path / "out" / ANNOTATED_FILE).exists()
    assert {one for frame in ids(tmp_path / "out") for one in frame} == {SMALL, TALL}


def test_an_interrupted_run_has_everybody_and_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pose_track.pipeline.run_state, "_SAVE_EVERY_SECONDS", 0.0)

    def failing(frame: Frame) -> Detections:
        if frame.index == 30:
            raise KeyboardInterrupt
        return detect(frame)

    video, out = make_video(tmp_path / "clip.mp4", NUM_FRAMES), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        track_file(video, out, stub_stages(MAIN, failing), MAIN)
    assert {SMALL, TALL, RIGHT} == {one for frame in ids(out) for one in frame}
    assert (out / STATE_FILE).exists()
    track(out, MAIN, video)
    track(tmp_path / "unbroken", MAIN, video)
    assert (out / TRACKS_FILE).read_bytes() == (tmp_path / "unbroken" / TRACKS_FILE).read_bytes()
    assert len(images(out / ANNOTATED_FILE)) == NUM_FRAMES


def test_a_damaged_video_keeps_its_damage(tmp_path: Path) -> None:
    video = without_packet(make_video(tmp_path / "clip.ts", NUM_FRAMES))
    with pytest.raises(DamageError):
        track(tmp_path / "out", MAIN, video)
    records = read_tracks(tmp_path / "out" / TRACKS_FILE)[1]
    found = list(records)
    assert {one for tracked in found for one in tracked.track_ids.tolist()} == {TALL}
    assert len(records.damage) >= 1
    assert len(images(tmp_path / "out" / ANNOTATED_FILE)) == len(found)


def test_what_cannot_be_read_twice_is_refused_before_it_is_tracked(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4", NUM_FRAMES)
    stages = stub_stages(MAIN, detect)
    with pytest.raises(ValueError, match=r"cannot be read twice, as it takes to draw .*; give --no-render"):
        track_file(open_video(video), tmp_path / "out", stages, MAIN)
    assert not (tmp_path / "out" / TRACKS_FILE).exists()
    silent = settings_of(people__max_people="1", output__render="false")
    track_file(open_video(video), tmp_path / "out", stages, silent)
    assert ids(tmp_path / "out")[-1] == [TALL]


def test_the_region_is_applied_frame_by_frame(tmp_path: Path) -> None:
    outlet = Recorder()
    track(tmp_path / "out", REGION, outlet=outlet)
    assert ids(tmp_path / "out") == [[SMALL]] * 8 + [[SMALL, TALL]] * (NUM_FRAMES - 8)
    assert [result.people.track_ids.tolist() for result in outlet.results] == ids(tmp_path / "out")


def test_a_region_outside_the_image_is_refused(tmp_path: Path) -> None:
    outside = settings_of(people__region="[[500, 0], [600, 0], [600, 100]]")
    with pytest.raises(ValueError, match="the region is outside of the image, which has 192x128 pixels"):
        track(tmp_path / "out", outside)


def test_nobody_in_the_region_is_explained(tmp_path: Path) -> None:
    nobody = settings_of(people__region="[[110, 0], [120, 0], [120, 20]]")
    assert "nobody stands in people.region" in track(tmp_path / "out", nobody).evidence.reason(nobody)


def test_live_those_are_shown_and_recorded_who_are_largest_for_longest_so_far(tmp_path: Path) -> None:
    video, outlet = make_video(tmp_path / "clip.mp4", NUM_FRAMES), Recorder()
    with live_frames(open_video(video), lambda: False, is_paced=False) as frames:
        stages = stub_stages(MAIN, detect)
        track_live(frames, stages, MAIN, LiveSummary(), lambda *_: outlet, tmp_path / "out")
    assert all(len(result.people) <= 1 for result in outlet.results)
    recorded = ids(tmp_path / "out")
    assert recorded[-1] == [TALL]
    assert len(images(tmp_path / "out" / ANNOTATED_FILE)) == len(recorded)


@pytest.mark.parametrize("confirm", [False, True])
def test_pose_tracker_keeps_them_too(confirm: bool, tmp_path: Path) -> None:
    with PoseTracker(settings=MAIN, stages=stub_stages(MAIN, detect), fps=10, confirm=confirm) as tracker:
        video = make_video(tmp_path / "clip.mp4", NUM_FRAMES)
        found = [people.track_ids.tolist() for people in tracker.track(list(open_video(video)))]
    assert found[:8] == [[SMALL]] * 8
    assert found[-1] == [TALL]


def test_privacy_of_people_who_are_left_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"style.privacy blur_heads would leave people recognisable"):
        settings_of(people__max_people="1", style__privacy="blur_heads")


def test_the_header_states_the_choice(tmp_path: Path) -> None:
    track(tmp_path / "out", REGION)
    header = json.loads((tmp_path / "out" / TRACKS_FILE).read_text().splitlines()[0])
    assert header["settings"]["people"]["region"][1] == [120, 0]
