"""The poses of a sequence, as networks and tracker make them, kept as two `tracks.jsonl` with more in the header.

    {"type": "header", ..., "linked": false, "image_names": ["000000.jpg", ...], "made_with": {...}, "seconds": 12.3,
     "device": "cpu"}

One has the raw poses, that is, all that the estimator saw before anything was dropped or linked, also those in boxes
that the optical flow proposed ("source" tells); a track_id there only numbers the people of a frame. The other, linked,
has the people who got an identity. image_names: of every frame; made_with: settings and hashes of weights that decide
both; seconds: what both took together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.benchmarks.posetrack.dataset import Clip, base_name, numbered_names
from pose_track.config.settings import PoseTrackSettings, SourceSettings
from pose_track.formats.tracks_jsonl import TracksWriter, read_tracks
from pose_track.pipeline.track_file import header
from pose_track.pipeline.track_video import Tracker
from pose_track.structures.frames import Frame, Poses, TrackedPoses
from pose_track.structures.sequence import IntArray, PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.video.reader import VideoInfo, VideoReader, open_video

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

# settings on which the poses hang; min_person_score is that of people whom the tracker is shown
_DECISIVE: dict[str, Any] = {
    **dict.fromkeys(("reader", "detector", "pose", "tracker"), True),
    "submission": {"min_person_score": True},
}


@dataclass(frozen=True, eq=False)
class SavedPoses:
    """The poses of every frame of a sequence, raw or linked, by frame index from 0; what the header says besides."""

    frames: tuple[TrackedPoses, ...]
    image_names: tuple[str, ...]
    fps: Fraction
    seconds: float
    device: str
    version: str

    def places(self, truth: PoseSequence) -> IntArray:
        """(F,) for each frame of the truth which of these it is. Raises ValueError for one that is not there."""
        index = {name: i for i, name in enumerate(self.image_names)}
        names = [base_name(frame.image_name) for frame in truth.frames]
        lost = [name for name in names if name not in index]
        if lost:
            raise ValueError(f"{truth.name} lists {lost[0]!r}, but there are {len(index)} frames, without it")
        return np.array([index[name] for name in names], np.int64)


def made_with(settings: PoseTrackSettings, weights: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What decides the poses: dotted settings, with the hashes of the weights in place of their files."""
    hashes = {f"{stage}.weights": used.get("sha256", used["file"]) for stage, used in weights.items()}
    return _dotted(settings.model_dump(mode="json", include=_DECISIVE)) | hashes


def _dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested sections by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def is_high_score(poses: Poses, min_person_score: float) -> NDArray[np.bool_]:
    """(N,) those whose score is at least so high."""
    return np.asarray(poses.scores >= np.float32(min_person_score))


class _SureOnly:
    """A tracker that is not shown unsure people, and keeps all that it was shown itself in `seen`, frame by frame."""

    def __init__(self, tracker: Tracker, min_person_score: float) -> None:
        self._tracker, self._least = tracker, min_person_score
        self.seen: list[Poses] = []
        self.reset, self.propose, self.confirmed = tracker.reset, tracker.propose, tracker.confirmed

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.seen.append(_without_features(poses))
        ids = np.zeros(len(poses), np.int64)
        sure = is_high_score(poses, self._least)
        ids[sure] = self._tracker.assign(poses[sure], frame)
        return ids


class Found(NamedTuple):
    """What is to be kept of a sequence: the header of both files, and the people of every frame in each."""

    header: dict[str, Any]
    raw: list[TrackedPoses]
    tracked: list[TrackedPoses]


@dataclass(frozen=True, eq=False)
class Tracking:
    """How sequences are tracked. made_with: as the function; first_number: of a sequence's first picture, as the
    edition has it; device: in words."""

    stages: Stages
    settings: PoseTrackSettings
    made_with: Mapping[str, Any]
    first_number: int
    device: str

    def __call__(self, clip: Clip, step: Callable[[], None]) -> Found:
        """The poses of every frame of a sequence, also of those that its annotation file does not list.

        Networks and tracker work together as for any video, but the tracker is not shown unsure people. step is called
        for each frame. Raises ValueError, OSError or DecodeError where its frames cannot be read.
        """
        started = time.perf_counter()
        tracked = list[TrackedPoses]()
        with open_clip(clip, self.settings.reader) as reader:
            least = self.settings.submission.min_person_score
            tracker = _SureOnly(self.stages.make_tracker(reader.info.fps), least)
            for _, people in self.stages.track(reader, tracker):
                tracked.append(replace(people, poses=_without_features(people.poses)))
                step()
        raw = tracker.seen
        names = clip.image_names or self._names_of_video(clip, len(raw))
        seconds = round(time.perf_counter() - started, 3)
        told = {**self._header(reader.info), "image_names": list(names), "seconds": seconds}
        return Found(told, [_numbered(*both) for both in zip(tracked, raw, strict=True)], tracked)

    def _names_of_video(self, clip: Clip, num_frames: int) -> list[str]:
        assert clip.truth is not None
        return numbered_names(base_name(clip.truth.frames[0].image_name), self.first_number, num_frames)

    def _header(self, info: VideoInfo) -> dict[str, Any]:
        return {
            **header(info, self.stages, self.settings),
            "settings": self.settings.model_dump(mode="json", include={"device": True, **_DECISIVE}),
            "made_with": dict(self.made_with),
            "device": self.device,
        }


def open_clip(clip: Clip, settings: SourceSettings) -> VideoReader:
    """The frames of a sequence, read as the settings say."""
    assert clip.source is not None
    return open_video(clip.source, settings.decoder, fps=settings.image_fps if clip.image_names else None)


def _without_features(poses: Poses) -> Poses:
    """They would be nearly all of what a sequence takes in memory."""
    return replace(poses, features=None)


def _numbered(frame: TrackedPoses, poses: Poses) -> TrackedPoses:
    """The poses in the place of those who are in the frame."""
    return TrackedPoses(frame.frame_index, frame.pts_seconds, poses, np.arange(1, len(poses) + 1))


def write_found(found: Found, raw: Path, tracked: Path) -> None:
    """Write the two files of a sequence; each appears only when it is whole."""
    for path, frames, is_linked in ((raw, found.raw, False), (tracked, found.tracked, True)):
        with atomic_path(path) as part, TracksWriter(part, {**found.header, "linked": is_linked}) as writer:
            for people in frames:
                writer.write(people)


def is_saved(path: Path, clip: Clip, wanted: Mapping[str, Any]) -> bool:
    """Whether a file holds the poses of a sequence, whole and of the same pictures.

    Raises ValueError where they were made in another way, naming what differs.
    """
    if not path.exists():
        return False
    try:
        header, _ = read_tracks(path)
        made, names = dict(header["made_with"]), list(header["image_names"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} does not hold the poses of a run; choose another --out ({error})") from None
    differing = [f"{key} {made.get(key)!r}, now {value!r}" for key, value in wanted.items() if made.get(key) != value]
    if differing:
        raise ValueError(f"{str(path)!r} was made with {differing[0]}; choose another --out, or the same settings")
    with path.open("rb") as file:
        is_whole = sum(line.endswith(b"\n") for line in file) == len(names) + 1
    if not is_whole or (clip.image_names and names != list(clip.image_names)):
        logger.warning("%s is not whole, or of other pictures; the sequence is tracked again", path)
        return False
    return True


def read_saved(path: Path) -> SavedPoses:
    """A file that `write_found` wrote. Raises FileNotFoundError, or ValueError naming the file."""
    header, records = read_tracks(path)
    try:
        known = {key: header[key] for key in ("image_names", "seconds", "device", "version")}
    except KeyError as error:
        raise ValueError(f"{path} does not hold the poses of a run: its header lacks {error}") from None
    frames = tuple(records)
    if [tracked.frame_index for tracked in frames] != list(range(len(known["image_names"]))):
        raise ValueError(f"{path} has {len(frames)} frames of {len(known['image_names'])}; delete it and track again")
    fps = Fraction(header["fps"]).limit_denominator(1001)
    return SavedPoses(frames, tuple(known.pop("image_names")), fps, **known)
