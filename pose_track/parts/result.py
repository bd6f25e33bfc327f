"""The result of a video from the records of its parts: the files that tracking it in one go writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import TrackRecords, read_tracks
from pose_track.parts.join import join_records
from pose_track.parts.plan import Split
from pose_track.pipeline.result_writer import open_results
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import open_reader
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.profiler import NULL_PROFILER
from pose_track.video.reader import VideoReader

_NO_IMAGE = np.zeros((1, 1, 3), np.uint8)


def write_joined(
    video: Path, folder: Path, splits: Sequence[Split], records: Sequence[Path], settings: Settings
) -> Summary:
    """Write OUTPUT_FILES into `folder`; the video is decoded again only where there is an annotated one.

    Raises ValueError where the records are of different runs; and as `open_results`.
    """
    header, parts = _read_parts(records)
    started, summary = perf_counter(), Summary()
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(video, settings.reader))
        results = _with_images(join_records(splits, parts), reader, settings.output.render)
        writer = stack.enter_context(open_results(folder, header, reader.info, (), settings, NULL_PROFILER))
        for frame, tracked in results:
            writer.write(frame, tracked)
            summary.add(tracked)
    summary.seconds = perf_counter() - started
    return summary


def _read_parts(records: Sequence[Path]) -> tuple[Mapping[str, Any], list[TrackRecords]]:
    """The header that all parts have, and the records of each."""
    read = [read_tracks(path) for path in records]
    header = read[0][0]
    for path, (other, _) in zip(records, read, strict=True):
        differing = [key for key in header if other.get(key) != header[key]]
        if differing:
            raise ValueError(f"{str(path)!r} and {str(records[0])!r} were tracked with other {', '.join(differing)}")
    return header, [frames for _, frames in read]


def _with_images(
    records: Iterable[TrackedPoses], reader: VideoReader, needs_images: bool
) -> Iterator[tuple[Frame, TrackedPoses]]:
    if needs_images:
        yield from zip(reader, records, strict=True)
    else:
        for tracked in records:
            yield Frame(tracked.frame_index, tracked.pts_seconds, _NO_IMAGE), tracked
