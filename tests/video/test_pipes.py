"""The standard input, and frames without a header."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video, numbered_image, read_number

from pose_track.video.reader import open_video
from pose_track.video.source import DecodeError
from pose_track.video.stream_options import StreamOptions, parse_raw

READ = """
import sys
from pose_track.video.reader import open_video
from pose_track.video.stream_options import StreamOptions
with open_video("-", stream=StreamOptions(raw=sys.argv[1] if len(sys.argv) > 1 else None)) as reader:
    print(reader.info.source, reader.is_live)
    print([(frame.index, round(frame.pts_seconds, 3), frame.image[0, 0].tolist()) for frame in reader])
"""


def read_from(content: bytes, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", READ, *arguments], input=content, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("ts", "libx264"), ("y4m", "wrapped_avframe")])
def test_a_container_in_the_standard_input(suffix: str, codec: str, tmp_path: Path) -> None:
    path = make_video(tmp_path / f"clip.{suffix}", 5, codec) if suffix != "y4m" else write_y4m(tmp_path / "clip.y4m", 5)
    with open_video(path) as reader:
        expected = [(frame.index, round(frame.pts_seconds, 3), frame.image[0, 0].tolist()) for frame in reader]
    assert read_from(path.read_bytes()) == ["standard input False", str(expected)]


def write_y4m(path: Path, num_frames: int) -> Path:
    planes = b"".join(b"FRAME\n" + bytes([number]) * (64 * 48 * 3 // 2) for number in range(num_frames))
    path.write_bytes(b"YUV4MPEG2 W64 H48 F10:1 Ip A1:1 C420\n" + planes)
    return path


@pytest.mark.parametrize(
    ("pixels", "shape", "expected"), [("rgb24", (4, 2, 3), [9, 20, 30]), ("bgr24", (4, 2, 3), [30, 20, 9])]
)
def test_raw_frames_in_the_standard_input(pixels: str, shape: tuple[int, ...], expected: list[int]) -> None:
    frames = np.full((3, *shape), (9, 20, 30), np.uint8)
    lines = read_from(frames.tobytes(), f"2x4:{pixels}@10")
    assert lines[1] == str([(n, n / 10, expected) for n in range(3)])


def test_raw_frames_of_a_file_and_of_a_named_pipe(tmp_path: Path) -> None:
    frames = np.stack([numbered_image(number, 96, 64) for number in range(4)])
    options = StreamOptions(raw="96x64@50")
    path = tmp_path / "clip.rgb"
    path.write_bytes(frames.tobytes())
    with open_video(path, stream=options) as reader:
        assert reader.info.fps == 50
        received = list(reader)
    assert all(np.array_equal(frame.image, image) for frame, image in zip(received, frames, strict=True))
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(frames.tobytes(),))
    writer.start()
    with open_video(tmp_path / "pipe", stream=options) as reader:
        assert [read_number(frame.image) for frame in reader] == [0, 1, 2, 3]
    writer.join()


def test_a_cut_raw_frame_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "clip.rgb"
    path.write_bytes(np.zeros((2, 64, 96, 3), np.uint8).tobytes() + bytes(100))
    frames = []
    with open_video(path, stream=StreamOptions(raw="96x64")) as reader, pytest.raises(DecodeError):
        frames.extend(reader)
    assert len(frames) <= 3


def test_closing_a_pipe_frees_it(tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not list open files")
    path = make_video(tmp_path / "clip.mkv", 3)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        pipe = tmp_path / f"pipe{number}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(path.read_bytes(),))
        writer.start()
        with open_video(pipe) as reader:
            assert len(list(reader)) == 3
        writer.join()
    del reader
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("raw", ["", "640", "640x480@", "640x480@0", "0x480", "640x480:nothing"])
def test_unreadable_raw_formats(raw: str) -> None:
    with pytest.raises(ValueError, match=r"raw|pixel format"):
        StreamOptions(raw=raw)


def test_raw_formats() -> None:
    raw = parse_raw("640x480:gray@29.97")
    assert (raw.size, raw.pixels, float(raw.fps)) == ((640, 480), "gray", 29.97)
    assert parse_raw("1x2").pixels == "rgb24"
