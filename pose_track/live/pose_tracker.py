"""Tracking people frame by frame, from a program of the user."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from types import TracebackType

import numpy as np

from pose_track.build.stages import build_stages
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import DEFAULT_PRESET, Settings
from pose_track.drawing.painter import Painter
from pose_track.live.channel_order import ChannelOrder
from pose_track.pipeline.chosen_people import choice_of
from pose_track.pipeline.frame_tracker import FrameTracker
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.style import style_of
from pose_track.selection.online import OnlineChoice
from pose_track.structures.arrays import ImageArray, IntArray
from pose_track.structures.frames import Frame, Poses, TrackedPoses
from pose_track.structures.images import checked_image
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.confirmation import ConfirmationWindow

logger = logging.getLogger(__name__)

_FPS = Fraction(30)


class PoseTracker:
    """Every person's pose, tracked, one frame at a time.

        tracker = PoseTracker()
        camera = cv2.VideoCapture(0)
        while True:
            ok, frame = camera.read()
            people = tracker.update(frame, bgr=True)
            for person in people:
                print(person.id, person.joints["left_wrist"])

    Results come without delay, also of a person who has just appeared: `person.confirmed` is False until they were
    seen in `tracker.min_confirm_frames` successive frames. The ids of those who never are leave gaps.

    preset: name of the settings, such as "fast" or "balanced".
    settings: all of them, in place of a preset.
    stages: detector, estimator and tracker in place of those of the settings, such as those of `custom_stages`.
    confirm: results wait until tracks are confirmed, as those of `pose-track track`, and are the same: `update`
        returns those of an earlier frame, and `flush` the last ones.
    fps: about how many frames come in a second.
    sections: settings that replace those of the preset, by section: device="cuda", detector={"min_score": 0.5}.

    Raises as `build_stages`, and ValueError for an unknown preset or setting. Only one thread may call it at a time.
    """

    def __init__(
        self,
        preset: str = DEFAULT_PRESET,
        *,
        settings: Settings | None = None,
        stages: Stages | None = None,
        confirm: bool = False,
        fps: float | Fraction = _FPS,
        **sections: object,
    ) -> None:
        if settings is None:
            settings = load_settings(Settings, preset_path(preset), dict(_dotted(sections)))
        elif sections:
            raise ValueError(f"give settings, or a preset with {', '.join(sections)}, not both")
        self._style = style_of(settings)
        self._stages = build_stages(settings) if stages is None else stages
        self._linker = self._stages.make_tracker(Fraction(fps).limit_denominator(1001))
        self._waits, self._choice = confirm, choice_of(settings)
        self.reset()

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the poses."""
        return self._stages.skeleton

    def reset(self) -> None:
        """Forget all people, and begin with another video: track ids restart at 1."""
        self.close()
        self._linker.reset()
        self._step = FrameTracker(self._stages, self._linker)
        self._window: ConfirmationWindow[tuple[Frame, Poses]] = self._linker.confirmation()
        self._choose = OnlineChoice(self._choice)
        self._channels = ChannelOrder()
        self._painter = Painter(self._style)
        self._num_frames, self._last_seconds = 0, -np.inf
        self._start: float | None = None
        self._size: tuple[int, ...] | None = None
        self._is_bgr = False

    def update(self, image: ImageArray, seconds: float | None = None, bgr: bool = False) -> TrackedPoses:
        """The people in the next frame.

        image: (H, W, 3) uint8, RGB, or BGR as OpenCV has it with `bgr`; always of the same size.
        seconds: time of the frame, increasing; by default that of the call. Give it wherever frames do not come from a
            camera right now: how far people move, and for how long they are remembered, depends on it.

        With `confirm`, the people of the frame that has just been confirmed; of the first frames nobody, with the frame
        index -1. Positions are pixels of the image, the centre of the top-left pixel at (0, 0).

        Raises TypeError or ValueError for another image, another size or a time that does not increase.
        """
        return self._update(self._frame(image, seconds, bgr), bgr)

    def flush(self) -> list[TrackedPoses]:
        """The people of the frames that wait, oldest first; none without `confirm`. Call it after the last frame."""
        return [self._choose(_tracked(*entry)) for entry in self._window.flush()]

    def track(
        self, frames: Iterable[ImageArray | Frame], bgr: bool = False, fps: float | None = None
    ) -> Iterator[TrackedPoses]:
        """The people of each frame, in order; with `confirm`, all of them at the end too.

        frames: images as for `update`, or the frames of `open_video`.
        fps: of images, which are timed by the clock without it.
        """
        for number, frame in enumerate(frames):
            seconds = None if fps is None else number / fps
            if isinstance(frame, Frame):
                people = self._update(self._checked(frame), False)
            else:
                people = self.update(frame, seconds, bgr)
            if people.frame_index >= 0:
                yield people
        yield from self.flush()

    def draw(self, image: ImageArray, people: TrackedPoses, bgr: bool | None = None) -> ImageArray:
        """A copy of the image with the people drawn on it.

        bgr: the order of its channels; by default that of the last `update`.
        """
        image = checked_image(image)
        if self._is_bgr if bgr is None else bgr:
            return _swapped(self._painter.draw(_swapped(image), people))
        return self._painter.draw(image, people)

    def close(self) -> None:
        """End the thread of the tracker, which cannot be used any more before a `reset`."""
        if hasattr(self, "_step"):
            self._step.close()

    def __enter__(self) -> PoseTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _frame(self, image: ImageArray, seconds: float | None, bgr: bool) -> Frame:
        """The next frame, in RGB."""
        image, now = checked_image(image), time.monotonic()
        self._start = now if self._start is None else self._start
        rgb = np.ascontiguousarray(image[..., ::-1]) if bgr else image
        return self._checked(Frame(self._num_frames, now - self._start if seconds is None else seconds, rgb))

    def _checked(self, frame: Frame) -> Frame:
        size = frame.image.shape
        if self._size not in (None, size):
            raise ValueError(
                f"the image is {size[1]}x{size[0]}, the ones before were {self._size[1]}x{self._size[0]}; resize it, "
                "or call reset() before another video"
            )
        if frame.pts_seconds <= self._last_seconds:
            raise ValueError(
                f"seconds must increase, got {frame.pts_seconds} after {self._last_seconds}; call reset() before "
                "another video"
            )
        self._size, self._last_seconds, self._num_frames = size, frame.pts_seconds, frame.index + 1
        return frame

    def _update(self, frame: Frame, bgr: bool) -> TrackedPoses:
        self._is_bgr = bgr
        poses, ids = self._step.link(frame)
        people = self._step.people(frame, poses, ids)
        self._warn_of_channels(frame, people, bgr)
        if not self._waits:
            return self._choose(people)
        nobody = TrackedPoses(-1, 0.0, poses[ids < 0], ids[ids < 0])
        return next((self._choose(_tracked(*entry)) for entry in self._window.push(((frame, poses), ids))), nobody)

    def _warn_of_channels(self, frame: Frame, people: TrackedPoses, bgr: bool) -> None:
        if self._channels.looks_like_bgr(frame.image, people):
            given, remedy = ("BGR", "leave bgr=True out") if bgr else ("RGB", "images of OpenCV need bgr=True")
            logger.warning("faces are bluer than red in the images, which were given as %s; %s", given, remedy)


def _swapped(image: ImageArray) -> ImageArray:
    """The image with red and blue exchanged. image: (H, W, 3), or (H, W, 4) with its opacity."""
    return np.ascontiguousarray(image[..., [2, 1, 0, *range(3, image.shape[2])]])


def _tracked(item: tuple[Frame, Poses], ids: IntArray) -> TrackedPoses:
    (frame, poses), has_track = item, ids > 0
    return TrackedPoses(frame.index, frame.pts_seconds, poses[has_track], ids[has_track], frame.image_name)


def _dotted(sections: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted keys with their values as text.

    >>> dict(_dotted({"device": "cpu", "tracker": {"flow": {"method": "none"}, "buffer_seconds": 2}}))
    {'device': 'cpu', 'tracker.flow.method': 'none', 'tracker.buffer_seconds': '2'}
    """
    for key, value in sections.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "null" if value is None else str(list(value) if isinstance(value, tuple) else value)
