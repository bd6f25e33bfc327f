"""Frames in, tracked people out, one at a time and without delay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from pose_track.pipeline.stages import Stages
from pose_track.pipeline.steps import Inference, Linking, as_batch_detector, as_batch_estimator
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Frame, Poses, TrackedPoses
from pose_track.tracking.linker import PoseLinker


class FrameTracker:
    """Detector, estimator and tracker, one frame at a time. A context manager that ends its thread.

    The optical flow of a frame is computed beside its networks, so that its result comes earlier.
    """

    def __init__(self, stages: Stages, tracker: PoseLinker) -> None:
        estimate = as_batch_estimator(stages.estimate)
        self._tracker = tracker
        detect = as_batch_detector(stages.detect)
        self._infer = Inference(detect, estimate, stages.detect_every, stages.profile, stages.pose_every)
        self._linking = Linking(estimate, tracker, stages.profile)
        self._is_confirmed = tracker.online_confirmation()
        self._executor = ThreadPoolExecutor(1, "optical flow")

    def link(self, frame: Frame) -> tuple[Poses, IntArray]:
        """All poses of the next frame, and their (N,) track ids; 0 for a pose without a track."""
        proposed = self._executor.submit(self._linking.propose, frame)
        try:
            (inferred,) = self._infer([frame])
        finally:
            boxes = proposed.result()
        (_, poses), ids = self._linking.link(inferred, boxes)
        return poses, ids

    def people(self, frame: Frame, poses: Poses, ids: IntArray) -> TrackedPoses:
        """Those of the poses that have a track; call it for each frame once. Unconfirmed tracks are marked."""
        has_track, confirmed = ids > 0, self._is_confirmed(ids)
        return TrackedPoses(
            frame.index, frame.pts_seconds, poses[has_track], ids[has_track], frame.image_name, confirmed[has_track]
        )

    def close(self) -> None:
        self._executor.shutdown()

    def __enter__(self) -> FrameTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
