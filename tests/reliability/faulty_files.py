"""Videos in many formats, faulty copies of them, and what the reader and FFmpeg get from such a copy."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar, cast

import av
import numpy as np
import pytest
from make_video import HEIGHT, WIDTH, numbered_image

from pose_track.structures.arrays import ImageArray
from pose_track.video.reader import open_video
from pose_track.video.source import DamageError, DecodeError

Result = TypeVar("Result")

NUM_FRAMES = 60
NUM_FLIPS = 40
CUTS = [share / 100 for share in range(5, 100, 5)]
LIMIT_SECONDS = 20.0
"""A read that takes longer hangs; the slowest takes well below a second."""


@dataclass(frozen=True)
class Format:
    """A container with a coding.

    name: as in docs/reliability.md.
    container: FFmpeg's name of it, where the suffix is not enough.
    has_length: whether the file says how long it is, so that a cut must be noticed.
    """

    name: str
    suffix: str
    codec: str
    container: str | None = None
    pix_fmt: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()
    has_length: bool = True


_X264 = (("preset", "veryfast"),)
_X265 = (("preset", "ultrafast"), ("x265-params", "log-level=none"))
FORMATS = [
    Format("MP4, H.264", ".mp4", "libx264", options=_X264),
    Format("MP4, H.265", ".mp4", "libx265", options=_X265),
    Format("MP4, AV1", ".mp4", "libsvtav1", options=(("preset", "8"),)),
    Format("MOV, H.264", ".mov", "libx264", options=_X264),
    Format("MKV, H.264", ".mkv", "libx264", options=_X264),
    Format("WebM, VP9", ".webm", "libvpx-vp9", options=(("deadline", "realtime"), ("cpu-used", "8"))),
    Format("AVI, MPEG-4", ".avi", "mpeg4"),
    Format("TS, H.264", ".ts", "libx264", options=_X264, has_length=False),
    Format("MPG, MPEG-2", ".mpg", "mpeg2video", "vob", has_length=False),
    Format("FLV, H.264", ".flv", "libx264", options=_X264, has_length=False),
    Format("raw H.264", ".h264", "libx264", options=_X264, has_length=False),
    Format("raw H.265", ".hevc", "libx265", options=_X265, has_length=False),
    Format("GIF", ".gif", "gif", pix_fmt="rgb8"),
    Format("APNG", ".png", "apng", "apng", "rgb24"),
    Format("WebP", ".webp", "libwebp_anim"),
]


def write_source(format: Format, folder: Path) -> Path:
    """A video of NUM_FRAMES numbered frames with texture, 0.1 seconds each."""
    if format.codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no encoder {format.codec}")
    path = folder / f"clip{format.suffix}"
    options = {"movflags": "+faststart"} if format.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", format=format.container, options=options) as container:
        stream = container.add_stream(format.codec, rate=10, options=dict(format.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, format.pix_fmt
        stream.codec_context.gop_size = 12
        for number in range(NUM_FRAMES):
            frame = av.VideoFrame.from_ndarray(textured_image(number), format="rgb24").reformat(format=format.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def textured_image(number: int) -> ImageArray:
    """A `numbered_image` over a pattern that moves, so that most bytes of a video are pictures."""
    pattern = np.random.default_rng(0).integers(-20, 20, (HEIGHT // 4, WIDTH // 4, 1))
    moved = np.roll(pattern, number, axis=1).repeat(4, axis=0).repeat(4, axis=1)
    return np.clip(numbered_image(number) + moved, 0, 255).astype(np.uint8)


def cuts(path: Path) -> Iterator[Path]:
    """Copies that end after each of CUTS, one at a time."""
    content = path.read_bytes()
    for share in CUTS:
        yield _copy(path, f"cut{round(100 * share)}", content[: int(share * len(content))])


def flips(path: Path, num_flips: int = NUM_FLIPS) -> Iterator[Path]:
    """Copies with one wrong bit anywhere, one at a time; the seed is the number of the copy."""
    for seed in range(num_flips):
        content, draw = bytearray(path.read_bytes()), random.Random(seed)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        yield _copy(path, f"flip{seed}", bytes(content))


def _copy(path: Path, name: str, content: bytes) -> Path:
    copy = path.with_stem(name)
    copy.write_bytes(content)
    return copy


@dataclass
class Reading:
    """What was read of a file: a checksum of each frame, the number of faults, and the error, "" for none."""

    frames: list[int]
    num_faults: int = 0
    error: str = ""


@dataclass
class Tally:
    """Sums over the faulty copies of one video."""

    num_inputs: int = 0
    num_decodable: int = 0  # frames, by FFmpeg
    num_delivered: int = 0
    num_missing: int = 0  # of the decodable frames of each copy
    num_faults: int = 0
    num_errors: int = 0  # copies that end in an error, which is exit code 2 of a run
    num_silent: int = 0  # copies with fewer frames than the source, and no error

    def add(self, reading: Reading, num_decodable: int) -> None:
        num_frames = len(reading.frames)
        self.num_inputs += 1
        self.num_decodable += num_decodable
        self.num_delivered += num_frames
        self.num_missing += max(0, num_decodable - num_frames)
        self.num_faults += reading.num_faults
        self.num_errors += bool(reading.error)
        self.num_silent += num_frames < NUM_FRAMES and not reading.error

    def row(self) -> str:
        """The sums as in the tables of docs/reliability.md."""
        return " | ".join(str(number) for number in vars(self).values())


def read(path: Path) -> Reading:
    """What the project's reader delivers. Any other outcome than frames and one line about this file fails the test."""
    return within_limit(lambda: _read(path), path.name)


def _read(path: Path) -> Reading:
    reading = Reading([])
    try:
        with open_video(path) as reader:
            for frame in reader:
                assert frame.index >= len(reading.frames)
                reading.frames.append(zlib.crc32(frame.image))
    except (DecodeError, ValueError, OSError) as error:
        check_error(error, path, bool(reading.frames))
        reading.error = str(error)
        reading.num_faults = len(error.faults) if isinstance(error, DamageError) else 0
    else:
        assert not reader.faults
    return reading


def check_error(error: Exception, path: Path, has_frames: bool) -> None:
    """One line of our own that names the file; after the last frame, with all its faults."""
    assert not isinstance(error, av.FFmpegError), f"{path.name}: {error!r}"
    assert isinstance(error, DamageError) == has_frames, f"{path.name}: {error!r}"
    assert path.name in str(error)
    assert "\n" not in str(error)


def within_limit(call: Callable[[], Result], name: str) -> Result:
    """The result of a call, or its exception; a call that hangs fails the test and is left behind."""
    outcomes: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcomes.put((call(), None))
        except BaseException as error:
            outcomes.put((None, error))

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        result, error = outcomes.get(timeout=LIMIT_SECONDS)
    except Empty:
        pytest.fail(f"{name}: no end after {LIMIT_SECONDS:g} seconds")
    if error is not None:
        raise error
    return cast(Result, result)


def num_decoded_by_ffmpeg(path: Path) -> int:
    """How many frames FFmpeg decodes, with its program where there is one, else with its libraries.

    None of an animated WebP before FFmpeg 9.
    """
    program = shutil.which("ffmpeg")
    return _num_from_libraries(path) if program is None else _num_from_program(program, path)


def _num_from_program(program: str, path: Path) -> int:
    command = [program, "-v", "quiet", "-i", f"file:{path}", "-map", "0:v:0", "-fps_mode", "passthrough"]
    process = subprocess.run([*command, "-f", "framecrc", "-"], capture_output=True, text=True, timeout=60, check=False)
    return sum(not line.startswith("#") for line in process.stdout.splitlines())


def _num_from_libraries(path: Path) -> int:
    """On after each error of the decoder, and up to the first of the container, as FFmpeg's program goes."""
    num_frames = 0
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            stream = container.streams.video[0]
            stream.thread_type = "SLICE"
            with suppress(av.FFmpegError):
                for packet in container.demux(stream):
                    if packet.size:
                        num_frames += _num_in(stream.codec_context, packet)
            return num_frames + _num_in(stream.codec_context, None)
    except (av.FFmpegError, IndexError, AttributeError):  # no video, or none with a decoder
        return num_frames


def _num_in(decoder: av.VideoCodecContext, packet: av.Packet[av.VideoStream] | None) -> int:
    try:
        return len(decoder.decode(packet))
    except av.FFmpegError:
        return 0
