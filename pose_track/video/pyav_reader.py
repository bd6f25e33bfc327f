"""Video files decoded by PyAV, which contains FFmpeg's libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer

from pose_track.video.conversion import FrameConverter
from pose_track.video.declared_size import MAX_PIXELS, check_size
from pose_track.video.decoding import StrictDecoder, TolerantDecoder, limit_size
from pose_track.video.packets import average_fps, is_raw, open_container, uses_dts, video_stream
from pose_track.video.source import DecodedFrame, FrameClock, OnDamage, Selection, VideoInfo, VideoReader

logger = logging.getLogger(__name__)


class PyAvReader(VideoReader):
    """Decodes a video file on all cores, or once, as it comes, what was opened already. Raises as `open_video` does.

    source: the file; for an opened container its name in messages.
    """

    def __init__(
        self,
        source: Path | str,
        selection: Selection,
        on_damage: OnDamage = "continue",
        fps: Fraction | None = None,
        max_pixels: int = MAX_PIXELS,
        opened: InputContainer | None = None,
    ) -> None:
        super().__init__(selection)
        self._source = str(source)
        path = Path(source) if opened is None else None
        self._container = opened or open_container(Path(source))
        try:
            self._stream = video_stream(self._container, self._source)
            codec = self._stream.codec_context
            check_size(self._source, (codec.width, codec.height), max_pixels)
            limit_size(self._stream, max_pixels)
            if fps is not None and not is_raw(self._container):
                raise ValueError(
                    f"{self._source!r} is a video and has its own frame rate; a frame rate of {float(fps):g} (fps, "
                    "reader.image_fps) is for images and raw streams only"
                )
            self._by_dts = uses_dts(self._container)
            frames = iter(self._decoder(path, on_damage, max_pixels))
            first = next(frames, None)
            if first is None:
                cause = f" ({self.faults[0].cause})" if self.faults else ""
                raise ValueError(f"{self._source!r} has no frame that can be decoded{cause}; check that it is complete")
            self._converter = FrameConverter(self._source, first, self._stream.sample_aspect_ratio, max_pixels)
            self.info = self._describe(path, fps)
            self._decoded: Iterator[av.VideoFrame] = chain([first], frames)
        except BaseException:
            self._container.close()
            raise

    def _decoder(self, path: Path | None, on_damage: OnDamage, max_pixels: int) -> Iterable[av.VideoFrame]:
        if on_damage == "stop":
            return StrictDecoder(self._source, self._container, self._stream)
        return TolerantDecoder(path, self._container, self._stream, self.faults.append, max_pixels)

    def _release(self) -> None:
        self._decoded = iter(())  # break the reference cycle with this reader, which holds the decoder's memory
        self._container.close()

    def _describe(self, path: Path | None, fps: Fraction | None) -> VideoInfo:
        converter, fps = self._converter, fps or average_fps(path, self._stream)
        return VideoInfo(self._source, *converter.shown_size, fps, self._stream.frames or None, converter.rotation)

    def _decode(self) -> Iterator[DecodedFrame]:
        clock, time_base = FrameClock(1 / self.info.fps), Fraction(self._stream.time_base or 0)
        for frame in self._decoded:
            self._converter.note_size(frame)
            timestamp = frame.dts if self._by_dts else frame.pts
            seconds = clock.seconds(None if timestamp is None else timestamp * time_base)
            yield seconds, partial(self._converter, frame)
        if clock.repaired and not (
            self._by_dts or is_raw(self._container)
        ):  # the decoder returns the last frames of an AVI without timestamps
            logger.warning("%s: %d frame times missing or not increasing, filled in", self._source, clock.repaired)
