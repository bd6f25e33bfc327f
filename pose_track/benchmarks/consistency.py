"""The consistency of left and right in videos, or in results of `pose-track track`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from pose_track.config.settings import Settings
from pose_track.config.sources import ReaderSettings
from pose_track.evaluation.side_consistency import Share, SideConsistency, side_consistency
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.track_file import open_reader
from pose_track.structures.frames import TrackedPoses


def result_file(path: Path) -> Path | None:
    """The track records that a path names: a `tracks.jsonl`, or a folder that holds one; None for anything else."""
    path = path / TRACKS_FILE if path.is_dir() else path
    return path if path.suffix == ".jsonl" and path.is_file() else None


def measure_consistency(paths: list[Path], settings: Settings) -> dict[str, SideConsistency]:
    """The consistency of each video or result, by path. The videos are tracked by the settings.

    Raises FileNotFoundError, and ValueError for a video or a result that cannot be read.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{str(missing[0])!r} does not exist; check the path")
    results, stages = {}, None
    for path in paths:
        file = result_file(path)
        if file is not None:
            records = read_tracks(file)[1]
            results[str(path)] = side_consistency(records, records.skeleton, settings.output.min_joint_score)
            continue
        if stages is None:
            from pose_track.build.stages import build_stages  # not needed for results

            stages = build_stages(settings)
        tracked = track_frames(path, stages, settings.reader)
        results[str(path)] = side_consistency(tracked, stages.skeleton, settings.output.min_joint_score)
    return results


def track_frames(
    video: Path, stages: Stages, reader_settings: ReaderSettings, max_frames: int | None = None
) -> Iterator[TrackedPoses]:
    """The tracked people of the first `max_frames` frames of a video, or of all."""
    with open_reader(video, reader_settings) as reader:
        frames = islice(iter(reader), max_frames)
        with closing(stages.track(frames, stages.make_tracker(reader.info.fps))) as results:  # type: ignore[type-var]
            for _, tracked in results:
                yield tracked


def consistency_table(results: Mapping[str, SideConsistency]) -> list[str]:
    """A table in Markdown with a row for each video, and one for all: shares in percent, by pair of joints."""
    rows = dict(results)
    if len(results) > 1:
        first, *others = results.values()
        rows["all"] = sum(others, first)
    some = next(iter(rows.values()))
    heads = ["", "person-frames", *(f"sides change: {name}" for name in some.changes)]
    heads += [f"in one place: {name}" for name in some.close]
    lines = [heads, ["---"] * len(heads)]
    for name, result in rows.items():
        shares = [*result.changes.values(), *result.close.values()]
        lines.append([name, str(result.people), *(percent(share) for share in shares)])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def consistency_metrics(results: Mapping[str, SideConsistency]) -> dict[str, Any]:
    """The same as values for a JSON file: the count and the total of each share."""
    return {
        name: {
            "people": result.people,
            "changes": {pair: [share.count, share.total] for pair, share in result.changes.items()},
            "close": {pair: [share.count, share.total] for pair, share in result.close.items()},
        }
        for name, result in results.items()
    }


def percent(share: Share) -> str:
    """A share as text.

    >>> percent(Share(1, 8)), percent(Share())
    ('12.5 %', '-')
    """
    return f"{100 * share.value:.1f} %" if share.total else "-"
