"""Models of other people in the chain: any function that finds boxes, or the joints in boxes, as one of its stages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from pose_track.build import Stages, build_detector, build_estimator, put_together
from pose_track.geometry.boxes import iou_matrix, nonempty
from pose_track.own_checks import check_boxes, check_joints, checked_scores, of_kind, within
from pose_track.pipeline import Estimator, FrameDetector, WindowDetector
from pose_track.pose.estimator import PoseEstimator, without_doubles
from pose_track.runtime.choose import resolve_runtime
from pose_track.runtime.device import resolve_device
from pose_track.settings import Settings, StageSettings
from pose_track.skeleton import Skeleton, check_skeleton
from pose_track.types import Detections, Frame, ImageArray, Poses

PictureDetector = Callable[[ImageArray], Detections]
Weights = dict[str, str]  # what the header of the results says of them

_DEFAULTS = Settings()


def own_stages(
    detect: PictureDetector | None = None,
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
        raise ValueError("own_stages needs detect or estimate; without either use build_stages")
    if (estimate is None) != (skeleton is None):
        raise ValueError("own_stages needs estimate and skeleton together; SKELETONS has the usual ones")
    device = resolve_device(settings.device)
    resolve_runtime(settings.runtime, device)
    turns = threading.Lock()
    poser, of_pose = _choose_estimator(estimate, skeleton, settings, device, turns)  # first, as in `build_stages`
    finder, of_detector = _choose_detector(detect, settings, device, turns)
    weights = {"detector": of_detector, "pose": of_pose}
    return put_together(finder, poser, poser.skeleton, weights, settings, device)


def _choose_estimator(
    estimate: Estimator | None, skeleton: Skeleton | None, settings: StageSettings, device: str, turns: threading.Lock
) -> tuple[PoseEstimator | OwnEstimator, Weights]:
    if estimate is None or skeleton is None:
        return build_estimator(settings, device)
    _check_joints_known(skeleton)
    return OwnEstimator(estimate, skeleton, turns, settings.pose.max_oks), {"callable": name_of(estimate)}


def _choose_detector(
    detect: PictureDetector | None, settings: StageSettings, device: str, turns: threading.Lock
) -> tuple[FrameDetector | WindowDetector, Weights]:
    if detect is not None:
        return OwnDetector(detect, turns), {"callable": name_of(detect)}
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


class OwnDetector:
    """A function from pictures to boxes as the detector of frames. turns: held while it is at work."""

    def __init__(self, detect: PictureDetector, turns: threading.Lock) -> None:
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


class OwnEstimator:
    """A function from a picture and boxes to poses as the estimator.

    skeleton: of the poses. turns: held while the function is at work. max_oks: as of `PoseEstimator`.
    """

    def __init__(self, estimate: Estimator, skeleton: Skeleton, turns: threading.Lock, max_oks: float) -> None:
        self.skeleton = skeleton
        self._estimate, self._turns, self._max_oks = estimate, turns, max_oks
        self._who = f"estimate ({name_of(estimate)})"
        self._num_features: int | None = None  # of a joint, unknown before the first poses

    def of_frames(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """Of each picture the poses, as the function gives them, doubles too; it is not asked where there is no box.
        Raises TypeError or ValueError."""
        return [self._of_frame(image, found) for image, found in zip(images, detections, strict=True)]

    def without_doubles(self, poses: Poses) -> Poses:
        """The poses of one frame in falling order of score, without those too similar to a better one."""
        return without_doubles(poses, self._max_oks)

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
            raise ValueError(f"{self._who} returned poses of {forms[0]}, but own_stages was given {forms[1]}")
        number = 0 if poses.features is None else poses.features.shape[2]
        if self._num_features not in (None, number):
            before = f"{number} features a joint after {self._num_features}"
            raise ValueError(f"{self._who} returned {before}; give all poses the same, or none")
        self._num_features = number
