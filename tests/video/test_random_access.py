"""Each frame that is sought equals the one that is read in order."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_video import make_video, numbered_image, read_number

from pose_track.video.random_access import RandomAccessVideo
from pose_track.video.reader import open_video

CASES = [
    # file, codec, options, whether it can seek
    ("a.mp4", "libx264", {}, True),
    ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=4:keyint=10"}, True),
    ("b.mkv", "libx265", {}, True),
    ("c.webm", "libvpx-vp9", {}, True),
    ("d.avi", "mpeg4", {}, False),
]


def frame_at(video: RandomAccessVideo, seconds: float) -> np.ndarray:
    for time, convert in video.frames_from(seconds):
        if abs(time - seconds) < 1e-3:
            image = convert()
            assert image is not None
            return image
    raise AssertionError(f"no frame at {seconds}")


@pytest.mark.parametrize(("name", "codec", "options", "can_seek"), CASES)
def test_any_order(tmp_path: Path, name: str, codec: str, options: dict[str, str], can_seek: bool) -> None:
    path = make_video(tmp_path / name, 45, codec, options=options)
    with open_video(path) as reader:
        frames = list(reader)
    video = RandomAccessVideo(path)
    assert video.can_seek is can_seek
    for index in (44, 0, 19, 20, 21, 9, 31, 10, 11):
        image = frame_at(video, frames[index].pts_seconds)
        assert read_number(image) == index
        np.testing.assert_array_equal(image, frames[index].image)


def test_seeking_leaves_earlier_frames_out(tmp_path: Path) -> None:
    video = RandomAccessVideo(make_video(tmp_path / "a.mp4", 100))
    first, _ = next(iter(video.frames_from(9.0)))
    assert 7.0 <= first <= 9.0


def test_a_variable_rate(tmp_path: Path) -> None:
    times = [Fraction(n * n, 100) for n in range(30)]
    path = make_video(tmp_path / "a.mp4", 30, times=times)
    video = RandomAccessVideo(path)
    with open_video(path) as reader:
        seconds = [frame.pts_seconds for frame in reader]
    assert [read_number(frame_at(video, seconds[n])) for n in (29, 3, 17)] == [29, 3, 17]


def test_a_folder_of_images(tmp_path: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered_image(number)[..., ::-1])
    video = RandomAccessVideo(tmp_path)
    assert not video.can_seek
    assert [read_number(frame_at(video, n / 25)) for n in (11, 2, 7)] == [11, 2, 7]
    assert read_number(frame_at(RandomAccessVideo(tmp_path, Fraction(5)), 4 / 5)) == 4
