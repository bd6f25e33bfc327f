"""Damaged video is read on: every frame that FFmpeg decodes is returned, and each fault is named with its frame."""

from __future__ import annotations

import logging
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from make_video import damaged, make_video, numbered_image, read_number, truncated, without_packet

from pose_track.structures.frames import Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError, DecodeError, Fault


def read_on(path: Path) -> tuple[list[Frame], list[Fault]]:
    """All frames, and the faults of a damaged video."""
    frames: list[Frame] = []
    with open_video(path) as reader:
        error = None
        try:
            for frame in reader:
                frames.append(frame)
        except DamageError as raised:
            error = raised
    assert (error is None) == (not reader.faults)
    if error is not None:
        assert str(path) in str(error)
        assert (error.num_frames, list(error.faults)) == (len(frames), reader.faults)
    assert [f.index for f in frames] == list(range(len(frames)))
    assert all(a.pts_seconds < b.pts_seconds for a, b in pairwise(frames))
    return frames, reader.faults


def num_decodable(path: Path) -> int:
    """Number of frames that FFmpeg decodes, going on after each error."""
    num_frames = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "SLICE"
        try:
            for packet in container.demux(stream):
                try:
                    num_frames += len(packet.decode())
                except av.FFmpegError:
                    continue
        except av.FFmpegError:
            num_frames += len(stream.codec_context.decode(None))
    return num_frames


def media_start(path: Path) -> int:
    """Position of the first packet of a file, behind its header."""
    with av.open(str(path)) as container:
        return next(packet.pos or 0 for packet in container.demux(video=0))


def cut(path: Path, share: float) -> Path:
    """A copy that ends after a share of its packets' bytes."""
    size, start = path.stat().st_size, media_start(path)
    return truncated(path, (start + share * (size - start)) / size)


def joined(first: Path, second: Path) -> Path:
    target = first.with_stem("joined")
    target.write_bytes(first.read_bytes() + second.read_bytes())
    return target


def flipped(path: Path, seed: int) -> Path:
    """A copy with one wrong bit, behind the header."""
    content, draw = bytearray(path.read_bytes()), random.Random(seed)
    content[draw.randrange(media_start(path), len(content))] ^= 1 << draw.randrange(8)
    target = path.with_stem(f"{path.stem}_{seed}")
    target.write_bytes(content)
    return target


def test_joined_files_are_sound(tmp_path: Path) -> None:
    first, second = make_video(tmp_path / "a.ts", 30), make_video(tmp_path / "b.ts", 30)
    frames, faults = read_on(joined(first, second))
    assert [read_number(f.image) for f in frames] == 2 * list(range(30))
    assert faults == []


def test_a_lost_packet_costs_no_other_frame(tmp_path: Path) -> None:
    path = without_packet(make_video(tmp_path / "clip.ts", 60))
    frames, faults = read_on(path)
    assert len(frames) == num_decodable(path) >= 58
    assert [read_number(f.image) for f in frames[:20]] == list(range(20))
    assert read_number(frames[-1].image) == 59
    assert 20 < faults[0].frame_index < 50


# codec, container
FORMATS = [
    ("libx264", "mp4"),
    ("libx264", "mkv"),
    ("libx264", "ts"),
    ("libx265", "mp4"),
    ("libx265", "mkv"),
    ("libvpx-vp9", "webm"),
    ("libsvtav1", "mp4"),
    ("mpeg4", "avi"),
    ("mpeg4", "mp4"),
]
formats = pytest.mark.parametrize(("codec", "container"), FORMATS)


@formats
@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_all_frames_before_a_cut_are_read(tmp_path: Path, codec: str, container: str, share: float) -> None:
    path = cut(make_video(tmp_path / f"clip.{container}", 40, codec), share)
    frames, faults = read_on(path)
    assert len(frames) == num_decodable(path)
    assert 0 < len(frames) <= 40
    assert [read_number(f.image) for f in frames[:-1]] == list(range(len(frames) - 1))
    if container != "ts" and len(frames) < 40:  # TS does not say how long it is, and the end of an AVI is its index
        assert faults[-1].frame_index in (len(frames) - 1, len(frames))


@formats
def test_flipped_bits_cost_no_frame_that_ffmpeg_decodes(tmp_path: Path, codec: str, container: str) -> None:
    whole = make_video(tmp_path / f"clip.{container}", 20, codec)
    for seed in range(8):
        path = flipped(whole, seed)
        frames, faults = read_on(path)
        assert len(frames) >= 0.99 * num_decodable(path)
        assert len(frames) == 20 or faults, f"{path.name}: {20 - len(frames)} frames are missing without a word"


@formats
def test_intact_video_has_no_fault(tmp_path: Path, codec: str, container: str) -> None:
    frames, faults = read_on(make_video(tmp_path / f"clip.{container}", 40, codec))
    assert (len(frames), faults) == (40, [])


def test_a_cut_by_a_few_bytes_is_noticed(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "clip.mkv", 30)
    _, faults = read_on(truncated(whole, 1 - 40 / whole.stat().st_size))
    assert [fault.frame_index for fault in faults] == [30]


def test_stopping_at_damage_gives_intact_frames_only(tmp_path: Path) -> None:
    path = damaged(make_video(tmp_path / "clip.mp4", 60))
    with open_video(path, on_damage="stop") as reader, pytest.raises(DecodeError) as caught:  # noqa: PT012
        frames = []
        for frame in reader:
            frames.append(frame)
    assert 0 < len(frames) == caught.value.frame_index < len(read_on(path)[0])


def test_a_change_of_size_is_scaled_to_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuvj420p"
        for number, size in enumerate([(192, 128), (192, 128), (96, 64), (192, 128)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height = size
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 10)
            picture = av.VideoFrame.from_ndarray(numbered_image(number, *size), format="rgb24").reformat(
                format="yuvj420p"
            )
            picture.pts = number
            for packet in [*encoder.encode(picture), *encoder.encode(None)]:
                packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 10)
                container.mux(packet)
    with caplog.at_level(logging.WARNING):
        frames, _ = read_on(path)
    assert [read_number(f.image) for f in frames] == [0, 1, 2, 3]
    assert {f.image.shape for f in frames} == {(128, 192, 3)}
    assert "96x64" in caplog.text
    assert np.abs(frames[2].image[:20, :20].astype(int) - numbered_image(2)[:20, :20]).mean() < 20


def test_a_block_that_hides_the_end_of_a_matroska_file_is_noticed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mkv", 30)
    with av.open(str(path)) as container:
        last = max(packet.pos or 0 for packet in container.demux(video=0))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\xa3", 0, last + 1)] ^= 0x80  # the id of its block
    path.write_bytes(content)
    frames, faults = read_on(path)
    assert len(frames) < 30
    assert [fault.frame_index for fault in faults] == [len(frames)]
