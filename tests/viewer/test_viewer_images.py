"""The images that the page gets are those of the records."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_video import damaged, make_video, numbered_image, read_number

from pose_track.video.reader import open_video
from pose_track.viewer.images import FrameImages, MissingFrameError


def seconds_of(path: Path) -> np.ndarray:
    with open_video(path) as reader:
        return np.array([lazy.pts_seconds for lazy in reader.lazy_frames()])


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.webm", "libvpx-vp9")])
def test_steps_and_jumps(tmp_path: Path, name: str, codec: str) -> None:
    path = make_video(tmp_path / name, 200, codec)
    images = FrameImages(path, seconds_of(path))
    for position in (0, 1, 2, 1, 0, 199, 198, 50, 51, 120, 119, 0):
        assert read_number(images.image(position)) == position
    with pytest.raises(IndexError, match="must be below 200, got 200"):
        images.jpeg(200)
    images.close()
    with pytest.raises(MissingFrameError):
        images.jpeg(150)


def test_records_of_every_third_frame(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 60)
    images = FrameImages(path, seconds_of(path)[1::3])
    assert [read_number(images.image(position)) for position in (0, 19, 4, 5)] == [1, 58, 13, 16]


def test_a_variable_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 40, times=[Fraction(n * n, 500) for n in range(40)])
    images = FrameImages(path, seconds_of(path))
    assert [read_number(images.image(position)) for position in (39, 2, 20)] == [39, 2, 20]


def test_a_frame_that_the_video_lacks(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 20)
    images = FrameImages(path, np.append(seconds_of(path), 99.0))
    with pytest.raises(MissingFrameError, match="no frame at 99"):
        images.jpeg(20)
    assert read_number(images.image(19)) == 19


def test_a_damaged_video_is_shown_as_it_was_tracked(tmp_path: Path) -> None:
    path = damaged(make_video(tmp_path / "a.mp4", 100))
    images = FrameImages(path, np.arange(100) / 10)
    assert [read_number(images.image(position)) for position in (2, 95)] == [2, 95]


def test_a_folder_of_images(tmp_path: Path) -> None:
    for number in range(8):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered_image(number)[..., ::-1])
    images = FrameImages(tmp_path, np.arange(8) / 5, Fraction(5))
    assert [read_number(images.image(position)) for position in (7, 0, 3)] == [7, 0, 3]


def test_many_threads(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 120)
    images = FrameImages(path, seconds_of(path))
    found: dict[int, int] = {}

    def read(first: int) -> None:
        for position in range(first, 120, 7):
            found[position] = read_number(images.image(position))

    threads = [threading.Thread(target=read, args=(first,)) for first in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {position: position for position in range(120)}
