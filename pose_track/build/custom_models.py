"""Stages with a detector or a pose estimator of the user: any function that returns boxes, or poses in boxes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from pose_track.build.custom_checks import (
    boxes_in_image,
    check_boxes,
    check_joints,
    check_scores,
    check_type,
)
from pose_track.build.stages import Description, assemble_stages, build_detector_beside, build_estimator
from pose_track.config.settings import Settings, StageSettings
from pose_track.detection.one_stage import OneStageNetwork
from pose_track.geometry.boxes import iou_matrix, nonempty
from pose_track.pipeline.stages import Stages
from pose_track.pipeline.steps import BatchDetector, Estimator, FrameDetector
from pose_track.pose.estimator import PoseEstimator, suppress_duplicates
from pose_track.runtime.device import resolve_device
from pose_track.runtime.select import resolve_runtime
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import Skeleton, check_skeleton

ImageDetector = Callable[[ImageArray], Detections]

_DEFAULTS = Settings()


def custom_stages(
    detect: ImageDetector | None = None,
    estimate: Estimator | None = None,
    skeleton: Skeleton | None = None,
    settings: StageSettings = _DEFAULTS,
) -> Stages:
    """As `build_stages`, with your own detector, your own estimator, or both.

    Both functions are called from threads of the pipeline, never at the same time. What they return is checked:
    TypeError or ValueError names the function and the problem.

    detect: image (H, W, 3) uint8 RGB -> boxes of the people in its pixels. It is called frame after frame, in order.
    estimate: image and boxes -> poses in pixels of the image, in any order; fewer than boxes if some hold nobody. It is
        also called for people whom the tracker expects.
    skeleton: of these poses.
    settings: of the rest. For a stage of yours only detector.every and pose.max_oks have an effect.

    Raises ValueError if neither function is given, for an estimator without skeleton or the reverse, and as
    `build_stages`; TypeError for a skeleton of another type, such as its name.
    """
    if detect is None and estimate is None:
        raise ValueError("custom_stages needs detect or estimate; without either use build_stages")
    if (estimate is None) != (skeleton is None):
        raise ValueError("custom_stages needs estimate and skeleton together; SKELETONS has the usual ones")
    device = resolve_device(settings.device)
    resolve_runtime(settings.runtime.name, device, settings.runtime.precision)
    lock = threading.Lock()
    # the estimator first, as in `build_stages`
    estimator, pose_description = _build_estimator(estimate, skeleton, settings, device, lock)
    detector, detector_description = _build_detector(detect, estimator, pose_description, settings, device, lock)
    descriptions = {"detector": detector_description, "pose": pose_description}
    return assemble_stages(detector, estimator, estimator.skeleton, descriptions, settings, device)


def _build_estimator(
    estimate: Estimator | None, skeleton: Skeleton | None, settings: StageSettings, device: str, lock: threading.Lock
) -> tuple[PoseEstimator | OneStageNetwork | CustomEstimator, Description]:
    if estimate is None or skeleton is None:
        return build_estimator(settings, device)
    check_skeleton(skeleton)
    return CustomEstimator(estimate, skeleton, lock, settings.pose.max_oks), {"callable": qualified_name(estimate)}


def _build_detector(
    detect: ImageDetector | None,
    estimator: PoseEstimator | OneStageNetwork | CustomEstimator,
    description: Description,
    settings: StageSettings,
    device: str,
    lock: threading.Lock,
) -> tuple[FrameDetector | BatchDetector, Description]:
    if detect is None:
        return build_detector_beside(estimator, description, settings, device)
    return CustomDetector(detect, lock), {"callable": qualified_name(detect)}


def qualified_name(function: Callable[..., object]) -> str:
    """The module and name of a function; for a callable object, of its class.

    >>> qualified_name(nonempty)
    'pose_track.geometry.boxes.nonempty'
    """
    inner = getattr(function, "func", function)  # of a functools.partial
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{named.__module__}.{named.__qualname__}"


class CustomDetector:
    """A user's function from images to boxes as a detector of frames. lock: held during the function's calls."""

    def __init__(self, detect: ImageDetector, lock: threading.Lock) -> None:
        self._detect, self._lock = detect, lock
        self._function = f"detect ({qualified_name(detect)})"

    def __call__(self, frame: Frame) -> Detections:
        """The boxes of the frame, without empty ones and those wholly outside. Raises TypeError or ValueError."""
        with self._lock:
            detections = check_type(self._detect(frame.image), Detections, self._function)
            check_boxes(detections.boxes, frame.image, self._function)
            scores = check_scores("scores", detections.scores, self._function)
            # copies, for the function may reuse its memory
            detections = Detections(detections.boxes.copy(), scores, detections.sources)
        return detections[boxes_in_image(detections, frame.image, self._function)]


class CustomEstimator:
    """A user's function from an image and boxes to poses as a pose estimator.

    skeleton: of the poses. lock: held during the function's calls. max_oks: as in `PoseEstimator`.
    """

    def __init__(self, estimate: Estimator, skeleton: Skeleton, lock: threading.Lock, max_oks: float) -> None:
        self.skeleton = skeleton
        self._estimate, self._lock, self._max_oks = estimate, lock, max_oks
        self._function = f"estimate ({qualified_name(estimate)})"
        self._num_features: int | None = None  # per joint; unknown before the first poses

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        """The poses in each image, as the function returns them, with duplicates. It is not called for an image without
        boxes. Raises TypeError or ValueError."""
        return [self._estimate_image(image, boxes) for image, boxes in zip(images, detections, strict=True)]

    def suppress_duplicates(self, poses: Poses) -> Poses:
        """The poses of one frame by falling score, without those too similar to a better one."""
        return suppress_duplicates(poses, self._max_oks)

    def _estimate_image(self, image: ImageArray, detections: Detections) -> Poses:
        detections = detections[nonempty(detections.boxes)]
        if not len(detections):
            return Poses.empty(self.skeleton)
        with self._lock:
            poses = check_type(self._estimate(image, detections), Poses, self._function)
            return self._checked_copy(poses, image, detections) if len(poses) else Poses.empty(self.skeleton)

    def _checked_copy(self, poses: Poses, image: ImageArray, detections: Detections) -> Poses:
        """A copy of the poses, each with the source of the box that it overlaps most."""
        self._check_skeleton_and_features(poses)
        check_boxes(poses.boxes, image, self._function)
        check_joints(poses, image, self._function)
        sources = detections.sources[iou_matrix(poses.boxes, detections.boxes).argmax(axis=1)]  # type: ignore[index]
        return Poses(
            poses.joints.copy(),
            check_scores("joint_scores", poses.joint_scores, self._function),
            poses.boxes.copy(),
            check_scores("scores", poses.scores, self._function),
            self.skeleton,
            sources,
            poses.features.copy() if poses.features is not None else None,
        )

    def _check_skeleton_and_features(self, poses: Poses) -> None:
        if poses.skeleton != self.skeleton:
            returned, given = (f"{s.name} ({s.num_joints} joints)" for s in (poses.skeleton, self.skeleton))
            raise ValueError(f"{self._function} returned poses of {returned}, but custom_stages was given {given}")
        num_features = 0 if poses.features is None else poses.features.shape[2]
        if self._num_features not in (None, num_features):
            change = f"{num_features} features per joint after {self._num_features}"
            raise ValueError(f"{self._function} returned {change}; return the same number for all poses, or none")
        self._num_features = num_features
