"""Files that hold several images: animated PNG, WebP and GIF with their times, and TIFF files of several pages."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from make_video import HEIGHT, WIDTH, numbered_image, read_number

from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Frame
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError, DecodeError, Fault, OnDamage
from pose_track.video.tiff import tiff_pages

MILLISECONDS = [100, 40, 200, 0, 60, 100]


def write_webp(path: Path, frames: list[bytes], times: list[int] = MILLISECONDS) -> Path:
    """An animation of encoded WebP files that fill the canvas, as `cwebp` and `webpmux` write it."""
    width, height = (size - 1 for size in (WIDTH, HEIGHT))
    canvas = width.to_bytes(3, "little") + height.to_bytes(3, "little")
    chunks = [chunk(b"VP8X", b"\x02\0\0\0" + canvas), chunk(b"ANIM", bytes(6))]
    for data, milliseconds in zip(frames, times, strict=True):
        header = bytes(6) + canvas + milliseconds.to_bytes(3, "little") + b"\x02"
        chunks.append(chunk(b"ANMF", header + data))
    body = b"WEBP" + b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def webp_frames(num_frames: int = 6) -> list[bytes]:
    """The image chunk of each frame."""
    images = [cv2.imencode(".webp", numbered_image(n)[..., ::-1])[1].tobytes() for n in range(num_frames)]
    return [image[image.index(b"VP8") :] for image in images]


def write_animation(path: Path) -> Path:
    """An animated PNG or GIF of six images, 0.1 seconds each."""
    with av.open(str(path), "w", format=path.suffix[1:].replace("png", "apng")) as container:
        codec = {".png": "apng", ".gif": "gif"}[path.suffix]
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = {".png": "rgb24", ".gif": "rgb8"}[path.suffix]
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(numbered_image(number), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


def write_tiff(path: Path, num_pages: int = 6) -> Path:
    assert cv2.imwritemulti(str(path), [numbered_image(n)[..., ::-1] for n in range(num_pages)])
    return path


def read_on(path: Path, on_damage: OnDamage = "continue") -> tuple[list[Frame], list[Fault]]:
    frames: list[Frame] = []
    with open_video(path, on_damage=on_damage) as reader, suppress(DamageError):
        for frame in reader:
            frames.append(frame)
    return frames, reader.faults


@pytest.mark.parametrize("name", ["a.png", "a.gif", "gif.png", "gif.jpg"])
def test_animated_png_and_gif_by_content(tmp_path: Path, name: str) -> None:
    path = write_animation(tmp_path / ("a.gif" if "gif" in name else "a.png")).rename(tmp_path / name)
    with open_video(path) as reader:
        frames = list(reader)
    assert [read_number(f.image) for f in frames] == list(range(6))
    assert [f.pts_seconds for f in frames] == pytest.approx([n / 10 for n in range(6)])
    assert reader.info.fps == 10


def test_animated_webp(tmp_path: Path) -> None:
    with open_video(write_webp(tmp_path / "a.webp", webp_frames())) as reader:
        frames = list(reader)
    assert [read_number(f.image) for f in frames] == list(range(6))
    assert [f.pts_seconds for f in frames] == [0.0, 0.1, 0.14, 0.34, 0.44, 0.5]  # the fourth states no duration
    assert (reader.info.fps, reader.info.num_frames_from_header) == (10, 6)


def test_webp_frames_are_composed_as_opencv_does(tmp_path: Path) -> None:
    """OpenCV's own writer stores what changes only, with transparency."""
    draw, images = np.random.default_rng(0), []
    image = np.dstack([numbered_image(0), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    for _ in range(8):
        (x, y), colour = draw.integers(0, 90, 2), draw.integers(0, 255, 3)
        image[y : y + 30, x : x + 40, :3] = colour
        images.append(image.copy())
    animation, path = cv2.Animation(), tmp_path / "a.webp"
    animation.frames, animation.durations = images, np.full(8, 50, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    is_read, expected = cv2.imreadanimation(str(path))
    assert is_read
    frames, faults = read_on(path)
    assert (len(frames), faults) == (8, [])
    for frame, image in zip(frames, expected.frames, strict=True):
        np.testing.assert_allclose(frame.image, np.asarray(image)[..., 2::-1], rtol=0, atol=1)


def test_a_damaged_webp_frame_costs_no_other(tmp_path: Path) -> None:
    encoded = webp_frames()
    encoded[2] = encoded[2][:40] + bytes(len(encoded[2]) - 40)
    encoded[4] = encoded[4][:14] + b"\xff\x3f\xff\x3f" + encoded[4][18:]  # declares 16383x16383
    path = write_webp(tmp_path / "a.webp", encoded)
    frames, faults = read_on(path)
    assert [f.index for f in frames if f.index != 2] == [0, 1, 3, 5]
    assert [read_number(f.image) for f in frames if f.index != 2] == [0, 1, 3, 5]
    assert faults[-1].frame_index == 4
    with pytest.raises(DecodeError):
        read_on(path, "stop")


@pytest.mark.parametrize("percent", range(5, 100, 5))
@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a.png", "a.gif"])
def test_what_a_cut_leaves_is_read(tmp_path: Path, name: str, percent: int) -> None:
    path = tmp_path / name
    if name == "a.webp":
        write_webp(path, webp_frames())
    elif name == "a.tif":
        write_tiff(path)
    else:
        write_animation(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * percent // 100])
    frames: list[Frame] = []
    faults: list[Fault] = []
    with suppress(ValueError, DecodeError):  # where not even a first frame is left
        frames, faults = read_on(path)
    assert len(frames) >= (percent - 40) // 20
    assert [read_number(f.image) for f in frames[:-1]] == list(range(len(frames) - 1))
    assert faults or len(frames) in (0, 6) or name == "a.gif"  # which does not say how much it holds


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_pages_of_a_tiff_file(tmp_path: Path, big: bool) -> None:
    path = tmp_path / "a.tif"
    if big:
        write_big_tiff(path)
    else:
        write_tiff(path)
    with open_video(path, fps=5) as reader:
        frames = list(reader)
    assert [read_number(f.image) for f in frames] == list(range(6))
    assert [(f.index, f.pts_seconds, f.image_name) for f in frames] == [(n, n / 5, "") for n in range(6)]


def write_big_tiff(path: Path) -> None:
    """Six grey pages in the layout with places of eight bytes, most significant first."""
    content = bytearray(struct.pack(">2sHHHQ", b"MM", 43, 8, 0, 16))
    for number in range(6):
        pixels = numbered_image(number)[..., 0].tobytes()
        fields = [(256, WIDTH), (257, HEIGHT), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, HEIGHT)]
        fields.append((279, len(pixels)))
        data = len(content) + 8 + 20 * len(fields) + 8
        content += struct.pack(">Q", len(fields))
        for tag, value in fields:
            content += struct.pack(">HHQQ", tag, 16, 1, data if tag == 273 else value)
        content += struct.pack(">Q", data + len(pixels) if number < 5 else 0) + pixels
    path.write_bytes(content)


def test_a_tiff_whose_pages_go_in_a_circle(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", 3)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    place = first
    for _ in range(2):
        (num_entries,) = struct.unpack_from("<H", content, place)
        last, place = place, struct.unpack_from("<I", content, place + 2 + 12 * num_entries)[0]
    (num_entries,) = struct.unpack_from("<H", content, last)
    struct.pack_into("<I", content, last + 2 + 12 * num_entries, first)
    assert [page.place for page in tiff_pages(bytes(content))] == [first, last]


def test_thumbnails_are_no_pages(tmp_path: Path) -> None:
    content = bytearray(write_tiff(tmp_path / "a.tif", 2).read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    entries = {struct.unpack_from("<H", content, place)[0]: place for place in range(first + 2, first + 200, 12)}
    assert 254 in entries  # OpenCV says which page it is
    struct.pack_into("<I", content, entries[254] + 8, 1)
    pages = tiff_pages(bytes(content))
    assert (len(pages), pages[0].place > first) == (1, True)


def test_pages_of_more_than_eight_bits_are_stretched_alike(tmp_path: Path) -> None:
    pages = [numbered_image(n).astype(np.uint16)[..., ::-1] << 4 for n in range(3)]
    assert cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    frames, _ = read_on(tmp_path / "a.tif")
    np.testing.assert_array_equal([f.image for f in frames], [numbered_image(n) for n in range(3)])


def test_a_damaged_page_costs_no_other(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    page = tiff_pages(bytes(content))[2]
    assert (page.width, page.height) == (WIDTH, HEIGHT)
    struct.pack_into("<H", content, page.place + 2 + 12, 60_000)  # in place of the tag of its width
    path.write_bytes(content)
    frames, faults = read_on(path)
    assert [f.index for f in frames] == [read_number(f.image) for f in frames] == [0, 1, 3, 4, 5]
    assert [fault.frame_index for fault in faults] == [2]


def test_a_file_with_several_images_is_left_out_of_a_folder(tmp_path: Path) -> None:
    still: ImageArray = numbered_image(0)[..., ::-1]
    for name in ("a.png", "c.png"):
        assert cv2.imwrite(str(tmp_path / name), still)
    write_webp(tmp_path / "b.webp", webp_frames())
    write_tiff(tmp_path / "d.tif")
    frames, faults = read_on(tmp_path)
    assert [f.image_name for f in frames] == ["a.png", "c.png"]
    assert ["b.webp" in faults[0].cause, "d.tif" in faults[1].cause] == [True, True]


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_an_animation_has_times_of_its_own(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_webp(path, webp_frames()) if name == "a.webp" else write_animation(path)
    with pytest.raises(ValueError, match=name):
        open_video(path, fps=Fraction(10))


def test_a_gif_without_its_last_byte_is_whole(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.gif")
    content = path.read_bytes()
    assert content[-1:] == b";"
    path.write_bytes(content[:-1])  # as some encoders leave it
    frames, faults = read_on(path)
    assert ([read_number(f.image) for f in frames], faults) == (list(range(6)), [])
    path.write_bytes(content[:-2])  # the last image does not end
    assert read_on(path)[1]


def test_an_animated_png_is_read_up_to_a_cut_within_a_frame(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.png")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"fdAT") + 6])
    frames, faults = read_on(path)
    assert [read_number(f.image) for f in frames] == list(range(5))
    assert faults


def test_a_webp_frame_with_another_inside_is_a_fault(tmp_path: Path) -> None:
    path = write_webp(tmp_path / "a.webp", webp_frames())
    content = bytearray(path.read_bytes())
    places = [n for n in range(len(content)) if content[n : n + 4] == b"ANMF"]
    struct.pack_into("<I", content, places[2] + 4, places[4] - places[2] - 8)
    path.write_bytes(content)
    frames, faults = read_on(path)
    assert [read_number(f.image) for f in frames] == [0, 1, 4, 5]
    assert [fault.frame_index for fault in faults] == [2]
