"""A fragmented video that was cut off plays to the end of its last whole fragment, without an error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from make_video import numbered_image, read_number

from pose_track.video.fragments import cut_to_whole_fragments
from pose_track.video.reader import open_video
from pose_track.video.writer import VideoWriter

ROOT = Path(__file__).parents[2]
NUM_FRAMES = 60


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is on the disk of a video whose frames are all written, before it is closed."""
    path = tmp_path_factory.mktemp("videos") / "a.mp4"
    with VideoWriter(path, 192, 128, Fraction(10)) as writer:
        for number in range(NUM_FRAMES):
            writer.write(numbered_image(number))
        copy = path.with_name("copy.mp4")
        shutil.copy(path.with_name("a.mp4.partial"), copy)
    return copy.read_bytes()


def numbers(path: Path) -> list[int]:
    with open_video(path, on_damage="stop") as reader:
        return [read_number(frame.image) for frame in reader]


@pytest.mark.parametrize("following", [b"", b"left over from a later write" * 9], ids=["cut", "and written on"])
def test_a_video_cut_anywhere(following: bytes, fragmented: bytes, tmp_path: Path) -> None:
    path, lengths = tmp_path / "cut.mp4", []
    for percent in range(4, 101, 8):
        path.write_bytes(fragmented[: len(fragmented) * percent // 100] + following)
        if cut_to_whole_fragments(path):
            kept = numbers(path)
            assert kept == sorted(kept)
            assert kept[:-3] == list(range(len(kept) - 3))  # a frame may be stored after three later ones
            lengths.append(len(kept))
        else:
            assert percent < 30
    assert lengths == sorted(lengths)
    assert lengths[-1] > NUM_FRAMES * 0.6


def test_a_disk_that_becomes_full(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk."""
    program = f"""
import resource, numpy as np
from fractions import Fraction
from pathlib import Path
from pose_track.video.writer import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
chance = np.random.default_rng(0)
with VideoWriter(Path({str(tmp_path / "out.mp4")!r}), 192, 128, Fraction(10)) as writer:
    for _ in range(400):
        writer.write(chance.integers(0, 256, (128, 192, 3), np.uint8))
"""
    pytest.importorskip("resource")
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "OSError" in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    with open_video(tmp_path / "out.mp4", on_damage="stop") as reader:
        assert len(list(reader)) > 3
