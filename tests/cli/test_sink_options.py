"""The options of sinks, and what they do in commands, with stages that detect by a rule."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import pytest
from command_line import run_command
from formats.track_files import header
from make_video import make_video
from stub_stages import stub_stages

from pose_track.cli.exit_codes import EXIT_BROKEN_PIPE
from pose_track.cli.parser import Parser
from pose_track.cli.sink_options import add_sinks, check_sinks, open_sinks, wants_stdout
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.utils import extras

NUM_FRAMES = 6


def parse(*words: object, sources: int = 1) -> argparse.Namespace:
    parser = Parser("pose-track track")
    add_sinks(parser)
    options, _ = parser.parse([str(word) for word in words])
    options.sources, options.overwrite = ["clip.mp4"] * sources, False
    return options


def names(options: argparse.Namespace) -> list[str]:
    """The sinks that are opened, and closed again."""
    with open_sinks(options, header(POSETRACK_15), 64, 48, Fraction(25)) as sinks:
        return [worker._sink.name for worker in sinks._workers]


def test_without_options_there_are_no_sinks() -> None:
    options = parse()
    check_sinks(options)
    assert names(options) == []
    assert not wants_stdout(options)


def test_each_option_opens_its_sink(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("--jsonl", tmp_path / "a.jsonl", "--osc", "localhost:9000", "--serve", 0, "--publish", "udp://[::1]:9001")
    options = parse(*words, "--show")
    assert names(options) == ["window", "jsonl", "osc", "web page", "publish udp://[::1]:9001"]
    out, err = capfd.readouterr()
    assert (out, err.startswith("web page: http://127.0.0.1:")) == ("", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--osc", "9000"], "--osc must be HOST:PORT, such as localhost:9000; got '9000'"),
        (["--osc", "host:"], "--osc must be HOST:PORT"),
        (["--osc", "host:65536"], "got 'host:65536'"),
        (["--serve", "here:http"], r"--serve must be \[HOST:\]PORT, such as 127.0.0.1:9000; got 'here:http'"),
        (["--publish", "stream.ts"], "a stream is sent to rtsp://"),
        (["--jsonl", "missing/a.jsonl"], "folder 'missing' of --jsonl does not exist"),
        (["--jsonl", "old.jsonl"], "'old.jsonl' exists; give --overwrite"),
        (["--jsonl", "."], "'.' exists"),
    ],
)
def test_what_cannot_work_is_said_before_the_run(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.jsonl").touch()
    with pytest.raises((ValueError, OSError), match=message):
        check_sinks(parse(*words))


def test_one_file_takes_one_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one source"):
        check_sinks(parse("--jsonl", tmp_path / "a.jsonl", sources=2))


def test_a_headless_opencv_is_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    with pytest.raises(ImportError, match=r"pip install .*opencv-python"):
        check_sinks(parse("--show"))


def test_a_missing_extra_is_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_is_installed", lambda module: False)
    with pytest.raises(ImportError, match=r"--virtual-camera needs pyvirtualcam.*pip install 'pose_track\[live\]'"):
        check_sinks(parse("--virtual-camera"))


def test_a_port_that_is_taken_closes_what_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = parse("--jsonl", path, "--serve", taken.getsockname()[1])
        with pytest.raises(OSError, match=r"."):
            open_sinks(options, header(POSETRACK_15), 64, 48, Fraction(25))
    assert json.loads(path.read_text())["complete"] is True  # it was closed


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pose_track.build.stages.build_stages", lambda settings, profile: stub_stages(settings))
    return make_video(tmp_path / "clip.mp4", NUM_FRAMES)


def test_track_writes_the_same_records_to_a_file(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "live.jsonl"
    assert run_command("track", video, "--out", tmp_path / "out", "--jsonl", path) == 0
    header_, frames = read_tracks(path)
    results_header, results = read_tracks(tmp_path / "out/clip/tracks.jsonl")
    assert [people.to_dict() for people in frames] == [people.to_dict() for people in results]
    assert header_["skeleton"] == results_header["skeleton"]


def test_stdout_has_records_only(video: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command("track", video, "--out", tmp_path / "out", "--jsonl", "-") == 0
    out, err = capfd.readouterr()
    first, *records = map(json.loads, out.splitlines())
    assert (first["type"], "complete" in first) == ("header", False)
    assert [record["frame"] for record in records] == list(range(NUM_FRAMES))
    assert "6 frames" in err


@pytest.mark.skipif(os.name == "nt", reason="needs named pipes")
def test_a_named_pipe_takes_the_records(video: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as cat:
        assert run_command("track", video, "--out", tmp_path / "out", "--jsonl", pipe) == 0
        assert cat.stdout is not None
        assert len(cat.stdout.readlines()) == 1 + NUM_FRAMES


TRACK = """
import sys
import pose_track.build.stages
from pose_track.cli.main import main
from stub_stages import stub_stages
pose_track.build.stages.build_stages = lambda settings, profile: stub_stages(settings)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_reader_that_ends_ends_a_live_run(video: Path) -> None:
    """As `yes | head` ends; the clip alone would take 20 s."""
    long = make_video(video.with_name("long.mp4"), 500)
    command = [sys.executable, "-c", TRACK, "live", str(long), "--jsonl", "-"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["type"] == "header"
        process.stdout.close()
        assert process.wait(15) == EXIT_BROKEN_PIPE
        assert b"Traceback" not in process.stderr.read()
