"""The command, from its words to files and exit code."""

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
from make_video import make_sound, make_video, numbered_image, truncated
from stub_stages import one_person, stub_stages

import pose_track.build.stages
import pose_track.weights.resolve
from pose_track.cli.parser import EXIT_FAULT, EXIT_INTERRUPTED, take_overrides
from pose_track.cli.track import main, track
from pose_track.config.settings import Settings
from pose_track.models.hrnet import hrnet_compact
from pose_track.pipeline.track_file import NAMES
from pose_track.structures.frames import Detections, Frame
from pose_track.utils.profiler import Profiler
from pose_track.video.reader import open_video
from pose_track.weights.load import save_weights
from pose_track.weights.zoo import PublishedWeights

TOOL = Path(__file__).parents[2] / "tools" / "track_video.py"


def messages(stderr: str) -> list[str]:
    """The lines on stderr, without progress bars, which begin each of their states with a carriage return."""
    return [line for line in stderr.split("\n") if line.strip() and "\r" not in line]


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines()]


def run(*words: object) -> int:
    """The exit code of the command, in this process."""
    try:
        return track([str(word) for word in words])
    except SystemExit as error:
        return int(error.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that stages were built for; those are stubs."""
    built: list[Settings] = []

    def build(settings: Settings, profile: Profiler) -> pose_track.pipeline.stages.Stages:
        built.append(settings)
        return replace(stub_stages(settings), profile=profile)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    return built


@pytest.mark.usefixtures("asked")
def test_one_line_for_each_video(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(here / "a.mp4", 5)
    make_video(here / "b.mp4", 3)
    assert run("a.mp4", "--out", "out", "b.mp4") == 0
    stdout, stderr = capfd.readouterr()
    first, second = stdout.splitlines()
    assert first.startswith("a.mp4: 5 frames, 0.8 people a frame, 1 tracks, ")
    assert first.endswith(" fps -> out/a")
    assert second.startswith("b.mp4: 3 frames, ")
    assert messages(stderr) == []
    assert {path.name for path in (here / "out" / "b").iterdir()} == set(NAMES)


@pytest.mark.usefixtures("asked")
def test_where_the_time_goes(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(here / "a.mp4", 5)
    make_video(here / "b.mp4", 3)
    assert run("a.mp4", "b.mp4", "--profile", "--out", "out") == 0
    lines = capfd.readouterr().out.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("stage"))) + 1 :]
    calls = {line[:20].strip(): int(line[38:47]) for line in table if len(line) == len(table[0])}
    eight = ("decode", "propose", "assign", "drop doubles", "write records", "render", "encode")
    assert {name: calls[name] for name in eight} == dict.fromkeys(eight, 8)
    assert calls["detect"] == calls["estimate"] == 3  # windows of four frames
    trace = json.loads((here / "out" / "profile.json").read_text())
    assert sum(event["name"] == "render" for event in trace["traceEvents"]) == 8


@pytest.mark.usefixtures("asked")
def test_no_profile_where_none_is_asked_for(here: Path) -> None:
    make_video(here / "a.mp4", 2)
    assert run("a.mp4", "--out", "out") == 0
    assert not (here / "out" / "profile.json").exists()


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        ([], "tracker.buffer_seconds", 2.0),
        (["--tracker.buffer_seconds", "3"], "tracker.buffer_seconds", 3.0),
        (["--tracker.buffer-seconds=3"], "tracker.buffer_seconds", 3.0),
        (["--tracker", "simple_baselines"], "tracker.matching", "greedy"),
        (["--tracker=fast", "--tracker.buffer_seconds", "9"], "tracker.buffer_seconds", 9.0),
        (["--tracker", "fast", "--config", "mine.yaml"], "tracker.min_start_score", 0.7),  # a threshold on scores
        (["--tracker", "fast", "--preset", "balanced"], "tracker.flow.method", "none"),
        (["--preset", "balanced", "--tracker.weights.oks", "0.5"], "tracker.weights.oks", 0.5),
        (["--pose.flip_test=true"], "pose.flip_test", True),
        (["--start", "1", "--end", "3"], "reader.end_seconds", 3.0),
        (["--stride", "4"], "reader.stride", 4),
        (["--decoder", "decord"], "reader.decoder", "decord"),
        (["--device", "cpu"], "device", "cpu"),
        (["--no-render"], "output.render", False),
        (["--preset", "balanced"], "pose.weights", "hrnet_w32_coco_256x192_udp"),
        (["--preset", "posetrack"], "pose.joints", "posetrack_15"),
        (["--preset", "balanced", "--pose.weights", "mine.pth"], "pose.weights", "mine.pth"),
        (["--config", "mine.yaml"], "tracker.min_start_score", 0.7),
        (["--config", "mine.yaml", "--tracker.min_start_score", "0.8"], "tracker.min_start_score", 0.8),
    ],
)
@pytest.mark.parametrize("video_first", [True, False])
def test_words_become_settings(
    words: list[str], key: str, expected: object, video_first: bool, here: Path, asked: list[Settings]
) -> None:
    (here / "mine.yaml").write_text("tracker: {min_start_score: 0.7}")
    (here / "clip.mp4").write_bytes(b"not opened before the settings are known")
    run(*(["clip.mp4", *words] if video_first else [*words, "clip.mp4"]))
    value: Any = asked[0]
    for part in key.split("."):
        value = getattr(value, part)
    assert value == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pose.flip_test"], "--pose.flip_test needs a value"),
        (["--pose.flip_test", "--no-render"], "--pose.flip_test needs a value"),
    ],
)
def test_an_override_without_value(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        take_overrides(words)


def make_faulty_things(folder: Path) -> None:
    """What people give by mistake."""
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


BAD_INPUT = [
    # the source
    (["none.mp4"], "'none.mp4' does not exist; check the path"),
    (["empty_folder"], "'empty_folder' holds no pictures; put files in it that end in"),
    (["notes.mp4"], "'notes.mp4' cannot be opened as a video"),
    (["nothing.mp4"], "'nothing.mp4' cannot be opened as a video"),
    (["sound.wav"], "'sound.wav' has no video stream; give a file that shows pictures"),
    (["no_frames.avi"], "'no_frames.avi' "),
    (["headless_cut.mp4"], "'headless_cut.mp4' cannot be opened as a video"),
    (["whole_cut.mp4"], "whole_cut.mp4: cannot decode frame"),
    (["wrong.png"], "wrong.png: cannot decode frame 0: it is not a picture"),
    (["clip.mp4", "--start", "9"], "clip.mp4 has no frame from 9.0 to None seconds; the last one seen is at 0.3"),
    # settings
    (["clip.mp4", "--config", "misspelt.yaml"], "misspelt.yaml: 'traker' is not a setting"),
    (["clip.mp4", "--config", "impossible.yaml"], "tracker.buffer_seconds = -1: must be greater than or equal to 0"),
    (["clip.mp4", "--config", "none.yaml"], "there is no settings file 'none.yaml'"),
    (["clip.mp4", "--preset", "best"], "unknown preset 'best'; choose one of accurate, balanced, fast, posetrack"),
    (["clip.mp4", "--tracker", "best"], "unknown preset 'best'; choose one of fast, robust, simple_baselines"),
    (["clip.mp4", "--tracker.bufer_seconds", "2"], "did you mean 'tracker.buffer_seconds'?"),
    (["clip.mp4", "--tracker.buffer_seconds", "long"], "tracker.buffer_seconds = 'long': must be a valid number"),
    (["clip.mp4", "--stride", "0"], "reader.stride = '0': must be greater than or equal to 1"),
    (["clip.mp4", "--start", "2", "--end", "1"], "reader.end_seconds 1.0 must be after reader.start_seconds 2.0"),
    (["clip.mp4", "--no-rendr"], "unknown option '--no-rendr'; did you mean '--no-render'?"),
    (["clip.mp4", "--device", "tpu"], "invalid choice: 'tpu'"),
    (["clip.mp4", "--config", "a.yaml", "--preset", "fast"], "not allowed with"),
    ([], "VIDEO"),
    # weights and devices
    (["clip.mp4", "--pose.weights", "none.pth"], "there is no weights file 'none.pth'; give its path, or the name"),
    (["clip.mp4", "--pose.weights", "hrnet_w32_coco_256x193"], "did you mean hrnet_w32_coco_256x192"),
    (["clip.mp4", "--detector.weights", "none.pth"], "there is no weights file 'none.pth'; give its path, or the name"),
    (
        ["clip.mp4", "--pose.weights", "wrong.safetensors"],
        "'wrong.safetensors' is text; fetch it again or give another file",
    ),
    (["clip.mp4", "--pose.weights", "coco.safetensors"], "'coco.safetensors' does not tell how it was trained; give"),
    (["clip.mp4", "--pose.kind", "udp"], "pose.kind udp contradicts 'bundled', which is plain; leave it out"),
    (["clip.mp4", "--preset", "balanced"], "cannot fetch hrnet_w32_coco_256x192_udp"),
    (["clip.mp4", "--preset", "accurate"], "cannot fetch hrnet_w48_coco_384x288_udp"),
    (["clip.mp4", "--preset", "posetrack"], "cannot fetch hrnet_w48_posetrack18_384x288"),
    (["clip.mp4", "--device", "cuda"], "'cuda' was asked for but PyTorch finds no CUDA device here; use"),
    (["clip.mp4", "--detector.name", "recorded", "--detector.boxes", "none.json"], "no file of boxes 'none.json'"),
    (["clip.mp4", "--detector.name", "recorded", "--detector.boxes", "boxes.json"], "boxes.json is not "),
    # where the results go
    (["clip.mp4", "--out", "done"], "'done/clip' already holds tracks.jsonl; give --overwrite or another --out"),
    (["clip.mp4", "--out", "a_file"], "cannot write into 'a_file/clip'"),
    (["clip.mp4", "other/clip.mp4"], "several videos would write into 'runs/clip'"),
    (["annotated.mp4", "--out", "..", "--overwrite"], "would take its place; give another --out"),
]


@pytest.fixture(scope="module")
def faulty_things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty") / "annotated"
    folder.mkdir()
    make_faulty_things(folder)
    return folder


@pytest.fixture
def quick_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks as far as weights are looked at, without initialising large ones; then stubs."""
    real = pose_track.build.stages.build_stages

    def build(settings: Settings, profile: Profiler) -> pose_track.pipeline.stages.Stages:
        known_to_do = {"reader", "tracker"}
        if settings.model_dump(exclude=known_to_do) != Settings().model_dump(exclude=known_to_do):
            real(settings)
        return stub_stages(settings)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(pose_track.weights.resolve, "fetch_weights", _without_network)


def _without_network(published: PublishedWeights) -> Path:
    raise ConnectionError(f"cannot fetch {published.name}")


@pytest.mark.parametrize(("words", "message"), BAD_INPUT, ids=[" ".join(words) for words, _ in BAD_INPUT])
@pytest.mark.usefixtures("quick_build")
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str],
    message: str,
    faulty_things: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(faulty_things)
    before = {path: path.read_bytes() for path in faulty_things.rglob("*") if path.is_file()}
    assert run(*words) == EXIT_FAULT
    stdout, stderr = capfd.readouterr()
    (line,) = messages(stderr)
    assert line.startswith("error: ")
    assert message in line
    after = {path for path in faulty_things.rglob("*") if path.is_file()} - set(before)
    if words != ["whole_cut.mp4"]:  # the only one of which there is something to show
        assert stdout == ""
        assert after == set()
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.usefixtures("asked")
def test_a_truncated_video_is_no_success_but_keeps_its_frames(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    truncated(make_video(here / "clip.mp4", 40))
    assert run("clip_cut.mp4") == EXIT_FAULT
    stdout, stderr = capfd.readouterr()
    *_, last, fault = records(here / "runs" / "clip_cut")
    assert fault["type"] == "fault"
    assert messages(stderr) == [f"error: {fault['message']}"]
    assert stdout.startswith(f"clip_cut.mp4: {last['frame'] + 1} frames, ")


@pytest.mark.usefixtures("asked")
def test_good_videos_among_bad_ones_are_done(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(here / "good.mp4", 3)
    make_video(here / "better.mp4", 2)
    (here / "bad.mp4").write_text("no video")
    assert run("none.mp4", "good.mp4", "bad.mp4", "better.mp4") == EXIT_FAULT
    stdout, stderr = capfd.readouterr()
    assert [line.split(":")[0] for line in stdout.splitlines()] == ["good.mp4", "better.mp4"]
    assert ["none.mp4" in line or "bad.mp4" in line for line in messages(stderr)] == [True, True]
    assert [len(records(here / "runs" / name)) for name in ("good", "better")] == [4, 3]
    assert not (here / "runs" / "bad").exists()


@pytest.mark.usefixtures("asked")
def test_overwrite(here: Path) -> None:
    make_video(here / "clip.mp4", 3)
    assert run("clip.mp4") == 0
    assert run("clip.mp4", "--end", "0.15") == EXIT_FAULT
    assert len(records(here / "runs" / "clip")) == 4
    assert run("clip.mp4", "--end", "0.15", "--overwrite", "--no-render") == 0
    assert len(records(here / "runs" / "clip")) == 3
    assert not (here / "runs" / "clip" / "annotated.mp4").exists()


@pytest.mark.usefixtures("asked")
def test_a_folder_of_pictures_keeps_its_whole_name(here: Path) -> None:
    (here / "shots.v2").mkdir()
    for number in range(3):
        cv2.imwrite(str(here / "shots.v2" / f"{number}.png"), numbered_image(number))
    assert run("shots.v2", "--reader.image_fps", "5") == 0
    header, *rest = records(here / "runs" / "shots.v2")
    assert header["fps"] == 5
    assert [record["pts_seconds"] for record in rest] == [0, 0.2, 0.4]


@pytest.mark.parametrize("min_confirm_frames", [1, 3, 9])
def test_an_interrupt_ends_the_whole_command(
    min_confirm_frames: int, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def detect(frame: Frame) -> Detections:
        if frame.index == 4:  # the first of a window
            raise KeyboardInterrupt
        return one_person(frame)

    monkeypatch.setattr(
        pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings, detect)
    )
    make_video(here / "a.mp4", 7)
    make_video(here / "b.mp4", 7)
    assert run("a.mp4", "b.mp4", "--tracker.min_confirm_frames", str(min_confirm_frames)) == EXIT_INTERRUPTED
    stdout, stderr = capfd.readouterr()
    assert stdout.startswith("a.mp4: 4 frames, ")
    assert messages(stderr) == ["interrupted; what was done so far is kept"]
    assert not (here / "runs" / "b").exists()


@pytest.mark.usefixtures("asked")
def test_the_installed_command(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_video(here / "clip.mp4", 2)
    assert main(["track", "clip.mp4"]) == 0
    assert capfd.readouterr().out.startswith("clip.mp4: 2 frames")
    assert main(["--help"]) == 0
    assert main(["trak", "clip.mp4"]) == EXIT_FAULT
    assert messages(capfd.readouterr().err) == ["error: give a command, one of track, weights; see pose-track --help"]


def start_tool(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(TOOL), *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
    )


def test_the_tool_with_the_bundled_weights(tmp_path: Path) -> None:
    make_video(tmp_path / "clip.mp4", 4, rotation=90)
    process = start_tool(tmp_path, "clip.mp4", "--device", "cpu")
    stdout, stderr = (output.decode() for output in process.communicate(timeout=120))
    assert process.returncode == 0, stderr
    assert stdout.startswith("clip.mp4: 4 frames, ")
    assert messages(stderr) == []
    out = tmp_path / "runs" / "clip"
    assert {path.name for path in out.iterdir()} == set(NAMES)
    header, *rest = records(out)
    assert [record["frame"] for record in rest] == [0, 1, 2, 3]
    assert {len(part["sha256"]) for part in header["weights"].values()} == {64}
    with open_video(tmp_path / "clip.mp4") as source, open_video(out / "annotated.mp4") as shown:
        assert len(list(shown)) == len(list(source)) == 4
        assert (shown.info.width, shown.info.height, shown.info.fps) == (
            source.info.width,
            source.info.height,
            source.info.fps,
        )


def test_ctrl_c_in_the_tool(tmp_path: Path) -> None:
    make_video(tmp_path / "clip.mp4", 600, size=(64, 48))
    process = start_tool(tmp_path, "clip.mp4", "--device", "cpu", "--detector.long_side", "256")
    written = tmp_path / "runs" / "clip" / "tracks.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if written.exists() and written.read_text().count("\n") > 2:
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.05)
    stdout, stderr = (output.decode() for output in process.communicate(timeout=120))
    assert process.returncode == EXIT_INTERRUPTED, stderr
    assert messages(stderr) == ["interrupted; what was done so far is kept"]
    assert {path.name for path in written.parent.iterdir()} == set(NAMES)
    _, *frames, fault = records(written.parent)
    assert fault == {"type": "fault", "message": "interrupted by the user", "after_frame": len(frames) - 1}
    assert 1 < len(frames) < 600
    with open_video(written.parent / "annotated.mp4") as shown:
        assert len(list(shown)) == len(frames)
    assert stdout.startswith(f"clip.mp4: {len(frames)} frames, ")
