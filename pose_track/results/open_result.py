"""Opening any result as one thing: a result folder, a tracks.jsonl, or a pose file of another program."""

from __future__ import annotations

from pathlib import Path

from pose_track.formats.identify import identify_folder
from pose_track.formats.registry import identify_format, read_sequence
from pose_track.formats.tracks_jsonl import is_complete, read_tracks
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.results.result import Result
from pose_track.results.sequence_frames import SequenceFrames
from pose_track.results.video_path import find_video, given_video
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import Skeleton
from pose_track.video.reader import open_video
from pose_track.video.source import VideoInfo

__all__ = ["Result", "open_result", "result_file"]

_DEFAULT_FPS = 25.0


def open_result(path: str | Path, video: str | Path | None = None, skeleton: Skeleton | None = None) -> Result:
    """Open a result. Its frames are read when it is iterated over.

    path: a result folder, or a file or folder of any format that is read, see docs/formats.md.
    video: a file or folder of images; None to find the one that the result names, see `find_video`.
    skeleton: the joints of COCO results, which do not name them.

    The frame rate is that of the video, else the file's, else 25 frames per second. People without a track id: see
    `SequenceFrames`. Raises FileNotFoundError for a path that does not exist or is a folder without results, ValueError
    for a file of another format or with errors, and ImportError where the format needs a package that is not installed.

        for tracked in open_result("runs/clip"):
            ...
    """
    path = result_file(Path(path))
    chosen = None if video is None else given_video(video)
    if identify_format(path) == "tracks" and skeleton is None:
        return _open_tracks(path, chosen)
    sequence = read_sequence(path, skeleton=skeleton)
    assert isinstance(sequence, PoseSequence)  # only a tracks.jsonl is read frame by frame
    info = None if chosen is None else _info(chosen)
    fps = float(sequence.extra.get("fps") or _DEFAULT_FPS) if info is None else float(info.fps)
    width, height = (None, None) if info is None else (info.width, info.height)
    frames = SequenceFrames(sequence, fps, path)
    return Result(path, sequence.skeleton, fps, width, height, chosen, frames)


def result_file(path: Path) -> Path:
    """The file of a result, or the folder of one of another program. Raises FileNotFoundError where there is none."""
    file = path / TRACKS_FILE if path.is_dir() else path
    if not file.is_file() and identify_folder(path) is not None:
        return path
    if not file.is_file():
        what = f"holds no {TRACKS_FILE}" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{str(path)!r} {what}; give a result folder or file")
    return file


def _open_tracks(path: Path, video: Path | None) -> Result:
    header, records = read_tracks(path, allow_cut_end=True)
    source = find_video(path, str(header["source"])) if video is None else video
    names = {int(track_id): name for track_id, name in (header.get("names") or {}).items()}
    return Result(
        path,
        records.skeleton,
        float(header["fps"]),
        header["width"],
        header["height"],
        source,
        records,
        names,
        header,
        is_complete(path),
    )


def _info(video: Path) -> VideoInfo:
    with open_video(video) as reader:
        return reader.info
