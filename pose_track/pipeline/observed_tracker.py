"""The tracker of a run: it notes what there was of people, gives its state now and then, and goes on from one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pose_track.pipeline.run_state import TrackingState
from pose_track.pipeline.steps import LinkedFrame
from pose_track.structures.arrays import IntArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.linker import LinkerState, PoseLinker


class ObservedTracker:
    """A `PoseLinker` as `track_video` takes it.

    state_every: the state is taken after each so many frames: where a batch of frames begins and the detector runs, so
        that what follows is calculated in the same batches as in an unbroken run.
    states: by the index of a frame, the state after it; whoever takes the frame takes its state out.
    evidence: what there was of people so far.
    """

    def __init__(self, linker: PoseLinker, state_every: int) -> None:
        self._linker, self._state_every = linker, state_every
        self.states: dict[int, TrackingState] = {}
        self.resume(TrackingState(LinkerState()), ())

    def resume(self, state: TrackingState, waiting: Sequence[Frame]) -> None:
        """Begin at a state in place of the first frame. waiting: the frames of the poses that wait there."""
        self._start = state
        linked = zip(waiting, state.waiting, strict=True)
        self._start_waiting: list[LinkedFrame] = [((frame, poses), ids) for frame, (poses, ids) in linked]
        self.reset()

    def reset(self) -> None:
        """Go back to where tracking begins."""
        self._linker.restore(self._start.linker)
        self._num_linked, self.evidence = self._start.num_linked, self._start.evidence
        self._waiting = deque(self._start_waiting)
        self._is_linking = True

    def propose(self, frame: Frame) -> Detections:
        return self._linker.propose(frame)

    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]:
        return self._linker.carry(detected, skeleton)

    def assign(self, poses: Poses, frame: Frame) -> IntArray:
        self.evidence = self.evidence.with_frame(poses, frame)
        return self._linker.assign(poses, frame)

    @property
    def poses(self) -> Poses:
        return self._linker.poses

    def confirm(self, linked: Iterable[LinkedFrame]) -> Iterator[LinkedFrame]:
        for (frame, poses), ids in self._linker.confirm(self._counted(linked)):
            self._waiting.popleft()
            # after the last frame, or an error, the frames that wait are confirmed in another way
            if self._is_linking and self._num_linked % self._state_every == 0:
                self.states[frame.index] = self._state()
            yield (frame, poses), ids

    def _counted(self, linked: Iterable[LinkedFrame]) -> Iterator[LinkedFrame]:
        """The frames that wait from the start, then the others."""
        yield from self._start_waiting
        try:
            for entry in linked:
                self._waiting.append(entry)
                self._num_linked += 1
                yield entry
        finally:
            self._is_linking = False

    def _state(self) -> TrackingState:
        waiting = tuple((replace(poses, features=None, second_peaks=None), ids) for (_, poses), ids in self._waiting)
        return TrackingState(self._linker.state(), self._num_linked, waiting, self.evidence)
