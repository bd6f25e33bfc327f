"""Tiny videos; each frame shows its own number and which way is up."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

_TS_PACKET = 188

WIDTH, HEIGHT = 192, 128
_NUM_BITS = 8
_TIME_BASE = Fraction(1, 12_800)
# fast settings of the encoders, without messages
_OPTIONS = {
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "8"},  # faster ones lose whole blocks of such images
    "mpeg4": {},
}


def numbered_image(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A frame that holds `number` (0 to 255) as blocks in its lower half and a red mark in its top left corner.

    Returns (height, width, 3) uint8 RGB.
    """
    image = np.full((height, width, 3), 60, np.uint8)
    image[: height // 4, : width // 6] = (230, 20, 20)
    for bit in range(_NUM_BITS):
        left, right = bit * width // _NUM_BITS, (bit + 1) * width // _NUM_BITS
        image[height // 2 : height * 3 // 4, left:right] = 235 if number >> bit & 1 else 20
    return image


def read_number(image: NDArray[np.uint8]) -> int:
    """The number in a decoded `numbered_image` of any size."""
    height, width = image.shape[:2]
    row = image[height * 5 // 8]
    centres = [(2 * bit + 1) * width // (2 * _NUM_BITS) for bit in range(_NUM_BITS)]
    return sum(int(row[x].mean() > 128) << bit for bit, x in enumerate(centres))


def is_upright(image: NDArray[np.uint8]) -> bool:
    """Whether the red mark of a decoded `numbered_image` is in its top left corner, and only there."""
    corners = [image[4, 4], image[4, -5], image[-5, 4], image[-5, -5]]
    return [bool(int(c[0]) - int(c[1]) > 100) for c in corners] == [True, False, False, False]


def make_video(
    path: Path,
    num_frames: int = 12,
    codec: str = "libx264",
    fps: Fraction = Fraction(10),
    times: Sequence[Fraction] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    options: dict[str, str] | None = None,
    movflags: str = "+faststart",
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Write a video of `numbered_image(0)`, `numbered_image(1)`, ... and return its path.

    times: seconds of each frame, for a variable frame rate.
    rotation: degrees clockwise, in the metadata, that turn the stored frames upright.
    mirrored: whether frames are stored left to right.

    Skips the test where PyAV lacks the encoder.
    """
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no encoder {codec}")
    with av.open(str(path), "w", options={"movflags": movflags} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, rate=fps, options={**_OPTIONS[codec], **(options or {})})
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", 10
        stream.width, stream.height = size[::-1] if rotation % 180 else size
        if times is not None:
            stream.codec_context.time_base = _TIME_BASE
        if rotation or mirrored:
            stream.set_display_rotation(-rotation, hflip=mirrored)
        for number in range(num_frames):
            frame = _stored_frame(numbered_image(number, *size), rotation, mirrored)
            frame.time_base = 1 / fps if times is None else _TIME_BASE
            frame.pts = number if times is None else round(times[number] / _TIME_BASE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _stored_frame(displayed: NDArray[np.uint8], rotation: int, mirrored: bool) -> av.VideoFrame:
    stored = np.rot90(displayed[:, ::-1] if mirrored else displayed, k=rotation // 90)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format="rgb24")


def truncated(path: Path, share: float = 0.6) -> Path:
    """A copy of a file that ends after a share of its bytes."""
    target = path.with_stem(path.stem + "_cut")
    content = path.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def damaged(path: Path, share: float = 0.6, num_bytes: int = 200) -> Path:
    """A copy of a file with wrong bytes after a share of it."""
    target = path.with_stem(path.stem + "_damaged")
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    content[start : start + num_bytes] = bytes(b ^ 0x5A for b in content[start : start + num_bytes])
    target.write_bytes(content)
    return target


def make_sound(path: Path) -> Path:
    """A tenth of a second of silence, without any video."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    return path


def without_packet(path: Path) -> Path:
    """A copy of an MPEG-TS file without a packet of 188 bytes, the first of a picture past the middle."""
    content = path.read_bytes()
    packets = [content[i : i + _TS_PACKET] for i in range(0, len(content), _TS_PACKET)]
    starts = [n for n, packet in enumerate(packets) if packet[1:3] == b"\x41\x00"]  # of PID 0x100
    del packets[starts[len(starts) // 2]]
    target = path.with_stem(path.stem + "_lost")
    target.write_bytes(b"".join(packets))
    return target
