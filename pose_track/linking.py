"""From the tracker's settings to the tracker, without PyTorch, so that poses from a file are linked in a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from pose_track.track.association import Association
from pose_track.track.matching import MATCHERS
from pose_track.track.propagation import Flow, Propagation
from pose_track.track.similarity import Similarity
from pose_track.track.tracker import PoseTracker, Timed
from pose_track.tracker_settings import FlowSettings, TrackerSettings
from pose_track.types import Frame, IntArray, Poses
from pose_track.weight_files import flow_weights


def build_tracker(
    settings: TrackerSettings,
    fps: Fraction,
    has_pictures: bool = False,
    device: str = "cpu",
    detect_every: int = 1,
) -> PoseTracker:
    """The tracker for a video of `fps` frames a second. Where there are no pictures, there is no optical flow.

    device: where a network for the flow runs. detect_every: people are looked for in every so-manieth frame only, and
    confirmed once they were found in successive ones of these. Raises what `flow.make_flow` does where its weights are
    not to be had.
    """
    similarity = Similarity(settings.weights.model_dump(), settings.gates.model_dump(), settings.widening)
    associate = Association(
        similarity,
        MATCHERS[settings.matching],
        settings.min_similarity,
        settings.min_sure_score,
        settings.min_unsure_similarity,
        settings.min_reentry_appearance if settings.reentry_seconds else 1.0,
    )
    return PoseTracker(
        associate,
        round(settings.buffer_seconds * fps),
        round(settings.reentry_seconds * fps),
        max(settings.min_start_score, settings.min_sure_score),  # nor may the double of somebody sure begin a track
        (settings.min_confirm_frames - 1) * detect_every + 1,
        _build_flow(settings.flow, device) if has_pictures else None,
        Propagation(
            settings.flow.max_frames,
            max(2, settings.min_confirm_frames),
            settings.flow.min_score,
            unsure_frames=detect_every - 1,
        ),
        settings.flow.carried_frames,
    )


def _build_flow(settings: FlowSettings, device: str) -> Flow | None:
    if settings.method == "none":
        return None
    from pose_track.flow.optical_flow import make_flow  # OpenCV, perhaps PyTorch: not for linking without pictures

    return make_flow(settings.method, settings.long_side, weights=flow_weights(settings), device=device)


def link_poses(
    frames: Iterable[tuple[Timed, Poses]], settings: TrackerSettings, fps: Fraction, has_pictures: bool = False
) -> Iterator[IntArray]:
    """For each frame, in order, the (N,) ids of its poses; 0 for one that is not in the output.

    Results come settings.min_confirm_frames - 1 frames late. With `has_pictures` every frame must be a `Frame`.
    """
    tracker = build_tracker(settings, fps, has_pictures)

    def linked() -> Iterator[tuple[None, IntArray]]:
        for frame, poses in frames:
            if isinstance(frame, Frame):
                tracker.propose(frame)  # for the flow; nobody is there to look at the boxes
            yield None, tracker.assign(poses, frame)

    return (ids for _, ids in tracker.confirmed(linked()))
