import gc
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from make_video import (
    HEIGHT,
    WIDTH,
    damaged,
    is_upright,
    make_sound,
    make_video,
    numbered_image,
    read_number,
    truncated,
)
from shared_data import shared

from pose_track.structures.frames import Frame
from pose_track.video.reader import DecodeError, open_video
from pose_track.video.source import DamageError, FrameClock, OnDamage

VARYING_TIMES = [Fraction(ms, 1000) for ms in (0, 40, 80, 200, 240, 250, 500, 1000, 1040, 1080)]
# of an 8-bit value; the two decoders use different builds of FFmpeg; measured: 0
MAX_DECODER_DIFFERENCE = 3

decoders = pytest.mark.parametrize("decoder", ["pyav", "decord"])


def read_all(path: Path, decoder: str = "pyav", **selection: float) -> list[Frame]:
    if decoder == "decord":
        pytest.importorskip("decord")
    with open_video(path, decoder, **selection) as reader:  # type: ignore[arg-type]
        return list(reader)


def read_until_error(
    path: Path, decoder: str = "pyav", on_damage: OnDamage = "stop"
) -> tuple[list[Frame], DecodeError]:
    frames: list[Frame] = []
    with pytest.raises(DecodeError) as caught, open_video(path, decoder, on_damage=on_damage) as reader:  # noqa: PT012
        for frame in reader:
            frames.append(frame)
    return frames, caught.value


def assert_numbered(frames: list[Frame], num_frames: int, fps: int = 10) -> None:
    assert [f.index for f in frames] == list(range(num_frames))
    assert [read_number(f.image) for f in frames] == list(range(num_frames))
    assert [f.pts_seconds for f in frames] == [i / fps for i in range(num_frames)]


# codec, container
FORMATS = [
    ("libx264", "mp4"),
    ("libx264", "mkv"),
    ("libx264", "ts"),  # timestamps start above 0
    ("libx264", "avi"),  # B-frames in a container without presentation timestamps
    ("libx265", "mp4"),
    ("libvpx-vp9", "webm"),
    ("mpeg4", "avi"),
    ("mpeg4", "mp4"),
    ("libsvtav1", "mp4"),
]


@pytest.mark.parametrize(("codec", "container"), FORMATS)
def test_every_frame_is_read_once_in_order_with_its_time(tmp_path: Path, codec: str, container: str) -> None:
    assert_numbered(read_all(make_video(tmp_path / f"clip.{container}", 30, codec)), 30)


@pytest.mark.parametrize(("codec", "container"), [f for f in FORMATS if f[0] != "libsvtav1" and f[1] != "ts"])
def test_decord_reads_the_same_frames(tmp_path: Path, codec: str, container: str) -> None:
    assert_numbered(read_all(make_video(tmp_path / f"clip.{container}", 30, codec), "decord"), 30)


@decoders
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied_exactly_once(tmp_path: Path, decoder: str, rotation: int) -> None:
    path = make_video(tmp_path / "clip.mp4", 3, rotation=rotation)
    frames = read_all(path, decoder)
    assert all(is_upright(f.image) and f.image.shape == (HEIGHT, WIDTH, 3) for f in frames)
    assert_numbered(frames, 3)
    with open_video(path, decoder) as reader:
        assert (reader.info.width, reader.info.height, reader.info.rotation) == (WIDTH, HEIGHT, rotation)


def test_mirroring_is_applied(tmp_path: Path) -> None:
    frames = read_all(make_video(tmp_path / "clip.mp4", 3, mirrored=True))
    assert all(is_upright(f.image) for f in frames)


def test_decord_refuses_video_that_it_would_decode_wrongly(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    path = make_video(tmp_path / "clip.mp4", 3, mirrored=True)
    with pytest.raises(DecodeError, match="differently"):
        open_video(path, "decord")


@decoders
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path, decoder: str, container: str) -> None:
    path = make_video(tmp_path / f"clip.{container}", len(VARYING_TIMES), times=VARYING_TIMES)
    frames = read_all(path, decoder)
    assert [f.pts_seconds for f in frames] == [float(t) for t in VARYING_TIMES]
    assert [read_number(f.image) for f in frames] == list(range(len(VARYING_TIMES)))


@decoders
def test_times_start_at_zero(tmp_path: Path, decoder: str) -> None:
    path = make_video(tmp_path / "clip.mkv", 5, times=[t + 7 for t in VARYING_TIMES])
    assert [f.pts_seconds for f in read_all(path, decoder)] == [float(t) for t in VARYING_TIMES[:5]]


# timestamps (None: missing), expected times; the average frame lasts 1 s
@pytest.mark.parametrize(
    ("timestamps", "times"),
    [
        ([], []),
        ([None, None], [0, 1]),
        ([None, 5, 6], [0, 1, 2]),  # the first timestamp is missing
        ([5, 6, 6, 8], [0, 1, 2, 3]),  # one is repeated
        ([5, 7, 6, 9], [0, 2, 3, 4]),  # one decreases
        ([-1, 0, 5], [0, 1, 6]),  # a gap is kept
    ],
)
def test_frame_clock_repairs(timestamps: list[int | None], times: list[int]) -> None:
    clock = FrameClock(Fraction(1))
    assert [clock.seconds(None if t is None else Fraction(t)) for t in timestamps] == times


def test_info_of_a_video(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", 12, fps=Fraction(24000, 1001))
    with open_video(path) as reader:
        info = reader.info
    assert (info.source, info.width, info.height, info.rotation) == (str(path), WIDTH, HEIGHT, 0)
    assert (info.fps, info.num_frames_from_header) == (Fraction(24000, 1001), 12)


def test_implausible_rate_is_replaced_by_that_of_the_timestamps(tmp_path: Path) -> None:
    times = [Fraction(i, 25) for i in range(20)]
    path = make_video(tmp_path / "clip.webm", 20, "libvpx-vp9", fps=Fraction(1000), times=times)
    with open_video(path) as reader:
        assert reader.info.fps == 25


# selection, expected indices of 20 frames at 10 frames per second
@decoders
@pytest.mark.parametrize(
    ("selection", "indices"),
    [
        ({"end_seconds": 0.3}, [0, 1, 2]),
        ({"start_seconds": 1.75}, [18, 19]),
        ({"start_seconds": 0.5, "end_seconds": 0.8}, [5, 6, 7]),
        ({"stride": 8}, [0, 8, 16]),
        ({"start_seconds": 0.3, "end_seconds": 1.0, "stride": 3}, [3, 6, 9]),
    ],
)
def test_selection_keeps_the_indices_of_the_video(
    tmp_path: Path, decoder: str, selection: dict[str, float], indices: list[int]
) -> None:
    frames = read_all(make_video(tmp_path / "clip.mp4", 20), decoder, **selection)
    assert [f.index for f in frames] == indices
    assert [read_number(f.image) for f in frames] == indices
    assert [f.pts_seconds for f in frames] == [i / 10 for i in indices]


def test_reader_is_read_once(tmp_path: Path) -> None:
    with open_video(make_video(tmp_path / "clip.mp4", 3)) as reader:
        list(reader)
        with pytest.raises(ValueError, match="open it again"):
            iter(reader)
    with open_video(make_video(tmp_path / "clip.mp4", 3)) as reader:
        pass
    with pytest.raises(ValueError, match="closed already"):
        iter(reader)


@pytest.mark.parametrize("rotation", [0, 90])
def test_frames_are_released(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "clip.mp4", 60, rotation=rotation)
    gc.collect()
    gc.disable()  # frames are large, but too few to trigger it: none may need it
    try:
        with open_video(path) as reader:
            num_read = sum(1 for _ in reader)
            num_held = sum(isinstance(o, av.VideoFrame) for o in gc.get_objects())
    finally:
        gc.enable()
    assert num_read == 60
    assert num_held <= 3


@decoders
def test_frames_hidden_by_an_edit_list_are_skipped(tmp_path: Path, decoder: str) -> None:
    path = make_video(tmp_path / "clip.mp4", 30, options={"bf": "0"})
    content = bytearray(path.read_bytes())
    media_time = content.index(b"elst") + 16  # after version, number of entries and duration, 4 bytes each
    with av.open(str(path)) as container:
        ticks = round(Fraction(15, 10) / Fraction(container.streams.video[0].time_base or 1))
    content[media_time : media_time + 4] = ticks.to_bytes(4, "big")
    path.write_bytes(content)
    frames = read_all(path, decoder)
    assert [read_number(f.image) for f in frames] == list(range(15, 30))
    assert [f.pts_seconds for f in frames] == [i / 10 for i in range(15)]


# codec, container, how the file is broken
@pytest.mark.parametrize(
    ("codec", "container", "break_file"),
    [
        ("libx264", "mp4", truncated),
        ("libx265", "mp4", truncated),
        ("libsvtav1", "mp4", truncated),
        ("libvpx-vp9", "webm", truncated),
        ("libx264", "mkv", truncated),
        ("mpeg4", "avi", truncated),
        ("libx264", "mp4", damaged),
    ],
)
def test_frames_before_an_error_are_read_then_it_is_raised(
    tmp_path: Path, codec: str, container: str, break_file: Callable[[Path], Path]
) -> None:
    path = break_file(make_video(tmp_path / f"clip.{container}", 60, codec))
    frames, error = read_until_error(path)
    assert 0 < len(frames) < 60
    assert_numbered(frames, len(frames))
    assert error.frame_index == len(frames)
    assert str(path) in str(error)


def test_packets_lost_within_a_file_are_reported(tmp_path: Path) -> None:
    path = damaged(make_video(tmp_path / "clip.avi", 60, "mpeg4"))  # the header of a packet is lost; FFmpeg continues
    frames, error = read_until_error(path)
    assert error.frame_index == len(frames) < 60


def test_decord_raises_on_a_cut_file(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    path = truncated(make_video(tmp_path / "clip.mkv", 60))
    frames, error = read_until_error(path, "decord")
    assert_numbered(frames, error.frame_index)


# name, part of the message
@decoders
@pytest.mark.parametrize(("name", "message"), [("sound.wav", "no video stream"), ("text.mp4", "cannot be opened")])
def test_files_without_video(tmp_path: Path, decoder: str, name: str, message: str) -> None:
    make_sound(tmp_path / "sound.wav")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(ValueError, match=message) as caught:
        read_all(tmp_path / name, decoder)
    assert name in str(caught.value)


def test_video_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    with pytest.raises(ValueError, match=r"no frame|cannot be opened"):
        open_video(path)


@decoders
def test_missing_file(tmp_path: Path, decoder: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.mp4"):
        open_video(tmp_path / "missing.mp4", decoder)


# arguments, part of the message
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoder": "opencv"}, "'opencv'.*pyav, decord"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"start_seconds": 2, "end_seconds": 1}, "after start_seconds"),
        ({"fps": 30}, "has its own frame rate"),
        ({"start_seconds": 100}, "no frame from 100"),
    ],
)
def test_bad_arguments(tmp_path: Path, arguments: dict[str, float], message: str) -> None:
    path = make_video(tmp_path / "clip.mp4", 3)
    with pytest.raises(ValueError, match=message):
        read_all(path, **arguments) if "decoder" not in arguments else open_video(path, "opencv")


def test_decord_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(ImportError, match=r"pose_track\[decord\]"):
        open_video(make_video(tmp_path / "clip.mp4", 3), "decord")


def write_image(path: Path, number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    path.write_bytes(cv2.imencode(path.suffix, numbered_image(number, *size)[..., ::-1])[1].tobytes())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_folder_of_images_in_natural_order(tmp_path: Path, suffix: str) -> None:
    for number in (0, 1, 2, 9, 10, 11):
        write_image(tmp_path / f"frame{number}{suffix}", number)
    (tmp_path / "notes.txt").write_text("not an image")
    with open_video(tmp_path, fps=10) as reader:
        frames = list(reader)
    assert [read_number(f.image) for f in frames] == [0, 1, 2, 9, 10, 11]
    assert [f.pts_seconds for f in frames] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert all(is_upright(f.image) for f in frames)  # red is red: RGB, not BGR
    assert (reader.info.num_frames_from_header, reader.info.fps) == (6, 10)


def test_one_image_is_one_frame(tmp_path: Path) -> None:
    write_image(tmp_path / "one.png", 77)
    (frame,) = read_all(tmp_path / "one.png")
    assert (frame.index, frame.pts_seconds, read_number(frame.image)) == (0, 0.0, 77)


def test_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no images"):
        open_video(tmp_path)


def broken_folder(folder: Path) -> Path:
    """Ten images, of which four cannot be used."""
    for number in range(10):
        write_image(folder / f"{number}.png", number, (96, 64) if number == 6 else (WIDTH, HEIGHT))
    for name, content in (("0.png", b"no image"), ("3.png", b""), ("8.png", (folder / "8.png").read_bytes()[:200])):
        (folder / name).write_bytes(content)
    return folder


def test_images_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    frames, error = read_until_error(broken_folder(tmp_path), on_damage="continue")
    assert [read_number(f.image) for f in frames] == [f.index for f in frames] == [1, 2, 4, 5, 7, 9]
    assert [f.image_name for f in frames] == [f"{f.index}.png" for f in frames]
    assert [f.pts_seconds for f in frames] == [f.index / 25 for f in frames]
    assert isinstance(error, DamageError)
    assert [fault.frame_index for fault in error.faults] == [0, 3, 6, 8]
    for fault in error.faults:
        assert f"{fault.frame_index}.png" in fault.cause
    assert "96x64" in error.faults[2].cause
    assert "192x128" in error.faults[2].cause


def test_stopping_at_an_image_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"0\.png"):
        open_video(broken_folder(tmp_path), on_damage="stop")
    write_image(tmp_path / "0.png", 0)
    frames, error = read_until_error(tmp_path, on_damage="stop")
    assert ([f.index for f in frames], error.frame_index) == ([0, 1, 2], 3)
    assert "3.png" in str(error)


def test_folder_without_an_image_that_can_be_decoded(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"no image")
    for source in (tmp_path, tmp_path / "a.jpg"):
        with pytest.raises(DecodeError, match=r"a\.jpg"):
            open_video(source)


# file, frames, width, height, frames per second
@pytest.mark.parametrize(
    ("name", "num_frames", "width", "height", "fps"),
    [
        ("mall_5_frames.mp4", 5, 960, 540, 5),
        ("squats.mp4", 65, 720, 1280, 5),
        ("treadmill_portrait.mp4", 100, 1088, 1920, 60),
        ("arms_rendered.mp4", 120, 576, 576, 30),
        ("runner_1080p.mp4", 180, 1920, 1088, 30),
        ("roof_jump_vp9.mp4", 230, 1768, 994, 30),
        ("three_gymnasts.avi", 393, 384, 288, 10),
        ("taiji.mp4", 412, 1280, 720, Fraction(24000, 1001)),
        ("one_by_one.mp4", 1394, 768, 432, 10),
    ],
)
def test_intact_videos_are_read_to_the_end(name: str, num_frames: int, width: int, height: int, fps: Fraction) -> None:
    with open_video(shared(f"data/videos/{name}"), stride=num_frames - 1) as reader:
        frames = list(reader)
    assert (reader.info.width, reader.info.height, reader.info.fps) == (width, height, fps)
    assert [f.index for f in frames] == [0, num_frames - 1]
    assert frames[-1].pts_seconds == pytest.approx((num_frames - 1) / float(fps), abs=1e-9)


@pytest.mark.parametrize("name", ["mall_5_frames.mp4", "squats.mp4", "three_gymnasts.avi"])
def test_decoders_agree_on_real_videos(name: str) -> None:
    pytest.importorskip("decord")
    path = shared(f"data/videos/{name}")
    with open_video(path) as first, open_video(path, "decord") as second:
        assert first.info == second.info
        for a, b in zip(first, second, strict=True):
            assert (a.index, a.pts_seconds) == (b.index, b.pts_seconds)
            assert np.abs(a.image.astype(np.int16) - b.image).max() <= MAX_DECODER_DIFFERENCE
