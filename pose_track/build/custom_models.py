"""Models of other people in the chain: any function that finds boxes, or the joints in boxes, as one of its stages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.build.stages import build_detector, build_estimator, put_together
from pose_track.config.settings import Settings, StageSettings
from pose_track.geometry.boxes import clip_boxes, iou_matrix, nonempty
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.track_video import Estimator, FrameDetector, WindowDetector
from pose_track.pose.estimator import PoseEstimator, suppress_duplicates
from pose_track.runtime.device import resolve_device
from pose_track.runtime.select import resolve_runtime
from pose_track.structures.frames import Detections, FloatArray, Frame, ImageArray, Poses
from pose_track.structures.skeleton import Skeleton, check_skeleton

ImageDetector = Callable[[ImageArray], Detections]
Weights = dict[str, str]  # what the header of the results says of them

_DEFAULTS = Settings()


def custom_stages(
    detect: ImageDetector | None = None,
    estimate: Estimator | None = None,
    skeleton: Skeleton | None = None,
    settings: StageSettings = _DEFAULTS,
) -> Stages:
    """As `build_stages`, with a detector or an estimator of your own, or both; the rest is as the settings say.

    detect: picture, (H, W, 3) uint8 RGB -> boxes of the people in it, in its pixels; frame after frame, in order.
    estimate: picture and boxes -> poses of the people in these, in pixels of the picture, in any order; fewer than
    boxes where some hold nobody. Also called for people whom the tracker expects. skeleton: of these poses. Both are
    called from threads of the pipeline, never at the same time.

    What they return is checked: TypeError or ValueError names the function and the fault. Of the settings of a stage
    that is given here only detector.every and pose.max_oks have an effect. Raises ValueError where neither is given,
    for an estimator without skeleton or the reverse, for joints without an OKS deviation, and as `build_stages` does;
    TypeError for a skeleton that is none, such as its name.
    """
    if detect is None and estimate is None:
        raise ValueError("custom_stages needs detect or estimate; without either use build_stages")
    if (estimate is None) != (skeleton is None):
        raise ValueError("custom_stages needs estimate and skeleton together; SKELETONS has the usual ones")
    device = resolve_device(settings.device)
    resolve_runtime(settings.runtime, device)
    turns = threading.Lock()
    poser, of_pose = _choose_estimator(estimate, skeleton, settings, device, turns)  # first, as in `build_stages`
    finder, of_detector = _choose_detector(detect, settings, device, turns)
    weights = {"detector": of_detector, "pose": of_pose}
    return put_together(finder, poser, poser.skeleton, weights, settings, device)


def _choose_estimator(
    estimate: Estimator | None, skeleton: Skeleton | None, settings: StageSettings, device: str, turns: threading.Lock
) -> tuple[PoseEstimator | CustomEstimator, Weights]:
    if estimate is None or skeleton is None:
        return build_estimator(settings, device)
    _check_joints_known(skeleton)
    return CustomEstimator(estimate, skeleton, turns, settings.pose.max_oks), {"callable": name_of(estimate)}


def _choose_detector(
    detect: ImageDetector | None, settings: StageSettings, device: str, turns: threading.Lock
) -> tuple[FrameDetector | WindowDetector, Weights]:
    if detect is not None:
        return CustomDetector(detect, turns), {"callable": name_of(detect)}
    return build_detector(settings, device)


def _check_joints_known(skeleton: Skeleton) -> None:
    check_skeleton(skeleton)
    try:
        _ = skeleton.sigmas
    except KeyError as error:
        raise ValueError(f"no OKS deviation is known of {error}, a joint of {skeleton.name!r}; leave it out") from None


def name_of(model: Callable[..., object]) -> str:
    """Where a function is defined; of an object that is called, its class.

    >>> name_of(nonempty)
    'pose_track.geometry.boxes.nonempty'
    """
    inner = getattr(model, "func", model)  # of a functools.partial
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{named.__module__}.{named.__qualname__}"


class CustomDetector:
    """A function from pictures to boxes as the detector of frames. turns: held while it is at work."""

    def __init__(self, detect: ImageDetector, turns: threading.Lock) -> None:
        self._detect, self._turns = detect, turns
        self._who = f"detect ({name_of(detect)})"

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of the frame, without those that are empty or wholly outside. Raises TypeError or ValueError."""
        with self._turns:
            found = of_kind(self._detect(frame.image), Detections, self._who)
            check_boxes(found.boxes, frame.image, self._who)
            scores = checked_scores("scores", found.scores, self._who)
            copied = Detections(found.boxes.copy(), scores, found.sources)  # the function may use its memory again
        return copied[within(copied, frame.image, self._who)]


class CustomEstimator:
    """A function from a picture and boxes to poses as the estimator.

    skeleton: of the poses. turns: held while the function is at work. max_oks: as of `PoseEstimator`.
    """

    def __init__(self, estimate: Estimator, skeleton: Skeleton, turns: threading.Lock, max_oks: float) -> None:
        self.skeleton = skeleton
        self._estimate, self._turns, self._max_oks = estimate, turns, max_oks
        self._who = f"estimate ({name_of(estimate)})"
        self._num_features: int | None = None  # of a joint, unknown before the first poses

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """Of each picture the poses, as the function gives them, doubles too; it is not asked where there is no box.
        Raises TypeError or ValueError."""
        return [self._of_frame(image, found) for image, found in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        """The poses of one frame in falling order of score, without those too similar to a better one."""
        return suppress_duplicates(poses, self._max_oks)

    def _of_frame(self, image: ImageArray, detections: Detections) -> Poses:
        detections = detections[nonempty(detections.boxes)]
        if not len(detections):
            return Poses.empty(self.skeleton)
        with self._turns:
            poses = of_kind(self._estimate(image, detections), Poses, self._who)
            return self._checked(poses, image, detections) if len(poses) else Poses.empty(self.skeleton)

    def _checked(self, poses: Poses, image: ImageArray, detections: Detections) -> Poses:
        """The same poses in memory of their own, each with the source of the box that it fills best."""
        self._check_form(poses)
        check_boxes(poses.boxes, image, self._who)
        check_joints(poses, image, self._who)
        sources = detections.sources[iou_matrix(poses.boxes, detections.boxes).argmax(axis=1)]  # type: ignore[index]
        return Poses(
            poses.joints.copy(),
            checked_scores("joint_scores", poses.joint_scores, self._who),
            poses.boxes.copy(),
            checked_scores("scores", poses.scores, self._who),
            self.skeleton,
            sources,
            poses.features.copy() if poses.features is not None else None,
        )

    def _check_form(self, poses: Poses) -> None:
        if poses.skeleton != self.skeleton:
            forms = [f"{s.name} ({s.num_joints} joints)" for s in (poses.skeleton, self.skeleton)]
            raise ValueError(f"{self._who} returned poses of {forms[0]}, but custom_stages was given {forms[1]}")
        number = 0 if poses.features is None else poses.features.shape[2]
        if self._num_features not in (None, number):
            before = f"{number} features a joint after {self._num_features}"
            raise ValueError(f"{self._who} returned {before}; give all poses the same, or none")
        self._num_features = number


Found = TypeVar("Found", Detections, Poses)


_FEW_PIXELS = 2.0  # no box and nobody ends so near the corner of a picture; shares of it do


_ROUNDING = 1e-3  # by which a score may leave [0, 1]


def of_kind(found: object, kind: type[Found], who: str) -> Found:
    """What was found, if it is of the kind. Raises TypeError."""
    if not isinstance(found, kind):
        raise TypeError(f"{who} returned {type(found).__name__}; it must return pose_track.{kind.__name__}")
    return found


def check_boxes(boxes: FloatArray, image: ImageArray, who: str) -> None:
    """Raises ValueError for (N, 4) boxes that cannot be x1 y1 x2 y2 in pixels of the picture."""
    if not np.isfinite(boxes).all():
        raise ValueError(f"{who} returned boxes that are not finite: {boxes.tolist()}")
    reversed_ = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if reversed_.any():
        box = boxes[reversed_][0].tolist()
        raise ValueError(f"{who} returned the box {box}; it must be x1 y1 x2 y2 of two corners, not x y width height")
    _check_pixels("boxes", boxes, image, who)


def check_joints(poses: Poses, image: ImageArray, who: str) -> None:
    """Raises ValueError for joints that cannot be pixels of the picture, and for numbers that are none."""
    if not np.isfinite(poses.joints).all():
        raise ValueError(f"{who} returned joints that are not finite; give an absent one score 0 and any position")
    if poses.features is not None and not np.isfinite(poses.features).all():
        raise ValueError(f"{who} returned features that are not finite; give an unknown joint zeros")
    _check_pixels("joints", poses.joints[poses.joint_scores > 0], image, who)


def _check_pixels(name: str, places: FloatArray, image: ImageArray, who: str) -> None:
    if places.size and np.abs(places).max() <= _FEW_PIXELS:
        raise ValueError(f"{who} returned {name} up to {places.max():.3f}; give pixels of the picture, {_size(image)}")


def checked_scores(name: str, scores: FloatArray, who: str) -> FloatArray:
    """A copy within [0, 1], which rounding alone may have left."""
    if not np.all((scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING)):
        low, high = scores.min(), scores.max()
        raise ValueError(f"{who} returned {name} from {low:.3f} to {high:.3f}; they must lie in [0, 1]")
    return np.clip(scores, 0, 1)


def within(found: Detections, image: ImageArray, who: str) -> NDArray[np.bool_]:
    """(N,) which boxes have an extent and lie, in part, in the picture. Raises ValueError where none of them does."""
    some = nonempty(found.boxes)
    inside = some & nonempty(clip_boxes(found.boxes, (image.shape[1], image.shape[0])))
    if some.any() and not inside.any():
        box = found.boxes[some][0].tolist()
        raise ValueError(f"{who} returned the box {box} and none within the picture; give pixels of it, {_size(image)}")
    return inside


def _size(image: ImageArray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
