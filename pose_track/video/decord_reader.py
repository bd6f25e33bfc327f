"""Video files by decord, a second decoder; it is imported only when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import av
import numpy as np

from pose_track.structures.frames import ImageArray
from pose_track.video.packets import PacketWatch, open_container, shown_stamps, video_stream
from pose_track.video.pyav_reader import PyAvReader
from pose_track.video.source import DecodeError, FrameClock, Image, Selection, VideoReader

# decord repeats frames silently where it cannot decode; a share of this size makes it raise at the first repeat
_FAULT_SHARE = 1e-9
# decord 0.6 stops with an error in VP9 when it chooses the number of threads itself (0)
_NUM_THREADS = {"vp9": 1}
# mean difference of 8-bit values to PyAV's first frame: 0 as measured, by far more for another orientation
_MAX_MEAN_DIFFERENCE = 6.0


def _import_decord() -> ModuleType:
    try:
        return importlib.import_module("decord")
    except ImportError as error:
        raise ImportError("decoder 'decord' needs its package: pip install decord; or use decoder 'pyav'") from error


class DecordReader(VideoReader):
    """Decodes a video file with decord; size, rate, times and wholeness are the container's, read by PyAV.

    decord rounds times and counts frames that an edit list hides, so that its own times are not used. Raises as
    `open_video` says, and DecodeError where decord gives another picture than PyAV (mirrored video, narrow rotated
    video) or cannot read the file at all.
    """

    def __init__(self, path: Path, selection: Selection) -> None:
        super().__init__(selection)
        self._source = str(path)
        self._decord = _import_decord()
        with PyAvReader(path, Selection()) as reference:
            self.info = reference.info
            expected = next(iter(reference)).image
        scan = _scan(path, 1 / self.info.fps)
        self._times, self._fault = scan.times, scan.fault
        self._reader = self._open(_NUM_THREADS.get(scan.codec, 0))
        self._first = self._next(0)
        if self._first.shape != expected.shape or _mean_difference(self._first, expected) > _MAX_MEAN_DIFFERENCE:
            self._fail(0, "decord shows it differently from FFmpeg")

    def close(self) -> None:
        super().close()
        self._reader = None

    def _open(self, num_threads: int) -> Any:
        try:
            return self._decord.VideoReader(self._source, num_threads=num_threads, fault_tol=_FAULT_SHARE)
        except self._decord.DECORDError as error:
            self._fail(0, self._fault or f"decord cannot open the file ({_last_line(error)})", error)

    def _next(self, index: int) -> ImageArray:
        try:
            return np.asarray(self._reader.next().asnumpy(), np.uint8)
        except StopIteration as error:
            self._fail(index, self._fault or "decord ends here", error)
        except (self._decord.DECORDError, self._decord.DECORDLimitReachedError) as error:
            self._fail(index, self._fault or f"decord stops ({_last_line(error)})", error)

    def _fail(self, index: int, cause: str, error: Exception | None = None) -> NoReturn:
        raise DecodeError(self._source, index, f"{cause} (decoder 'pyav' may read more)") from error

    def _pictures(self) -> Iterator[Image]:
        for index, seconds in enumerate(self._times):
            image = self._first if index == 0 else self._next(index)
            yield seconds, partial(_same, image)
        if self._fault is not None:
            raise DecodeError(self._source, len(self._times), self._fault)


@dataclass(frozen=True)
class _Scan:
    """What the packets tell: the time of each frame in the order shown; what is wrong, None for nothing; the codec."""

    times: list[Fraction]
    fault: str | None
    codec: str


def _scan(path: Path, step: Fraction) -> _Scan:
    stamps: list[int | None] = []
    fault = None
    with open_container(path) as container:
        stream = video_stream(container, path)
        codec = stream.codec_context.name
        base = Fraction(stream.time_base or 0)
        try:
            for stamp in shown_stamps(container, stream, PacketWatch(container, stream)):
                if isinstance(stamp, str):
                    fault = stamp
                else:
                    stamps.append(stamp)
        except av.FFmpegError as error:
            fault = error.strerror
    known = sorted(s for s in stamps if s is not None)
    ordered = known if len(known) == len(stamps) else [None] * len(stamps)
    clock = FrameClock(step)
    times = [clock.seconds(None if s is None else s * base) for s in ordered]
    return _Scan(times, fault, codec)


def _same(image: ImageArray) -> ImageArray:
    return image


def _mean_difference(a: ImageArray, b: ImageArray) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].rpartition(".cc:")[2]
