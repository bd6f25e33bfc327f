"""The estimator's poses of a sequence before anything is dropped or linked: `tracks.jsonl` with more in its header.

    {"type": "header", ..., "linked": false, "image_names": ["000000.jpg", ...], "made_with": {...}, "seconds": 12.3,
     "device": "cpu"}

A track_id there only numbers the people of a frame. image_names: of every frame; made_with: settings and hashes of
weights that decide the poses; seconds: what it took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pose_track.benchmarks.dataset import Clip, base_name, numbered_names
from pose_track.formats.atomic_path import atomic_path
from pose_track.formats.tracks_jsonl import TracksWriter, read_tracks
from pose_track.results import header
from pose_track.sequence import IntArray, Sequence
from pose_track.settings import PoseTrackSettings, SourceSettings
from pose_track.types import TrackedPoses
from pose_track.video.reader import VideoInfo, VideoReader, open_video

if TYPE_CHECKING:
    from pose_track.build import Stages

logger = logging.getLogger(__name__)

_DECISIVE = ("reader", "detector", "pose")


@dataclass(frozen=True, eq=False)
class RawPoses:
    """The poses of every frame of a sequence, by frame index from 0; what the header says besides."""

    frames: tuple[TrackedPoses, ...]
    image_names: tuple[str, ...]
    fps: Fraction
    seconds: float
    device: str
    version: str

    def places(self, truth: Sequence) -> IntArray:
        """(F,) for each frame of the truth which of these it is. Raises ValueError for one that is not there."""
        index = {name: i for i, name in enumerate(self.image_names)}
        names = [base_name(frame.image_name) for frame in truth.frames]
        lost = [name for name in names if name not in index]
        if lost:
            raise ValueError(f"{truth.name} lists {lost[0]!r}, but there are {len(index)} frames, without it")
        return np.array([index[name] for name in names], np.int64)


def made_with(settings: PoseTrackSettings, weights: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What decides the poses: dotted settings, with the hashes of the weights in place of their files."""
    sections = settings.model_dump(mode="json", include=set(_DECISIVE))
    values = {f"{section}.{key}": value for section in _DECISIVE for key, value in sections[section].items()}
    hashes = {f"{stage}.weights": used.get("sha256", used["file"]) for stage, used in weights.items()}
    return values | hashes


@dataclass(frozen=True, eq=False)
class Estimation:
    """How raw poses are made. made_with: as the function; first_number: of a sequence's first picture, as the edition
    has it; device: in words."""

    stages: Stages
    settings: PoseTrackSettings
    made_with: Mapping[str, Any]
    first_number: int
    device: str

    def __call__(self, clip: Clip, step: Callable[[], None]) -> tuple[dict[str, Any], list[TrackedPoses]]:
        """Header and poses of every frame of a sequence, also of those that its annotation file does not list.

        step is called after each. Raises ValueError, OSError or DecodeError where its frames cannot be read.
        """
        started, frames = time.perf_counter(), []
        with open_clip(clip, self.settings.reader) as reader:
            for frame in reader:
                poses = self.stages.estimate(frame.image, self.stages.detect(frame))
                numbers = np.arange(1, len(poses) + 1)
                frames.append(TrackedPoses(frame.index, frame.pts_seconds, poses, numbers))
                step()
        names = clip.image_names or self._names_of_video(clip, len(frames))
        seconds = round(time.perf_counter() - started, 3)
        return {**self._header(reader.info), "image_names": list(names), "seconds": seconds}, frames

    def _names_of_video(self, clip: Clip, num_frames: int) -> list[str]:
        assert clip.truth is not None
        return numbered_names(base_name(clip.truth.frames[0].image_name), self.first_number, num_frames)

    def _header(self, info: VideoInfo) -> dict[str, Any]:
        return {
            **header(info, self.stages, self.settings),
            "settings": self.settings.model_dump(mode="json", include={"device", *_DECISIVE}),
            "linked": False,
            "made_with": dict(self.made_with),
            "device": self.device,
        }


def open_clip(clip: Clip, settings: SourceSettings) -> VideoReader:
    """The frames of a sequence, read as the settings say."""
    assert clip.source is not None
    return open_video(clip.source, settings.decoder, fps=settings.image_fps if clip.image_names else None)


def write_raw(path: Path, header: Mapping[str, Any], frames: Iterable[TrackedPoses]) -> None:
    """Write the raw poses of a sequence; the file appears only when it is whole."""
    with atomic_path(path) as unfinished, TracksWriter(unfinished, header) as writer:
        for tracked in frames:
            writer.write(tracked)


def is_kept(path: Path, clip: Clip, wanted: Mapping[str, Any]) -> bool:
    """Whether a file holds the raw poses of a sequence, whole and of the same pictures.

    Raises ValueError where they were made in another way, naming what differs.
    """
    if not path.exists():
        return False
    try:
        header, _ = read_tracks(path)
        made, names = dict(header["made_with"]), list(header["image_names"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} does not hold raw poses; choose another --out ({error})") from None
    differing = [f"{key} {made.get(key)!r}, now {value!r}" for key, value in wanted.items() if made.get(key) != value]
    if differing:
        raise ValueError(f"{str(path)!r} was made with {differing[0]}; choose another --out, or the same settings")
    with path.open("rb") as file:
        is_whole = sum(line.endswith(b"\n") for line in file) == len(names) + 1
    if not is_whole or (clip.image_names and names != list(clip.image_names)):
        logger.warning("%s is not whole, or of other pictures; the sequence is tracked again", path)
        return False
    return True


def read_raw(path: Path) -> RawPoses:
    """What `write_raw` wrote. Raises FileNotFoundError, or ValueError naming the file."""
    header, records = read_tracks(path)
    try:
        known = {key: header[key] for key in ("image_names", "seconds", "device", "version")}
    except KeyError as error:
        raise ValueError(f"{path} holds no raw poses: its header lacks {error}") from None
    frames = tuple(records)
    if [tracked.frame_index for tracked in frames] != list(range(len(known["image_names"]))):
        raise ValueError(f"{path} has {len(frames)} frames of {len(known['image_names'])}; delete it and track again")
    fps = Fraction(header["fps"]).limit_denominator(1001)
    return RawPoses(frames, tuple(known.pop("image_names")), fps, **known)
