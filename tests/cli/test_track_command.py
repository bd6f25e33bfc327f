"""`pose-track track`, from its arguments to files and exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
import torch
from command_line import run_command
from make_video import make_sound, make_video, numbered_image, truncated
from stub_stages import one_person, stub_stages

import pose_track.build.stages
import pose_track.weights.resolve
from pose_track.cli.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED
from pose_track.cli.parser import take_overrides
from pose_track.config.settings import Settings
from pose_track.models.hrnet import hrnet_compact
from pose_track.pipeline.result_folder import OUTPUT_FILES
from pose_track.pipeline.run_state import STATE_FILE
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.utils.profiler import Profiler
from pose_track.video.reader import open_video
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.load import save_weights


def messages(stderr: str) -> list[str]:
    """The lines on stderr without progress bars, which contain carriage returns."""
    return [line for line in stderr.split("\n") if line.strip() and "\r" not in line]


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines()]


def run(*arguments: object) -> int:
    return run_command("track", *arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings_used(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings for which (stub) stages were built."""
    built: list[Settings] = []

    def build(settings: Settings, profile: Profiler) -> pose_track.pipeline.stages.Stages:
        built.append(settings)
        return replace(stub_stages(settings), profile=profile)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    return built


@pytest.mark.usefixtures("settings_used")
def test_the_last_line_names_a_better_preset_to_who_has_chosen_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(folder / "a.mp4", 2)
    monkeypatch.setattr("pose_track.cli.track.better_preset", lambda: "take another")
    for arguments in ((), ("--stride", "2"), ("--preset", "fast"), ("--pose.flip_test", "true")):
        assert run("a.mp4", "--overwrite", *arguments) == 0
        lines = capfd.readouterr().out.splitlines()
        has_chosen = arguments[:1] in (("--preset",), ("--pose.flip_test",))
        assert (lines[-1] == "take another") == (not has_chosen)


@pytest.mark.usefixtures("settings_used")
def test_summary_of_each_video(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(folder / "a.mp4", 5)
    make_video(folder / "b.mp4", 3)
    assert run("a.mp4", "--out", "out", "b.mp4") == 0
    stdout, stderr = capfd.readouterr()
    first, second = stdout.splitlines()
    assert first.startswith("a.mp4: 5 frames, 0.8 people a frame, 1 tracks, ")
    assert first.endswith(" fps -> out/a")
    assert second.startswith("b.mp4: 3 frames, ")
    assert messages(stderr) == []
    assert {path.name for path in (folder / "out" / "b").iterdir()} == set(OUTPUT_FILES)


@pytest.mark.usefixtures("settings_used")
def test_profile(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(folder / "a.mp4", 5)
    make_video(folder / "b.mp4", 3)
    assert run("a.mp4", "b.mp4", "--profile", "--out", "out") == 0
    lines = capfd.readouterr().out.splitlines()
    rows = [line.rsplit(maxsplit=5) for line in lines]  # name, seconds, share, calls, ms, CPU ms
    calls = {row[0]: int(row[3]) for row in rows if len(row) == 6 and row[3].isdecimal()}
    stages = ("decode", "propose", "assign", "drop duplicates", "write records", "render", "encode")
    assert {name: calls[name] for name in stages} == dict.fromkeys(stages, 8)
    assert calls["detect"] == calls["estimate"] == 3  # windows of four frames
    trace = json.loads((folder / "out" / "profile.json").read_text())
    assert sum(event["name"] == "render" for event in trace["traceEvents"]) == 8


@pytest.mark.usefixtures("settings_used")
def test_no_profile_by_default(folder: Path) -> None:
    make_video(folder / "a.mp4", 2)
    assert run("a.mp4", "--out", "out") == 0
    assert not (folder / "out" / "profile.json").exists()


@pytest.mark.parametrize(
    ("arguments", "key", "expected"),
    [
        ([], "tracker.buffer_seconds", 2.0),
        (["--tracker.buffer_seconds", "3"], "tracker.buffer_seconds", 3.0),
        (["--tracker.buffer-seconds=3"], "tracker.buffer_seconds", 3.0),
        (["--tracker", "simple_baselines"], "tracker.matching", "greedy"),
        (["--tracker=fast", "--tracker.buffer_seconds", "9"], "tracker.buffer_seconds", 9.0),
        (["--tracker", "fast", "--config", "mine.yaml"], "tracker.min_start_score", 0.7),  # a score threshold
        (["--tracker", "fast", "--preset", "balanced"], "tracker.flow.method", "none"),
        (["--preset", "balanced", "--tracker.weights.oks", "0.5"], "tracker.weights.oks", 0.5),
        (["--pose.flip_test=true"], "pose.flip_test", True),
        (["--start", "1", "--end", "3"], "reader.end_seconds", 3.0),
        (["--stride", "4"], "reader.stride", 4),
        (["--decoder", "decord"], "reader.decoder", "decord"),
        (["--device", "cpu"], "device", "cpu"),
        (["--no-render"], "output.render", False),
        (["--preset", "balanced"], "pose.weights", "rtmpose_m_256x192"),
        (["--preset", "posetrack"], "pose.joints", POSETRACK_15),
        (["--preset", "balanced", "--pose.weights", "mine.pth"], "pose.weights", "mine.pth"),
        (["--config", "mine.yaml"], "tracker.min_start_score", 0.7),
        (["--config", "mine.yaml", "--tracker.min_start_score", "0.8"], "tracker.min_start_score", 0.8),
    ],
)
@pytest.mark.parametrize("video_first", [True, False])
def test_arguments_become_settings(
    arguments: list[str], key: str, expected: object, video_first: bool, folder: Path, settings_used: list[Settings]
) -> None:
    (folder / "mine.yaml").write_text("tracker: {min_start_score: 0.7}")
    (folder / "clip.mp4").write_bytes(b"is not opened here")
    run(*(["clip.mp4", *arguments] if video_first else [*arguments, "clip.mp4"]))
    value: Any = settings_used[0]
    for part in key.split("."):
        value = getattr(value, part)
    assert value == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pose.flip_test"], "--pose.flip_test"),
        (["--pose.flip_test", "--no-render"], "--pose.flip_test"),
    ],
)
def test_a_setting_without_a_value(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        take_overrides(arguments)


def write_faulty_inputs(folder: Path) -> None:
    """Files that users give by mistake."""
    make_video(folder / "clip.mp4", 4)
    (folder / "notes.mp4").write_text("not a video at all")
    (folder / "nothing.mp4").write_bytes(b"")
    make_sound(folder / "sound.wav")
    (folder / "empty_folder").mkdir()
    (folder / "empty_folder" / "readme.txt").write_text("no pictures")
    with av.open(str(folder / "no_frames.avi"), "w") as container:
        container.add_stream("mpeg4", rate=10).width = 64
        container.streams.video[0].height = 48
        container.start_encoding()
    truncated(make_video(folder / "headless.mp4", 10, movflags="-faststart"))
    truncated(make_video(folder / "whole.mp4", 40))
    (folder / "wrong.png").write_text("no picture")
    (folder / "wrong.safetensors").write_text("no weights")
    save_weights(hrnet_compact(17), folder / "coco.safetensors")
    (folder / "misspelt.yaml").write_text("traker: {buffer_seconds: 1}")
    (folder / "impossible.yaml").write_text("tracker: {buffer_seconds: -1}")
    (folder / "boxes.json").write_text("{}x")
    (folder / "done" / "clip").mkdir(parents=True)
    (folder / "done" / "clip" / "tracks.jsonl").write_text("mine")
    (folder / "a_file").write_text("mine")
    (folder / "other").mkdir()
    make_video(folder / "other" / "clip.mp4", 2)
    make_video(folder / "annotated.mp4", 2)


# arguments, and what the error names: the fault, and the remedy where the fault does not imply it
ERRORS = [
    # the source
    (["none.mp4"], "'none.mp4'", "check the path"),
    (["empty_folder"], "'empty_folder'", "images"),
    (["notes.mp4"], "'notes.mp4'", "video"),
    (["nothing.mp4"], "'nothing.mp4'", "video"),
    (["sound.wav"], "'sound.wav'", "no video stream"),
    (["no_frames.avi"], "'no_frames.avi'"),
    (["headless_cut.mp4"], "'headless_cut.mp4'", "video"),
    (["whole_cut.mp4"], "whole_cut.mp4", " frame "),
    (["wrong.png"], "wrong.png: cannot decode frame 0"),
    (["clip.mp4", "--start", "9"], "clip.mp4", "9.0", "0.3"),
    # settings
    (["clip.mp4", "--config", "misspelt.yaml"], "misspelt.yaml: 'traker'"),
    (["clip.mp4", "--config", "impossible.yaml"], "impossible.yaml: tracker.buffer_seconds = -1"),
    (["clip.mp4", "--config", "none.yaml"], "'none.yaml'"),
    (["clip.mp4", "--preset", "best"], "'best'", "fast, balanced, accurate, feet, wholebody, crowd, posetrack"),
    (["clip.mp4", "--tracker", "best"], "'best'", "fast, robust, simple_baselines"),
    (["clip.mp4", "--tracker.bufer_seconds", "2"], "did you mean 'tracker.buffer_seconds'"),
    (["clip.mp4", "--tracker.buffer_seconds", "long"], "tracker.buffer_seconds = 'long'"),
    (["clip.mp4", "--stride", "0"], "reader.stride = '0'"),
    (["clip.mp4", "--start", "2", "--end", "1"], "reader.end_seconds 1.0", "reader.start_seconds 2.0"),
    (["clip.mp4", "--no-rendr"], "'--no-rendr'", "did you mean '--no-render'"),
    (["clip.mp4", "--device", "tpu"], "'tpu'"),
    (["clip.mp4", "--config", "a.yaml", "--preset", "fast"], "--config", "--preset"),
    ([], "SOURCE"),
    # weights and devices
    (["clip.mp4", "--pose.weights", "none.pth"], "'none.pth'", "path"),
    (["clip.mp4", "--pose.weights", "hrnet_w32_coco_256x193"], "did you mean hrnet_w32_coco_256x192"),
    (["clip.mp4", "--detector.weights", "none.pth"], "'none.pth'", "path"),
    (["clip.mp4", "--pose.weights", "wrong.safetensors"], "'wrong.safetensors'", "text", "another file"),
    (["clip.mp4", "--pose.weights", "coco.safetensors"], "'coco.safetensors'", "--pose.heatmap_type"),
    (["clip.mp4", "--pose.heatmap_type", "udp"], "pose.heatmap_type udp", "'bundled'", "dark", "leave it out"),
    (["clip.mp4", "--preset", "balanced"], "rtmpose_m_256x192"),
    (["clip.mp4", "--preset", "accurate"], "rtmpose_x_384x288"),
    (["clip.mp4", "--preset", "crowd"], "rtmo_s"),
    (["clip.mp4", "--mirror", "nowhere"], "the mirror 'nowhere'"),
    (["clip.mp4", "--preset", "posetrack"], "hrnet_w48_posetrack18_384x288"),
    (["clip.mp4", "--device", "cuda"], "'cuda'", "'cpu'"),
    (["clip.mp4", "--detector.name", "recorded", "--detector.boxes", "none.json"], "file of boxes", "'none.json'"),
    (["clip.mp4", "--detector.name", "recorded", "--detector.boxes", "boxes.json"], "boxes.json"),
    # the outputs
    (["clip.mp4", "--out", "done"], "done/clip", "tracks.jsonl", "--overwrite"),
    (["clip.mp4", "--out", "a_file"], "'a_file/clip'"),
    (["clip.mp4", "other/clip.mp4"], "'runs/clip'", "--out"),
    (["annotated.mp4", "--out", "..", "--overwrite"], "'annotated.mp4'", "another --out"),
]


@pytest.fixture(scope="module")
def faulty_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty") / "annotated"
    folder.mkdir()
    write_faulty_inputs(folder)
    return folder


@pytest.fixture
def weights_without_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stub stages, after the weights are opened."""
    build_stages = pose_track.build.stages.build_stages

    def build(settings: Settings, profile: Profiler) -> pose_track.pipeline.stages.Stages:
        unrelated = {"reader", "tracker"}
        if settings.model_dump(exclude=unrelated) != Settings().model_dump(exclude=unrelated):
            build_stages(settings)
        return stub_stages(settings)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", _without_network)


def _without_network(published: PublishedWeights) -> Path:
    raise ConnectionError(f"cannot fetch {published.name}")


@pytest.mark.parametrize(
    ("arguments", "parts"), [(a, parts) for a, *parts in ERRORS], ids=[" ".join(e[0]) for e in ERRORS]
)
@pytest.mark.usefixtures("weights_without_networks")
def test_errors_are_one_line(
    arguments: list[str],
    parts: list[str],
    faulty_inputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(faulty_inputs)
    before = {path: path.read_bytes() for path in faulty_inputs.rglob("*") if path.is_file()}
    assert run(*arguments) == EXIT_ERROR
    stdout, stderr = capfd.readouterr()
    (line,) = messages(stderr)
    assert line.startswith("error: ")
    assert [part for part in parts if part not in line] == []
    created = {path for path in faulty_inputs.rglob("*") if path.is_file()} - set(before)
    if arguments != ["whole_cut.mp4"]:  # the only one with frames
        assert stdout == ""
        assert created == set()
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.usefixtures("settings_used")
def test_a_truncated_video_keeps_its_frames(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    truncated(make_video(folder / "clip.mp4", 40))
    assert run("clip_cut.mp4") == EXIT_ERROR
    stdout, stderr = capfd.readouterr()
    *_, last, fault = records(folder / "runs" / "clip_cut")
    assert fault["type"] == "fault"
    (line,) = messages(stderr)
    assert line.startswith("error: ")
    assert fault["message"] in line
    assert stdout.startswith(f"clip_cut.mp4: {last['frame'] + 1} frames, ")


@pytest.mark.usefixtures("settings_used")
def test_good_videos_among_bad_ones(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(folder / "good.mp4", 3)
    make_video(folder / "better.mp4", 2)
    (folder / "bad.mp4").write_text("no video")
    assert run("none.mp4", "good.mp4", "bad.mp4", "better.mp4") == EXIT_ERROR
    stdout, stderr = capfd.readouterr()
    assert [line.split(":")[0] for line in stdout.splitlines()] == ["good.mp4", "better.mp4"]
    assert ["none.mp4" in line or "bad.mp4" in line for line in messages(stderr)] == [True, True]
    assert [len(records(folder / "runs" / name)) for name in ("good", "better")] == [4, 3]
    assert not (folder / "runs" / "bad").exists()


@pytest.mark.usefixtures("settings_used")
def test_overwrite(folder: Path) -> None:
    make_video(folder / "clip.mp4", 3)
    assert run("clip.mp4") == 0
    assert run("clip.mp4", "--end", "0.15") == EXIT_ERROR
    assert len(records(folder / "runs" / "clip")) == 4
    assert run("clip.mp4", "--end", "0.15", "--overwrite", "--no-render") == 0
    assert len(records(folder / "runs" / "clip")) == 3
    assert not (folder / "runs" / "clip" / "annotated.mp4").exists()


@pytest.mark.usefixtures("settings_used")
def test_the_name_of_an_image_folder(folder: Path) -> None:
    (folder / "shots.v2").mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / "shots.v2" / f"{number}.png"), numbered_image(number))
    assert run("shots.v2", "--reader.image_fps", "5") == 0
    header, *rest = records(folder / "runs" / "shots.v2")
    assert header["fps"] == 5
    assert [record["pts_seconds"] for record in rest] == [0, 0.2, 0.4]


@pytest.mark.usefixtures("settings_used")
def test_the_last_line_says_why_nobody_was_found(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(folder / "a.mp4", 5)
    assert run("a.mp4", "--tracker.min_start_score", "0.95") == 0
    last = capfd.readouterr().out.splitlines()[-1]
    assert last.startswith("a.mp4: 5 frames, no people in any frame, ")
    assert "--tracker.min_start_score" in last


@pytest.mark.parametrize("num_frames", [1, 2])
@pytest.mark.usefixtures("settings_used")
def test_people_in_a_short_source_are_found(num_frames: int, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The stub detects nobody in the first frame of a source."""
    make_video(folder / "a.mp4", 3 + num_frames)
    assert run("a.mp4", "--start", "0.3", "--tracker.min_confirm_frames", "3") == 0
    stdout, _ = capfd.readouterr()
    assert stdout.startswith(f"a.mp4: {num_frames} frames, 1.0 people a frame, 1 tracks, ")


@pytest.mark.parametrize("min_confirm_frames", [1, 3, 9])
def test_an_interrupt_ends_the_command(
    min_confirm_frames: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def detect(frame: Frame) -> Detections:
        if frame.index == 4:  # the first of a window
            raise KeyboardInterrupt
        return one_person(frame)

    monkeypatch.setattr(
        pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings, detect)
    )
    make_video(folder / "a.mp4", 7)
    make_video(folder / "b.mp4", 7)
    assert run("a.mp4", "b.mp4", "--tracker.min_confirm_frames", str(min_confirm_frames)) == EXIT_INTERRUPTED
    stdout, stderr = capfd.readouterr()
    assert stdout.startswith("a.mp4: 4 frames, ")
    assert messages(stderr) == ["interrupted; finished results are kept"]
    assert not (folder / "runs" / "b").exists()


def start_command(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pose_track", "track", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
    )


def test_the_bundled_networks(tmp_path: Path) -> None:
    make_video(tmp_path / "clip.mp4", 4, rotation=90)
    process = start_command(tmp_path, "clip.mp4", "--device", "cpu")
    stdout, stderr = (output.decode() for output in process.communicate(timeout=120))
    assert process.returncode == 0, stderr
    assert stdout.startswith("clip.mp4: 4 frames, ")
    assert messages(stderr) == []
    out = tmp_path / "runs" / "clip"
    assert {path.name for path in out.iterdir()} == set(OUTPUT_FILES)
    header, *rest = records(out)
    assert [record["frame"] for record in rest] == [0, 1, 2, 3]
    assert {len(part["sha256"]) for part in header["weights"].values()} == {64}
    with open_video(tmp_path / "clip.mp4") as source, open_video(out / "annotated.mp4") as rendered:
        assert len(list(rendered)) == len(list(source)) == 4
        assert (rendered.info.width, rendered.info.height, rendered.info.fps) == (
            source.info.width,
            source.info.height,
            source.info.fps,
        )


def test_ctrl_c(tmp_path: Path) -> None:
    make_video(tmp_path / "clip.mp4", 600, size=(64, 48))
    process = start_command(tmp_path, "clip.mp4", "--device", "cpu", "--detector.long_side", "256")
    written = tmp_path / "runs" / "clip" / "tracks.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if written.exists() and written.read_text().count("\n") > 2:
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.05)
    stdout, stderr = (output.decode() for output in process.communicate(timeout=120))
    assert process.returncode == EXIT_INTERRUPTED, stderr
    assert messages(stderr) == ["interrupted by the user; finished results are kept"]
    assert {path.name for path in written.parent.iterdir()} == {*OUTPUT_FILES, STATE_FILE}
    _, *frames, fault = records(written.parent)
    assert fault == {"type": "fault", "message": "interrupted by the user", "after_frame": len(frames) - 1}
    assert 1 < len(frames) < 600
    with open_video(written.parent / "annotated.mp4") as rendered:
        assert len(list(rendered)) == len(frames)
    assert stdout.startswith(f"clip.mp4: {len(frames)} frames, ")
