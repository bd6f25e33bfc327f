"""The live benchmark: stamps survive compression, and every frame that was sent is timed or counted as skipped."""

from __future__ import annotations

import json
import shlex
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from command_line import run_command
from make_video import make_video, read_number
from stub_stages import one_person, stub_stages

from pose_track.benchmarks.jobs import live as live_job
from pose_track.benchmarks.live import run as live_run
from pose_track.benchmarks.live.clip import Clip, draw_people, images_at, make_clip
from pose_track.benchmarks.live.compare import compare_live, live_table
from pose_track.benchmarks.live.run import LiveRun, clip_seconds, measure_live
from pose_track.benchmarks.live.sources import SOURCES
from pose_track.benchmarks.live.stamp import STAMP_SIZE, read_stamp, stamp
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import Settings
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame
from pose_track.video.reader import open_video

SETTINGS = load_settings(Settings, preset_path("fast"), {"tracker.flow.method": "none"})
FPS, SECONDS, WARM_UP = 25, 0.8, 0.2
NUM_COUNTED = round(FPS * SECONDS)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    folder = tmp_path_factory.mktemp("clip")
    video = make_video(folder / "numbers.mp4", 20, fps=Fraction(FPS))
    return make_clip(video, "numbers", FPS, clip_seconds(SECONDS, WARM_UP), folder)


def slow_stages(delay: float) -> Stages:
    def detect(frame: Frame) -> Detections:
        time.sleep(delay)
        return one_person(frame)

    return stub_stages(SETTINGS, detect)


@pytest.mark.parametrize("number", [0, 1, 2, 1023, 4096, 43_690, 65_535])
def test_stamp(number: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 200, 3), np.uint8)
    stamped = stamp(image, number)
    assert read_stamp(stamped) == number
    assert (stamped[STAMP_SIZE[1] :] == image[STAMP_SIZE[1] :]).all()
    jpeg = cv2.imencode(".jpg", stamped, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    assert read_stamp(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)) == number


def test_images_without_a_readable_stamp() -> None:
    for level in (0, 40, 128, 255):
        assert read_stamp(np.full((60, 200, 3), level, np.uint8)) is None
    assert read_stamp(np.zeros((10, 10, 3), np.uint8)) is None
    for bit in range(20):  # each single wrong block is noticed
        damaged = stamp(np.zeros((60, 200, 3), np.uint8), 12_345)
        row, column = divmod(bit, 10)
        block = damaged[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        block[:] = 255 - block
        assert read_stamp(damaged) is None


def test_stamps_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="got 65536"):
        stamp(np.zeros((60, 200, 3), np.uint8), 65_536)
    with pytest.raises(ValueError, match="160x32 or larger, got 100x60"):
        stamp(np.zeros((60, 100, 3), np.uint8), 1)


def test_both_files_of_a_clip_hold_all_numbers(clip: Clip) -> None:
    assert clip.num_frames == FPS * 2
    for path, codec in ((clip.h264, "h264"), (clip.jpeg, "mjpeg")):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate) == (codec, FPS)
            assert all(packet.pts == packet.dts for packet in container.demux(stream) if packet.size)
        with open_video(path) as reader:
            frames = list(reader)
        assert [read_stamp(frame.image) for frame in frames] == list(range(clip.num_frames))
        assert frames[-1].pts_seconds == pytest.approx((clip.num_frames - 1) / FPS, abs=0.002)


def test_a_video_is_shown_at_its_own_speed_and_begins_again(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4", 5, fps=Fraction(10))
    assert [read_number(image) for image in images_at(video, 10, 12)] == [*range(5), *range(5), 0, 1]
    assert [read_number(image) for image in images_at(video, 30, 17)] == [
        0,
        0,
        *[1] * 3,
        *[2] * 3,
        *[3] * 3,
        *[4] * 3,
        *[0] * 3,
    ]
    assert [read_number(image) for image in images_at(video, 5, 4)] == [0, 2, 4, 1]


def check(run: LiveRun) -> None:
    assert len(run.latencies) + run.num_skipped == NUM_COUNTED
    assert all(0 <= latency < 10 for latency in run.latencies)
    assert len(run.since_capture) == len(run.latencies)
    assert run.num_people == len(run.latencies)  # `one_person` in each frame
    summary = run.summary()
    assert 0 <= summary["median_ms"] <= summary["p95_ms"]
    assert summary["frames"] == NUM_COUNTED


@pytest.mark.parametrize("source", SOURCES)
def test_each_frame_is_timed_or_skipped(clip: Clip, source: str) -> None:
    run = measure_live(source, clip, slow_stages(0.0), SETTINGS, SECONDS, WARM_UP)
    check(run)
    assert run.num_unread == 0
    # a result is never older than its capture, apart from a clock that is read twice
    assert all(sent >= captured - 0.01 for sent, captured in zip(run.latencies, run.since_capture, strict=True))


def test_slow_stages_skip_frames_and_their_time_is_in_the_latency(clip: Clip) -> None:
    delay = 0.1
    run = measure_live("mjpeg", clip, slow_stages(delay), SETTINGS, SECONDS, WARM_UP)
    check(run)
    assert run.num_skipped >= NUM_COUNTED // 2 - 1
    assert min(run.latencies) >= delay
    assert len(run.latencies) <= SECONDS / delay + 1


def test_a_source_that_ends_early(clip: Clip) -> None:
    with pytest.raises(ValueError, match="numbers through file at 25 fps ended"):
        measure_live("file", clip, slow_stages(0.0), SETTINGS, 5.0, WARM_UP)


def test_nothing_was_measured() -> None:
    with pytest.raises(ValueError, match="no frame had a result"):
        LiveRun().summary()


def rival(*lines: str) -> str:
    """A program that prints lines, and the name of the file it is given."""
    code = f"import sys; print({chr(10).join(lines)!r}); assert sys.argv[1].endswith('.mp4')"
    return f"{shlex.join([sys.executable, '-c', code])} {{clip}}"


def test_another_program_is_measured_in_turn(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_run, "WARM_UP_SECONDS", WARM_UP)
    runs: list[str] = []

    def measure(source: str, *_: object) -> LiveRun:
        runs.append(source)
        return LiveRun([0.02 * len(runs)], [0.01], 3, 0, 2, 1.5)

    monkeypatch.setattr("pose_track.benchmarks.live.compare.measure_live", measure)
    command = rival("median_ms: 40", "p95_ms: 50.5", "skipped: 0", "frames: 4")
    figures = list(compare_live([clip], ["file", "udp"], slow_stages(0), SETTINGS, 1.0, 3, command))
    assert runs == ["file", "udp"] * 3
    assert [figure.source for figure in figures] == ["file", "udp", "against"]
    assert [round(figure.medians()["median_ms"]) for figure in figures] == [60, 80, 40]
    assert live_table(figures)[2:] == [
        "| numbers | 25 | file | 60.0 | 60.0 | 3 of 4 | 10.0 | 2.0 | 1.5 |",
        "| numbers | 25 | udp | 80.0 | 80.0 | 3 of 4 | 10.0 | 2.0 | 1.5 |",
        "| numbers | 25 | against | 40.0 | 50.5 | 0 of 4 |  |  |  |",
    ]
    with pytest.raises(ValueError, match="'skipped: X' with a number of 0 or more"):
        list(compare_live([clip], [], slow_stages(0), SETTINGS, 1.0, 1, rival("median_ms: 40", "p95_ms: 50")))


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("pose_track.build.stages.build_stages", lambda settings: slow_stages(0.0))
    video, out = make_video(tmp_path / "clip.mp4", 20), tmp_path / "live.json"
    options = ["--video", video, "--fps", 20, "--sources", "file", "--seconds", 0.5, "--json", out]
    assert run_command("benchmark", "live", *options, "--tracker.flow.method", "none") == 0
    assert "| clip | 20 | file | " in capsys.readouterr().out
    result = json.loads(out.read_text())
    (run,) = result["runs"]
    assert (run["clip"], run["fps"], run["source"], run["frames"]) == ("clip", 20, "file", 10)
    assert result["options"] == {"tracker.flow.method": "none"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--video", "a.mp4", "--people", 1], "--people and --size"),
        (["--people", 0], "--people must be 1 or more"),
        (["--fps", -1], "--fps must be 1 or more"),
        (["--seconds", 0], "--seconds must be above 0"),
        (["--rounds", 0], "rounds must be 1 or more"),
    ],
)
def test_options_that_cannot_be(options: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "live", *options) == EXIT_ERROR
    assert message in capsys.readouterr().err


def test_drawn_people(tmp_path: Path) -> None:
    video = draw_people(tmp_path / "people.mp4", 1, (192, 108), 2)
    with open_video(video) as reader:
        images = [frame.image.astype(int) for frame in reader]
    assert len(images) == 8
    assert images[0].shape == (108, 192, 3)
    assert all(np.abs(before - after).mean() > 0.5 for before, after in pairwise(images))


def test_kinds_of_sources_are_those_of_the_command() -> None:
    assert live_job._SOURCES == SOURCES
