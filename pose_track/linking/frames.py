"""Identities for frames of poses that come from a file, with or without their pictures."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.config.tracker import TrackerSettings
from pose_track.linking.poses import link_poses
from pose_track.structures.frames import Array, Frame, IntArray, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.tracker import FrameTime, Timed

if TYPE_CHECKING:
    from pose_track.video.named_images import NamedImages

_T = TypeVar("_T")


@dataclass(frozen=True)
class Linking:
    """How the poses in files are linked.

    fps: frames per second where a file does not tell. min_person_score: people below it are left out before they are
    linked; min_joint_score: joints below it afterwards, and people who have none left; a score that is not told counts
    as in `people_to_poses`. pictures: the folder of the pictures, for the optical flow. skeleton: the order of joints
    in COCO results. Raises ValueError for a score outside [0, 1], and for pictures without optical flow.
    """

    tracker: TrackerSettings
    fps: Fraction = Fraction(25)
    min_person_score: float = 0.0
    min_joint_score: float = 0.0
    images: Path | None = None
    skeleton: Skeleton | None = None

    def __post_init__(self) -> None:
        for name in ("min_person_score", "min_joint_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)!r}")
        if self.images is not None and self.tracker.flow.method == "none":
            raise ValueError("--frames has no effect on a tracker without optical flow; set --tracker.flow.method dis")

    def too_low(self, poses: Poses) -> NDArray[np.bool_]:
        """(N, K) the joints that are left out."""
        return np.asarray(poses.joint_scores < np.float32(self.min_joint_score))

    def without_low(self, poses: Poses) -> Poses:
        """The same people without those joints."""
        low = self.too_low(poses)
        joints, joint_scores = np.where(low[..., None], 0, poses.joints), np.where(low, 0, poses.joint_scores)
        return replace(poses, joints=joints, joint_scores=joint_scores)

    def open_pictures(self, name: str) -> AbstractContextManager[NamedImages | None]:
        """Those of a sequence; None where none are wanted."""
        if self.images is None:
            return nullcontext()
        from pose_track.video.named_images import NamedImages  # needs OpenCV

        return NamedImages(self.images, name)


@dataclass
class Linked:
    """What came of a file. people: how many it had; kept: those who are in the output; tracks: their ids, each with the
    number of its video; seconds: of linking alone; faults: what was wrong in the file and left out."""

    frames: int = 0
    people: int = 0
    kept: int = 0
    tracks: set[tuple[int, int]] = field(default_factory=set)
    seconds: float = 0.0
    faults: int = 0

    def summary(self) -> str:
        """In a few words.

        >>> Linked(2, 5, 4, {(0, 1), (0, 2)}, 0.003).summary()
        '2 frames, 4 of 5 people, 2 tracks, 1.50 ms a frame'
        """
        ms = 1000 * self.seconds / max(self.frames, 1)
        people, faults = f"{self.kept} of {self.people} people", f", {self.faults} faults left out" * bool(self.faults)
        return f"{self.frames} frames, {people}, {len(self.tracks)} tracks, {ms:.2f} ms a frame{faults}"

    def count(self, video: int, ids: IntArray) -> None:
        """Add a frame. ids: (N,) of its people, 0 for who is left out."""
        self.frames, self.people, self.kept = self.frames + 1, self.people + len(ids), self.kept + np.count_nonzero(ids)
        self.tracks.update((video, track_id) for track_id in ids[ids > 0].tolist())


class Listed(NamedTuple):
    """A frame of a file with everybody in it. video: see `frame_places`."""

    time: FrameTime
    poses: Poses
    image_name: str
    video: int = 0


class LinkRun:
    """Links the frames of one file. done: what came of it so far."""

    def __init__(self, linking: Linking, fps: Fraction, images: NamedImages | None) -> None:
        self._linking, self._fps, self._pictures = linking, fps, images
        self._waiting: deque[tuple[Listed, Array]] = deque()  # for the tracker's word, which may come frames later
        self.done = Linked()

    def linked(self, frames: Iterable[Listed]) -> Iterator[tuple[Listed, IntArray]]:
        """The frames, in order, with the (N,) ids of everybody in them, 0 for who is left out."""
        for _, video in groupby(frames, key=lambda frame: frame.video):
            reading, linking = Stopwatch(), Stopwatch()
            has_images = self._pictures is not None
            linked = link_poses(reading.timed(self._read(video)), self._linking.tracker, self._fps, has_images)
            for found in linking.timed(linked):
                frame, sure = self._waiting.popleft()
                ids = np.zeros(len(frame.poses), np.int64)
                ids[sure] = found
                ids[self._linking.too_low(frame.poses).all(axis=1)] = 0
                self.done.count(frame.video, ids)
                yield frame, ids
            assert not self._waiting, "the tracker has said something about every frame"
            self.done.seconds += linking.seconds - reading.seconds

    def _read(self, frames: Iterable[Listed]) -> Iterator[tuple[Timed, Poses]]:
        """What the tracker is shown; one picture at a time."""
        for frame in frames:
            sure = np.asarray(frame.poses.scores >= np.float32(self._linking.min_person_score))
            self._waiting.append((frame, sure))
            time: Timed = frame.time
            if self._pictures is not None:
                image = self._pictures.read(frame.image_name, time.index)
                time = Frame(time.index, time.pts_seconds, image)
            yield time, frame.poses[sure]


class Stopwatch:
    """seconds: how long items took to come from what it timed."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, items: Iterable[_T]) -> Iterator[_T]:
        """The same items."""
        iterator = iter(items)
        while True:
            started = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - started
            yield item
