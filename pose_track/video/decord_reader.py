"""Video files decoded by decord, an optional second decoder."""

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

from pose_track.structures.arrays import ImageArray
from pose_track.utils.extras import require
from pose_track.video.declared_size import MAX_PIXELS
from pose_track.video.local_files import file_url
from pose_track.video.packets import PacketMonitor, open_container, presented_timestamps, video_stream
from pose_track.video.pyav_reader import PyAvReader
from pose_track.video.source import DecodedFrame, DecodeError, FrameClock, Selection, VideoReader

# decord silently repeats frames that it cannot decode; with this tolerated share it raises at the first repetition
_FAULT_TOLERANCE = 1e-9
# decord 0.6 fails on VP9 when it chooses the number of threads itself (0)
_NUM_THREADS = {"vp9": 1}
# of 8-bit values, to PyAV's first frame: 0 as measured, and far more for another orientation
_MAX_MEAN_DIFFERENCE = 6.0


def _import_decord() -> ModuleType:
    require("decord", purpose="reader.decoder 'decord' (the default is 'pyav')")
    return importlib.import_module("decord")


class DecordReader(VideoReader):
    """Decodes a video file with decord; size, frame rate, times and completeness are read with PyAV.

    decord's own times are not used: it rounds them, and counts frames that an edit list hides. Raises as `open_video`
    does, and DecodeError where decord decodes another image than PyAV (mirrored video, narrow rotated video) or cannot
    read the file at all.
    """

    def __init__(self, path: Path, selection: Selection, max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(selection)
        self._source = str(path)
        self._decord = _import_decord()
        with PyAvReader(path, Selection(), max_pixels=max_pixels) as reference:
            self.info = reference.info
            expected = next(iter(reference)).image
        scan = _scan(path, 1 / self.info.fps)
        self._times, self._error = scan.times, scan.error
        self._reader = self._open(_NUM_THREADS.get(scan.codec, 0))
        self._first = self._next(0)
        if self._first.shape != expected.shape or _mean_difference(self._first, expected) > _MAX_MEAN_DIFFERENCE:
            self._fail(0, "decord decodes it differently from FFmpeg")

    def _release(self) -> None:
        self._reader = None

    def _open(self, num_threads: int) -> Any:
        address = file_url(Path(self._source))
        try:
            return self._decord.VideoReader(address, num_threads=num_threads, fault_tol=_FAULT_TOLERANCE)
        except self._decord.DECORDError as error:
            self._fail(0, self._error or f"decord cannot open the file ({_last_line(error)})", error)

    def _next(self, index: int) -> ImageArray:
        try:
            return np.asarray(self._reader.next().asnumpy(), np.uint8)
        except StopIteration as error:
            self._fail(index, self._error or "decord ends here", error)
        except (self._decord.DECORDError, self._decord.DECORDLimitReachedError) as error:
            self._fail(index, self._error or f"decord stops ({_last_line(error)})", error)

    def _fail(self, index: int, cause: str, error: Exception | None = None) -> NoReturn:
        raise DecodeError(self._source, index, f"{cause} (decoder 'pyav' may read more)") from error

    def _decode(self) -> Iterator[DecodedFrame]:
        for index, seconds in enumerate(self._times):
            image = self._first if index == 0 else self._next(index)
            yield seconds, partial(_identity, image)
        if self._error is not None:
            raise DecodeError(self._source, len(self._times), self._error)


@dataclass(frozen=True)
class _Scan:
    """What the packets of a file state.

    times: seconds of each frame, in presentation order.
    error: what is damaged or missing; None for an intact file.
    codec: its name in FFmpeg.
    """

    times: list[Fraction]
    error: str | None
    codec: str


def _scan(path: Path, step: Fraction) -> _Scan:
    timestamps: list[int | None] = []
    error = None
    with open_container(path) as container:
        stream = video_stream(container, path)
        codec = stream.codec_context.name
        time_base = Fraction(stream.time_base or 0)
        try:
            for timestamp in presented_timestamps(container, stream, PacketMonitor(container, stream)):
                if isinstance(timestamp, str):
                    error = timestamp
                else:
                    timestamps.append(timestamp)
        except av.FFmpegError as raised:
            error = raised.strerror
    known = sorted(t for t in timestamps if t is not None)
    ordered = known if len(known) == len(timestamps) else [None] * len(timestamps)
    clock = FrameClock(step)
    times = [clock.seconds(None if t is None else t * time_base) for t in ordered]
    return _Scan(times, error, codec)


def _identity(image: ImageArray) -> ImageArray:
    return image


def _mean_difference(a: ImageArray, b: ImageArray) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].rpartition(".cc:")[2]
