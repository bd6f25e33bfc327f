"""Which part of a file is read, at which rate and in which shape."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from make_video import is_upright, make_video, numbered_image, read_number

from pose_track.video.reader import open_video


def write_streams(path: Path, streams: list[tuple[tuple[int, int], int, bool]]) -> Path:
    """Write a video with several streams: size, number of frames, and whether it is the default."""
    with av.open(str(path), "w") as container:
        added = []
        for size, num_frames, is_default in streams:
            stream = container.add_stream("mpeg4", rate=10)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            stream.disposition = av.stream.Disposition.default if is_default else av.stream.Disposition(0)
            added.append((stream, size, num_frames))
        for stream, size, num_frames in added:
            for number in range(num_frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered_image(number, *size), format="rgb24")))
            container.mux(stream.encode(None))
    return path


# streams, width and number of frames of the one that is read
@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ([((96, 64), 1, False), ((192, 128), 8, True)], (192, 8)),  # a cover first
        ([((192, 128), 1, False), ((96, 64), 8, False)], (96, 8)),  # a larger cover
        ([((96, 64), 8, True), ((192, 128), 8, True)], (192, 8)),  # a preview first
        ([((192, 128), 8, False), ((96, 64), 8, True)], (96, 8)),  # the default one
    ],
)
def test_the_stream_that_ffmpeg_chooses_is_read(
    tmp_path: Path, streams: list[tuple[tuple[int, int], int, bool]], expected: tuple[int, int]
) -> None:
    with open_video(write_streams(tmp_path / "clip.mp4", streams)) as reader:
        assert (reader.info.width, len(list(reader))) == expected


# codec, suffix
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_raw_stream_has_the_rate_that_it_states(tmp_path: Path, codec: str, suffix: str) -> None:
    path = make_video(tmp_path / f"clip.{suffix}", 12, codec, fps=Fraction(30))
    with open_video(path) as reader:
        frames = list(reader)
    assert reader.info.fps == 30
    assert [f.pts_seconds for f in frames] == [n / 30 for n in range(12)]
    assert [read_number(f.image) for f in frames] == list(range(12))
    with open_video(path, fps=60) as reader:
        assert [f.pts_seconds for f in reader] == [n / 60 for n in range(12)]


@pytest.mark.parametrize("rotation", [0, 90])
def test_pixels_that_are_not_square_are_scaled_to_the_shown_shape(tmp_path: Path, rotation: int) -> None:
    whole = make_video(tmp_path / "whole.mp4", 3, rotation=rotation)
    path = tmp_path / "clip.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        if rotation:
            stream.set_display_rotation(-rotation)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with open_video(path) as reader:
        frames = list(reader)
    expected = (192, 256) if rotation else (384, 128)
    assert (reader.info.width, reader.info.height) == expected
    assert {f.image.shape[:2] for f in frames} == {expected[::-1]}
    assert all(is_upright(f.image) for f in frames)
    assert [read_number(f.image) for f in frames] == [0, 1, 2]


# suffix, codec, its name in the file, a name that nobody knows
@pytest.mark.parametrize(
    ("suffix", "codec", "known", "unknown"),
    [
        (".mp4", "libx264", b"avc1", b"zzzz"),
        (".avi", "mpeg4", b"FMP4", b"zzzz"),
        (".mkv", "libx264", b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"),
    ],
)
def test_an_unknown_coding_is_named(tmp_path: Path, suffix: str, codec: str, known: bytes, unknown: bytes) -> None:
    path = make_video(tmp_path / f"clip{suffix}", 3, codec)
    content = path.read_bytes()
    assert known in content
    path.write_bytes(content.replace(known, unknown))
    with pytest.raises(ValueError, match=path.name) as caught:
        open_video(path)
    assert unknown.decode() in str(caught.value)
