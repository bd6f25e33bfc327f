"""The size that an image declares bounds the memory it may take."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_video import make_video

from pose_track.datasets.images import decode_image
from pose_track.video.declared_size import declared_size
from pose_track.video.reader import DecodeError, open_video


def encoded(suffix: str, width: int, height: int, options: tuple[int, ...] = ()) -> bytes:
    return cv2.imencode(suffix, np.zeros((height, width, 3), np.uint8), options)[1].tobytes()


# suffix, options of OpenCV
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", ()),
        (".bmp", ()),
        (".tif", ()),
        (".gif", ()),
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 50)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),  # without loss
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (320, 200), (17, 1300)])
def test_sizes(suffix: str, options: tuple[int, ...], size: tuple[int, int]) -> None:
    data = encoded(suffix, *size, options)
    assert declared_size(data) == size
    for length in range(0, len(data), max(1, len(data) // 50)):
        assert declared_size(data[:length]) in (size, None)


def test_other_content_declares_nothing() -> None:
    assert [declared_size(data) for data in (b"", b"no image", b"RIFF", b"\xff\xd8" + bytes(1000))] == 4 * [None]


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of zeros, one bit for each pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bombs() -> dict[str, bytes]:
    """Small files of 900 million pixels, the last two by their header alone."""
    gif = bytearray(encoded(".gif", 16, 16))
    struct.pack_into("<HH", gif, 6, 30_000, 30_000)
    tiff = bytearray(encoded(".tif", 16, 16))
    (directory,) = struct.unpack_from("<I", tiff, 4)
    for entry in range(directory + 2, directory + 100, 12):
        if struct.unpack_from("<H", tiff, entry)[0] in (256, 257):
            struct.pack_into("<I", tiff, entry + 8, 30_000)
    return {"a.png": png_bomb(30_000, 30_000), "a.gif": bytes(gif), "a.tif": bytes(tiff)}


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.tif", "png.mp4"])
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path, name: str) -> None:
    data = bombs()["a.png" if name == "png.mp4" else name]
    assert len(data) < 1_000_000
    (tmp_path / name).write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="30000x30000"):
        open_video(tmp_path / name)
    if name != "a.gif":  # OpenCV opens no GIF as a label's image in older versions
        with pytest.raises(ValueError, match="30000x30000"):
            decode_image(data, name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB; decoded it would be 2.7 GB


def test_a_bomb_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(30_000, 30_000))
    (tmp_path / "b.png").write_bytes(encoded(".png", 32, 16))
    with open_video(tmp_path) as reader:
        assert next(iter(reader)).image_name == "b.png"
    assert "a.png" in reader.faults[0].cause


def test_frames_of_a_video_are_bounded(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", 3, size=(192, 128))
    with open_video(path, max_pixels=192 * 128) as reader:
        assert len(list(reader)) == 3
    with pytest.raises(ValueError, match="192x128"):
        open_video(path, max_pixels=192 * 128 - 1)


def test_a_video_that_grows_is_bounded(tmp_path: Path) -> None:
    small, large = make_video(tmp_path / "a.ts", 10), make_video(tmp_path / "b.ts", 10, size=(384, 256))
    path = tmp_path / "joined.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with open_video(path, max_pixels=192 * 128) as reader, pytest.raises(RuntimeError, match=r"joined\.ts"):  # noqa: PT012
        num_frames = 0
        for _ in reader:
            num_frames += 1
    assert 8 <= num_frames <= 10
    with open_video(path) as reader:
        assert len(list(reader)) == 20


def test_a_file_larger_than_any_image_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(".jpg", 16, 16))
    os.truncate(tmp_path / "a.jpg", 2**35)  # the rest takes no place on the disk
    with pytest.raises(ValueError, match=r"a\.jpg"):
        open_video(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".jp2", ".avif"])
def test_other_kinds_of_images_are_not_decoded(tmp_path: Path, suffix: str) -> None:
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this build of OpenCV has no {suffix}")
    (tmp_path / "a.jpg").write_bytes(encoded(suffix, 64, 64))
    with pytest.raises(DecodeError, match=r"a\.jpg"):
        open_video(tmp_path / "a.jpg")
