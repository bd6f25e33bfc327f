"""Frames in, tracked people out, in order; the stages run concurrently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from pose_track.pipeline.steps import (
    BatchDetector,
    BatchEstimator,
    Estimator,
    FrameDetector,
    Inference,
    InferredFrame,
    LinkedFrame,
    Linking,
    Tracker,
    as_batch_detector,
    as_batch_estimator,
)
from pose_track.structures.frames import Frame, TrackedPoses
from pose_track.utils.prefetch import Prefetcher
from pose_track.utils.profiler import NULL_PROFILER, Profiler

T = TypeVar("T")

FRAMES_PER_BATCH = 4


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last one may be shorter. Items before an error of `items` are yielded first.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    batch: list[T] = []
    raised = None
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except Exception as error:  # raised again below
        raised = error
    if batch:
        yield batch
    if raised is not None:
        raise raised


def track_video(
    frames: Iterable[Frame],
    detect: FrameDetector | BatchDetector,
    estimate: Estimator | BatchEstimator,
    tracker: Tracker,
    detect_every: int = 1,
    frames_per_batch: int = FRAMES_PER_BATCH,
    check: Callable[[], None] = lambda: None,
    profile: Profiler = NULL_PROFILER,
    pose_every: int = 1,
) -> Iterator[tuple[Frame, TrackedPoses]]:
    """Yield each frame with its tracked people, in order, including frames without people.

    detect: frame -> boxes, in pixels of the frame.
    estimate: image and boxes -> poses, in pixels of the frame. Boxes that the tracker proposes are estimated in a
        second call.
    detect_every: run the detector on the first frame and on every n-th frame after it.
    frames_per_batch: number of frames that detector and estimator take at once.
    check: called before each frame is linked; an exception from it ends the video there.
    profile: records the time of each stage.
    pose_every: estimate everybody on the first frame and on every n-th frame after it, and in the others only those
        whose poses the tracker cannot carry on.

    Decoding and networks run ahead of the tracker, in threads of their own. An exception of a stage is raised after the
    frames before it were yielded. Memory does not grow with the number of frames. Close the generator to stop early.
    """
    tracker.reset()
    estimate = as_batch_estimator(estimate)
    infer = Inference(as_batch_detector(detect), estimate, detect_every, profile, pose_every)
    linking = Linking(estimate, tracker, profile)

    def link(estimated: Iterable[InferredFrame]) -> Iterator[LinkedFrame]:
        for inferred in estimated:
            check()
            yield linking.link(inferred, linking.propose(inferred[0]))

    with Prefetcher() as prefetcher:
        batches = prefetcher.prefetch(batched(profile.timed_items("decode", frames), frames_per_batch), 1)
        estimated = prefetcher.prefetch(chain.from_iterable(infer(batch) for batch in batches), frames_per_batch)
        for (frame, poses), ids in tracker.confirm(link(estimated)):
            has_track = ids > 0
            people, track_ids = poses[has_track], ids[has_track]
            yield frame, TrackedPoses(frame.index, frame.pts_seconds, people, track_ids, frame.image_name)
