"""The sound of a video, copied into another: as it is where the container holds it, else as AAC or Opus."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from pose_track.video.local_files import open_local

logger = logging.getLogger(__name__)

# what each container holds, and into what other sound is converted
_HELD = {
    "mp4": ({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}, "aac"),
    "mov": ({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le"}, "aac"),
    "webm": ({"opus", "vorbis"}, "libopus"),
}


def open_audio(path: Path | None) -> AudioCopy | None:
    """The first sound of a file; None where there is no such file, or no sound that can be read."""
    if path is None or not path.is_file():
        return None
    try:
        container = open_local(path)
    except (av.FFmpegError, OSError, ValueError):
        return None  # images, for example
    if not container.streams.audio or not container.streams.video:
        container.close()
        return None
    return AudioCopy(container)


class AudioCopy:
    """The sound of a file on its way into another; a context manager that closes the file."""

    def __init__(self, source: InputContainer) -> None:
        self._source = source
        self._input: AudioStream = source.streams.audio[0]
        video = source.streams.video[0]
        start, base = video.start_time, video.time_base
        self._video_start = Fraction(0) if start is None or base is None else start * base

    def add_stream(self, target: OutputContainer, container: str) -> AudioStream:
        """The stream in the target. container: FFmpeg's name of its format."""
        held, codec = _HELD[container]
        self._copies = self._input.codec_context.name in held
        if self._copies:
            self._output = target.add_stream_from_template(self._input, opaque=True)
        else:
            self._output = cast(AudioStream, target.add_stream(codec, rate=48_000))
            self._output.layout = self._input.layout.name if self._input.layout.nb_channels <= 2 else "stereo"
        return self._output

    def packets(self, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Packet[AudioStream]]]:
        """The packets from `start` to `end`, in seconds since the first frame of the source's video, each with its time
        since `start`, and in the time base of the stream. Damaged sound ends early, with a warning."""
        try:
            yield from self._copied(start, end) if self._copies else self._encoded(start, end)
        except av.FFmpegError as error:
            logger.warning("the sound of %s ends early: %s", self._source.name, error.strerror)

    def _copied(self, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Packet[AudioStream]]]:
        for packet in self._source.demux(self._input):
            if packet.pts is None or packet.time_base is None:  # the last packet only marks the end
                continue
            seconds = packet.pts * packet.time_base - self._video_start - start
            if seconds >= end - start:
                return
            if seconds >= 0:
                packet.pts = packet.dts = round(seconds / packet.time_base)
                packet.stream = self._output
                yield seconds, packet

    def _encoded(self, start: Fraction, end: Fraction) -> Iterator[tuple[Fraction, Packet[AudioStream]]]:
        codec = self._output.codec_context
        resampler = av.AudioResampler(codec.format or "fltp", self._output.layout, 48_000, codec.frame_size or 1024)
        base = Fraction(1, 48_000)
        written: int | None = None

        def frames() -> Iterator[av.AudioFrame | None]:
            for frame in self._source.decode(self._input):
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
            yield None

        for frame in frames():
            if frame is not None:
                assert frame.pts is not None
                assert frame.time_base is not None
                seconds = frame.pts * frame.time_base - self._video_start - start
                if seconds < 0:
                    continue
                if seconds >= end - start:
                    frame = None
                else:
                    written = round(seconds / base) if written is None else written
                    frame.pts, frame.time_base = written, base
                    written += frame.samples
            for packet in self._output.encode(frame):
                assert packet.pts is not None
                assert packet.time_base is not None
                yield packet.pts * packet.time_base, packet
            if frame is None:
                return

    def __enter__(self) -> AudioCopy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()
