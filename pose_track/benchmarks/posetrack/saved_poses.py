"""The poses of one sequence, saved as two `tracks.jsonl` files with a longer header.

    {"type": "header", ..., "linked": false, "image_names": ["000000.jpg", ...], "provenance": {...}, "seconds": 12.3,
     "device": "cpu"}

The raw file has every pose that the estimator returned, before low scores were dropped and people were linked, with
those in boxes proposed by the optical flow (see "source"). Its track ids only number the people of a frame. The linked
file has the people who got a track id.

image_names: image name of every frame.
provenance: settings and hashes of weights that determine both files.
seconds: time it took to create both.
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

from pose_track.benchmarks.posetrack.dataset import Clip, base_name, numbered_names
from pose_track.config.fields import flatten
from pose_track.config.settings import PoseTrackSettings
from pose_track.config.sources import SourceSettings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.pipeline.result_writer import tracks_header
from pose_track.pipeline.steps import Tracker
from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.frames import Frame, Poses, TrackedPoses, replace_rows
from pose_track.structures.sequence import PoseSequence
from pose_track.utils.atomic import atomic_path
from pose_track.video.reader import VideoInfo, VideoReader, open_video

if TYPE_CHECKING:
    from pose_track.pipeline.stages import Stages

logger = logging.getLogger(__name__)

# Settings that determine the poses. min_person_score is that of people who are passed to the tracker.
_PROVENANCE: dict[str, Any] = {
    **dict.fromkeys(("reader", "detector", "pose", "tracker"), True),
    "submission": {"min_person_score": True},
}


@dataclass(frozen=True, eq=False)
class SavedPoses:
    """The content of one file: the poses of every frame by frame index, from 0, and fields of the header."""

    frames: tuple[TrackedPoses, ...]
    image_names: tuple[str, ...]
    fps: Fraction
    seconds: float
    device: str
    version: str

    def frame_indices(self, gt: PoseSequence) -> IntArray:
        """(F,) the frame index of each frame of `gt`, by image name. Raises ValueError for a frame that is not here."""
        index = {name: i for i, name in enumerate(self.image_names)}
        names = [base_name(frame.image_name) for frame in gt.frames]
        missing = [name for name in names if name not in index]
        if missing:
            raise ValueError(f"{gt.name} lists {missing[0]!r}, which is not among the {len(index)} tracked frames")
        return np.array([index[name] for name in names], np.int64)


def pose_provenance(settings: PoseTrackSettings, weights: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """All that determines the poses: dotted settings, with hashes of the weights in place of file names."""
    hashes = {f"{stage}.weights": used.get("sha256", used["file"]) for stage, used in weights.items()}
    return flatten(settings.model_dump(mode="json", include=_PROVENANCE)) | hashes


def is_high_score(poses: Poses, min_person_score: float) -> BoolArray:
    """(N,) whose person score is at least `min_person_score`."""
    return np.asarray(poses.scores >= np.float32(min_person_score))


class _HighScoreTracker:
    """A tracker that is passed high-score poses only. It records all poses of each frame in `raw_poses`."""

    def __init__(self, tracker: Tracker, min_person_score: float) -> None:
        self._tracker, self._min_person_score = tracker, min_person_score
        self.raw_poses: list[Poses] = []
        self.reset, self.propose, self.confirm = tracker.reset, tracker.propose, tracker.confirm
        self.carry = tracker.carry

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.raw_poses.append(_without_features(poses))
        ids = np.zeros(len(poses), np.int64)
        high = is_high_score(poses, self._min_person_score)
        ids[high] = self._tracker.assign(poses[high], frame)
        self.poses = replace_rows(poses, np.flatnonzero(high), self._tracker.poses)
        return ids


class SequencePoses(NamedTuple):
    """What is saved of a sequence: the header of both files, and the people of every frame in each."""

    header: dict[str, Any]
    raw: list[TrackedPoses]
    linked: list[TrackedPoses]


@dataclass(frozen=True, eq=False)
class SequenceTracker:
    """Tracks the sequences of a data set.

    provenance: see `pose_provenance`.
    first_number: number of a sequence's first image in this edition.
    device: description of the device.
    """

    stages: Stages
    settings: PoseTrackSettings
    provenance: Mapping[str, Any]
    first_number: int
    device: str

    def __call__(self, clip: Clip, step: Callable[[], None]) -> SequencePoses:
        """The poses of every frame of a sequence, annotated or not.

        The sequence is tracked as any video is, but the tracker is passed high-score poses only.

        step: called for each frame.

        Raises ValueError, OSError or DecodeError where its frames cannot be read.
        """
        started = time.perf_counter()
        linked = list[TrackedPoses]()
        with open_clip(clip, self.settings.reader) as reader:
            tracker = _HighScoreTracker(
                self.stages.make_tracker(reader.info.fps), self.settings.submission.min_person_score
            )
            for _, people in self.stages.track(reader, tracker):
                linked.append(replace(people, poses=_without_features(people.poses)))
                step()
        raw_poses = tracker.raw_poses
        names = clip.image_names or self._video_image_names(clip, len(raw_poses))
        seconds = round(time.perf_counter() - started, 3)
        header = {**self._header(reader.info), "image_names": list(names), "seconds": seconds}
        raw = [_numbered(frame, poses) for frame, poses in zip(linked, raw_poses, strict=True)]
        return SequencePoses(header, raw, linked)

    def _video_image_names(self, clip: Clip, num_frames: int) -> list[str]:
        assert clip.gt is not None
        return numbered_names(base_name(clip.gt.frames[0].image_name), self.first_number, num_frames)

    def _header(self, info: VideoInfo) -> dict[str, Any]:
        return {
            **tracks_header(info, self.stages, self.settings),
            "settings": self.settings.model_dump(mode="json", include={"device": True, **_PROVENANCE}),
            "provenance": dict(self.provenance),
            "device": self.device,
        }


def open_clip(clip: Clip, settings: SourceSettings) -> VideoReader:
    """A reader of a sequence's frames."""
    assert clip.source is not None
    fps = settings.image_fps if clip.image_names else None
    return open_video(clip.source, settings.decoder, fps=fps, max_pixels=settings.max_pixels)


def _without_features(poses: Poses) -> Poses:
    """The poses without features, which would take most of the memory of a sequence, and without second peaks."""
    return replace(poses, features=None, second_peaks=None)


def _numbered(frame: TrackedPoses, poses: Poses) -> TrackedPoses:
    """The frame with other poses, whose track ids are their numbers from 1."""
    return TrackedPoses(frame.frame_index, frame.pts_seconds, poses, np.arange(1, len(poses) + 1))


def save_poses(poses: SequencePoses, raw_path: Path, linked_path: Path) -> None:
    """Write the two files of a sequence, each atomically."""
    for path, frames, is_linked in ((raw_path, poses.raw, False), (linked_path, poses.linked, True)):
        with atomic_path(path) as part, TracksWriter(part, {**poses.header, "linked": is_linked}) as writer:
            for frame in frames:
                writer.write(frame)


def is_saved(path: Path, clip: Clip, provenance: Mapping[str, Any]) -> bool:
    """Whether a file holds all poses of a sequence, for the same images.

    Raises ValueError where other settings or weights made it, naming the first difference.
    """
    if not path.exists():
        return False
    try:
        header, _ = read_tracks(path)
        saved, names = dict(header["provenance"]), list(header["image_names"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} does not hold the poses of a run; choose another --out ({error})") from None
    different = [
        f"{key} {saved.get(key)!r}, now {value!r}" for key, value in provenance.items() if saved.get(key) != value
    ]
    if different:
        raise ValueError(f"{str(path)!r} was made with {different[0]}; choose another --out, or the same settings")
    with path.open("rb") as file:
        is_complete = sum(line.endswith(b"\n") for line in file) == len(names) + 1
    if not is_complete or (clip.image_names and names != list(clip.image_names)):
        logger.warning("%s is incomplete or belongs to other images; the sequence is tracked again", path)
        return False
    return True


def read_saved_poses(path: Path) -> SavedPoses:
    """Read a file that `save_poses` wrote. Raises FileNotFoundError, or ValueError naming the file."""
    header, records = read_tracks(path)
    try:
        fields = {key: header[key] for key in ("image_names", "seconds", "device", "version")}
    except KeyError as error:
        raise ValueError(f"{path} does not hold the poses of a run: its header lacks {error}") from None
    frames = tuple(records)
    if [tracked.frame_index for tracked in frames] != list(range(len(fields["image_names"]))):
        raise ValueError(f"{path} has {len(frames)} frames of {len(fields['image_names'])}; delete it and track again")
    fps = Fraction(header["fps"]).limit_denominator(1001)
    return SavedPoses(frames, tuple(fields.pop("image_names")), fps, **fields)
