"""Codecs, transparency, size, rate and sound of written videos."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from make_video import HEIGHT, WIDTH, make_video, numbered_image, read_number

from pose_track.structures.arrays import ImageArray
from pose_track.video.encoding import Encoding, scaled
from pose_track.video.reader import open_video
from pose_track.video.writers import open_frame_writer

SECOND = 48_000


def write(path: Path, images: list[ImageArray], encoding: Encoding, times: list[float] | None = None) -> Path:
    height, width = images[0].shape[:2]
    with open_frame_writer(path, width, height, Fraction(10), encoding) as writer:
        for number, image in enumerate(images):
            writer.write(image, number / 10 if times is None else times[number])
    return path


def numbers(path: Path) -> list[int]:
    with open_video(path) as reader:
        return [read_number(frame.image) for frame in reader]


def codec(path: Path) -> tuple[str, str | None]:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        return context.codec.canonical_name, context.pix_fmt


def images(count: int = 6) -> list[ImageArray]:
    return [numbered_image(number) for number in range(count)]


# suffix, codec, what is in the file
@pytest.mark.parametrize(
    ("suffix", "name", "expected"),
    [
        (".mp4", "auto", ("h264", "yuv420p")),
        (".mov", "auto", ("h264", "yuv420p")),
        (".mp4", "hevc", ("hevc", "yuv420p")),
        (".webm", "auto", ("vp9", "yuv420p")),
        (".mp4", "av1", ("av1", "yuv420p")),
        (".mov", "prores", ("prores", "yuv422p10le")),
    ],
)
def test_codecs(tmp_path: Path, suffix: str, name: Any, expected: tuple[str, str]) -> None:
    path = write(tmp_path / f"out{suffix}", images(), Encoding(name))
    assert codec(path) == expected
    assert numbers(path) == list(range(6))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# encoding, suffix, a part of the message
@pytest.mark.parametrize(
    ("encoding", "suffix", "message"),
    [
        (Encoding("prores"), ".mp4", r"\.mp4 does not hold prores; use one of h264, hevc"),
        (Encoding(), ".avi", r"must end in one of \.mp4"),
        (Encoding(alpha=True), ".mp4", ".mp4 has no transparency"),
        (Encoding("h264", alpha=True), ".mov", ".mov does not hold h264 with transparency; use one of prores"),
        (Encoding("prores", crf=20), ".mov", "prores has no crf"),
        (Encoding("h264", crf=60), ".mp4", "from 0 to 51, got 60"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, encoding: Encoding, suffix: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(tmp_path / f"out{suffix}", images(1), encoding)
    assert list(tmp_path.iterdir()) == []


def test_a_higher_crf_is_smaller_and_worse(tmp_path: Path) -> None:
    noise = [np.random.default_rng(n).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for n in range(3)]
    good, poor = (write(tmp_path / f"{crf}.mp4", noise, Encoding(crf=crf)) for crf in (15, 45))
    assert poor.stat().st_size < 0.5 * good.stat().st_size


def test_size(tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4", images(), Encoding(long_side=96))
    with open_video(path) as reader:
        assert (reader.info.width, reader.info.height) == (96, 64)
    assert numbers(path) == list(range(6))


def transparent_images() -> list[ImageArray]:
    """A red half, of which a part is half transparent, and a transparent half."""
    image = np.zeros((64, 128, 4), np.uint8)
    image[:, :64] = (200, 20, 20, 255)
    image[:, :32, 3] = 128
    return [image] * 4


def decoded_alpha(path: Path, decoder: str | None = None) -> ImageArray:
    """The last frame as (H, W, 4)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context if decoder is None else av.CodecContext.create(decoder, "r")
        frames = [frame for packet in container.demux(stream) for frame in context.decode(packet)]
    return frames[-1].to_ndarray(format="rgba")


# file, FFmpeg's decoder where its own choice leaves out the opacity
@pytest.mark.parametrize(("name", "decoder"), [("out.mov", None), ("out.webm", "libvpx-vp9")])
def test_transparent_videos(tmp_path: Path, name: str, decoder: str | None) -> None:
    path = write(tmp_path / name, transparent_images(), Encoding(alpha=True))
    image = decoded_alpha(path, decoder).astype(int)
    for x, opacity in ((16, 128), (48, 255), (96, 0)):
        assert abs(image[32, x, 3] - opacity) <= 3
    assert np.abs(image[32, 48, :3] - [200, 20, 20]).max() <= 8


def test_transparent_images(tmp_path: Path) -> None:
    import cv2

    folder = write(tmp_path / "frames", transparent_images(), Encoding(alpha=True))
    assert sorted(path.name for path in folder.iterdir()) == [f"{n:06d}.png" for n in range(4)]
    image = cv2.imread(str(folder / "000003.png"), cv2.IMREAD_UNCHANGED)
    assert (image[..., [2, 1, 0, 3]] == transparent_images()[0]).all()


def test_scaled_transparent_images_have_no_dark_rim() -> None:
    small = scaled(transparent_images()[0], (43, 21))
    seen = small[small[..., 3] > 20]
    assert np.abs(seen[:, :3].astype(int) - [200, 20, 20]).max() <= 2


def test_constant_rate_repeats_and_leaves_out_frames(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 0.52, 0.54, 0.6]
    path = write(tmp_path / "out.mp4", images(), Encoding(fps=Fraction(10)), times)
    assert numbers(path) == [0, 1, 1, 1, 1, 2, 5]
    with open_video(path) as reader:
        assert [frame.pts_seconds for frame in reader] == pytest.approx([n / 10 for n in range(7)], abs=1e-4)


def test_constant_rate_of_the_source_changes_nothing(tmp_path: Path) -> None:
    times = [n / 10 for n in range(6)]
    assert numbers(write(tmp_path / "out.mp4", images(), Encoding(fps=Fraction(10)), times)) == list(range(6))


def video_with_sound(path: Path, audio_codec: str, seconds: float = 2.0, start: float = 0.0) -> Path:
    """A video at 10 frames per second with a tone whose loudness begins at half of its length."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream(audio_codec, rate=SECOND)
        audio.layout = "mono"
        for number in range(round(10 * seconds)):
            frame = av.VideoFrame.from_ndarray(numbered_image(number), format="rgb24")
            frame.pts, frame.time_base = round((start + number / 10) * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        count = round(seconds * SECOND)
        tone = np.sin(np.arange(count) * 2 * np.pi * 440 / SECOND) * (np.arange(count) >= count // 2)
        resampler = av.AudioResampler(
            audio.codec_context.format, "mono", SECOND, audio.codec_context.frame_size or 1024
        )
        sound = av.AudioFrame.from_ndarray((tone * 20_000).astype(np.int16)[None], format="s16", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = SECOND, round(start * SECOND), Fraction(1, SECOND)
        for frame in [*resampler.resample(sound), *resampler.resample(None)]:
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


def loud_seconds(path: Path) -> tuple[str, float, float]:
    """Codec of the sound, when it becomes loud and when it ends, in seconds after the first frame of the video."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        first = float((video.start_time or 0) * video.time_base)
        loud, end = np.nan, 0.0
        for frame in container.decode(audio):
            level = np.abs(frame.to_ndarray().astype(float)).max() / (1 if frame.format.name == "fltp" else 32768)
            seconds = float(frame.pts * frame.time_base) - first
            loud = seconds if np.isnan(loud) and level > 0.2 else loud
            end = seconds + frame.samples / frame.sample_rate
        return audio.codec_context.codec.canonical_name, loud, end


# source, codec of its sound, output, codec of its sound
@pytest.mark.parametrize(
    ("source", "audio", "out", "expected"),
    [
        ("a.mp4", "aac", "b.mp4", "aac"),  # copied
        ("a.mkv", "libopus", "b.webm", "opus"),
        ("a.mp4", "aac", "b.webm", "opus"),  # converted
        ("a.mov", "pcm_s16le", "b.mp4", "aac"),
        ("a.mkv", "aac", "b.mov", "aac"),
    ],
)
def test_sound_is_kept_in_step(tmp_path: Path, source: str, audio: str, out: str, expected: str) -> None:
    path = video_with_sound(tmp_path / source, audio)
    copy = write(tmp_path / out, images(20), Encoding(audio=path))
    name, loud, end = loud_seconds(copy)
    assert name == expected
    assert loud == pytest.approx(loud_seconds(path)[1], abs=0.03)
    assert end == pytest.approx(2.0, abs=0.06)
    assert numbers(copy) == list(range(20))


def test_sound_of_a_part(tmp_path: Path) -> None:
    path = video_with_sound(tmp_path / "a.mp4", "aac")
    copy = write(tmp_path / "b.mp4", images(10), Encoding(audio=path), [0.8 + n / 10 for n in range(10)])
    _, loud, end = loud_seconds(copy)
    assert loud == pytest.approx(0.2, abs=0.04)
    assert end == pytest.approx(1.0, abs=0.06)


def test_sound_of_a_video_that_begins_late(tmp_path: Path) -> None:
    path = video_with_sound(tmp_path / "a.mkv", "aac", start=1.5)
    copy = write(tmp_path / "b.mp4", images(20), Encoding(audio=path))
    assert loud_seconds(copy)[1] == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("what", ["no sound", "images", "nothing", "text"])
def test_sources_without_sound(tmp_path: Path, what: str) -> None:
    source = tmp_path / "source.mp4"
    if what == "no sound":
        make_video(source)
    elif what == "images":
        source = tmp_path
    elif what == "text":
        source.write_text("not a video")
    copy = write(tmp_path / "out.mp4", images(), Encoding(audio=source))
    with av.open(str(copy)) as container:
        assert len(container.streams) == 1
    assert numbers(copy) == list(range(6))
