"""Records as in `tracks.jsonl`, written while the source runs; see `formats.tracks_jsonl` for their layout."""

from __future__ import annotations

from collections.abc import Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any

from pose_track.formats.tracks_jsonl import header_skeleton
from pose_track.formats.tracks_writer import TracksWriter, frame_record, to_line
from pose_track.pipeline.live_result import LiveResult
from pose_track.sinks.sink import StopRun


class JsonLines:
    """A sink that writes a header and then a record for each frame to a stream, such as a pipe.

    stream: unbuffered, so that each line is out at once. The sink closes it.
    header: see `TracksWriter`; it has no key "complete" here, which could not be changed later.

    The run ends where the reader of the pipe does. Raises ValueError for an invalid header.
    """

    name = "jsonl"
    poses_only = True

    def __init__(self, stream: RawIOBase, header: Mapping[str, Any]) -> None:
        header_skeleton(header)
        self._stream = stream
        self._header: Mapping[str, Any] | None = {"type": "header", **header}

    def send(self, result: LiveResult) -> None:
        if self._header is not None:
            self._write(self._header)
            self._header = None
        self._write(frame_record(result.people))

    def _write(self, record: Mapping[str, Any]) -> None:
        content = memoryview(to_line(record).encode())
        try:
            while content:
                content = content[self._stream.write(content) or 0 :]
        except BrokenPipeError:
            raise StopRun from None

    def close(self) -> None:
        self._stream.close()


class TracksFile:
    """A sink that writes a `tracks.jsonl`; see `TracksWriter`, also for what is raised."""

    name = "jsonl"
    poses_only = True

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._writer = TracksWriter(path, header)
        self._is_whole = True

    def send(self, result: LiveResult) -> None:
        try:
            self._writer.write(result.people)
        except (OSError, ValueError):
            self._is_whole = False
            raise

    def close(self) -> None:
        if self._is_whole:
            self._writer.finish()
        self._writer.close()
