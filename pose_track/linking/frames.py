"""Linking the frames of one pose file, with or without their images."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from pose_track.config.tracker import TrackerSettings
from pose_track.linking.poses import link_poses
from pose_track.postprocessing.low_joints import is_low_joint
from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.frames import Frame, FrameLike, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.linker import FrameTime

if TYPE_CHECKING:
    from pose_track.video.named_images import NamedImages

_T = TypeVar("_T")


@dataclass(frozen=True)
class LinkOptions:
    """How the poses in files are linked.

    tracker: settings of the tracker.
    fps: frames per second, for files without a frame rate.
    min_person_score: people with a lower score are dropped before linking.
    min_joint_score: joints with a lower score are dropped after linking, and so are people without any joint left.
    images: folder of the images, for the optical flow.
    skeleton: the joint order of COCO results.

    Missing scores count as in `annotations_to_poses`. Raises ValueError for a score outside [0, 1], and for images
    without optical flow.
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

    def open_images(self, name: str) -> AbstractContextManager[NamedImages | None]:
        """The images of the sequence `name`; None without a folder of images."""
        if self.images is None:
            return nullcontext()
        from pose_track.video.named_images import NamedImages  # needs OpenCV

        return NamedImages(self.images, name)


@dataclass
class LinkResult:
    """What was linked in a file.

    num_frames: its frames.
    num_people: people in them.
    num_linked: people in the output.
    tracks: (video number, track id) of all tracks.
    seconds: time taken by linking alone.
    num_problems: problems in the file whose people or frames were left out.
    """

    num_frames: int = 0
    num_people: int = 0
    num_linked: int = 0
    tracks: set[tuple[int, int]] = field(default_factory=set)
    seconds: float = 0.0
    num_problems: int = 0

    def summary(self) -> str:
        """One line to print.

        >>> LinkResult(2, 5, 4, {(0, 1), (0, 2)}, 0.003).summary()
        '2 frames, 4 of 5 people, 2 tracks, 1.50 ms a frame'
        """
        ms = 1000 * self.seconds / max(self.num_frames, 1)
        people = f"{self.num_linked} of {self.num_people} people"
        problems = f", {self.num_problems} problems left out" * bool(self.num_problems)
        return f"{self.num_frames} frames, {people}, {len(self.tracks)} tracks, {ms:.2f} ms a frame{problems}"

    def add_frame(self, video: int, ids: IntArray) -> None:
        """Count a frame. ids: (N,) track ids of its people, 0 for those left out."""
        self.num_frames += 1
        self.num_people += len(ids)
        self.num_linked += np.count_nonzero(ids)
        self.tracks.update((video, track_id) for track_id in ids[ids > 0].tolist())


class RecordedFrame(NamedTuple):
    """A frame of a file with all its people. video: number of its video, see `frame_places`."""

    time: FrameTime
    poses: Poses
    image_name: str
    video: int = 0


class SequenceLinker:
    """Links the frames of one file. result: what was linked so far."""

    def __init__(self, options: LinkOptions, fps: Fraction, images: NamedImages | None) -> None:
        self._options, self._fps, self._images = options, fps, images
        # frames without a result yet, since the tracker may answer frames later, and their (N,) people to link
        self._pending: deque[tuple[RecordedFrame, BoolArray]] = deque()
        self.result = LinkResult()

    def link(self, frames: Iterable[RecordedFrame]) -> Iterator[tuple[RecordedFrame, IntArray]]:
        """The frames in order, with the (N,) track ids of their people, 0 for those left out."""
        for _, video in groupby(frames, key=lambda frame: frame.video):
            read_watch, link_watch = Stopwatch(), Stopwatch()
            inputs = read_watch.timed(self._tracker_inputs(video))
            linked = link_poses(inputs, self._options.tracker, self._fps, self._images is not None)
            for linked_ids in link_watch.timed(linked):
                frame, is_linked = self._pending.popleft()
                ids = np.zeros(len(frame.poses), np.int64)
                ids[is_linked] = linked_ids
                ids[is_low_joint(frame.poses, self._options.min_joint_score).all(axis=1)] = 0
                self.result.add_frame(frame.video, ids)
                yield frame, ids
            assert not self._pending, "the tracker gives ids for every frame"
            self.result.seconds += link_watch.seconds - read_watch.seconds

    def _tracker_inputs(self, frames: Iterable[RecordedFrame]) -> Iterator[tuple[FrameLike, Poses]]:
        """The tracker's input for each frame; one image at a time."""
        for frame in frames:
            is_linked = np.asarray(frame.poses.scores >= np.float32(self._options.min_person_score))
            self._pending.append((frame, is_linked))
            time: FrameLike = frame.time
            if self._images is not None:
                image = self._images.read(frame.image_name, time.index)
                time = Frame(time.index, time.pts_seconds, image)
            yield time, frame.poses[is_linked]


class Stopwatch:
    """Measures the time that iterators take. seconds: total so far."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, items: Iterable[_T]) -> Iterator[_T]:
        """The same items; the time to produce them is added."""
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
