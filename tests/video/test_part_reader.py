"""A part of a video has the frames that reading all of it gives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_video import make_video

from pose_track.video.part_reader import PartReader, read_times, video_part
from pose_track.video.reader import open_video
from pose_track.video.source import DecodeError

CASES = [
    ("a.mp4", "libx264", {}),
    ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=4:keyint=10"}),
    ("b.mkv", "libx265", {}),
    ("c.webm", "libvpx-vp9", {}),
    ("d.ts", "libx264", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CASES)
def test_parts_are_the_video(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    path = make_video(tmp_path / name, 90, codec, options=options)
    with open_video(path) as reader:
        whole = list(reader)
    times = read_times(path)
    assert times.seconds == [frame.pts_seconds for frame in whole]
    for start, stop in ((0, 30), (30, 31), (31, 77), (77, 90), (0, 90)):
        with PartReader(path, video_part(times, start, stop)) as reader:
            assert reader.info.fps == times.fps
            frames = list(reader)
        assert [frame.index for frame in frames] == list(range(start, stop))
        for frame in frames:
            assert frame.pts_seconds == whole[frame.index].pts_seconds
            np.testing.assert_array_equal(frame.image, whole[frame.index].image)


def test_a_variable_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 30, times=[Fraction(n * n, 100) for n in range(30)])
    with open_video(path) as reader:
        seconds = [frame.pts_seconds for frame in reader]
    with PartReader(path, video_part(read_times(path), 17, 25)) as reader:
        assert [frame.pts_seconds for frame in reader] == seconds[17:25]


def test_a_video_without_frame_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not state the times of its frames; track it whole"):
        read_times(make_video(tmp_path / "a.avi", 10, "mpeg4"))


def test_damage_before_the_frames_are_read(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", 40)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DecodeError, match="ends at"):
        read_times(path)


def test_damage_within_a_part(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 60)
    times = read_times(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(bytes(content))
    with pytest.raises(DecodeError, match="track it whole"), PartReader(path, video_part(times, 20, 50)) as reader:
        list(reader)
