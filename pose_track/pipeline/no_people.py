"""Why a run found nobody: what the tracker was given, kept in a few figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pose_track.config.settings import Settings
from pose_track.structures.frames import Frame, Poses

_NEARLY_BLACK = 32  # of 255
_PIXEL_STEP = 4  # every fourth pixel of every fourth row is looked at


@dataclass(frozen=True)
class Evidence:
    """What there was of people in a video.

    num_poses: poses of all frames, tracked or not.
    best_score: the highest person score of these.
    brightest: the highest value, 0 to 255, of the frames before the first pose.
    """

    num_poses: int = 0
    best_score: float = 0.0
    brightest: int = 0

    def with_frame(self, poses: Poses, frame: Frame) -> Evidence:
        """The evidence with the poses of one more frame."""
        if len(poses):
            best_score = max(self.best_score, float(poses.scores.max()))
            return replace(self, best_score=best_score, num_poses=self.num_poses + len(poses))
        if self.num_poses:
            return self
        brightest = int(frame.image[::_PIXEL_STEP, ::_PIXEL_STEP].max())
        return replace(self, brightest=max(self.brightest, brightest))

    def reason(self, settings: Settings) -> str:
        """The likeliest reason why nobody was tracked, and a remedy."""
        if not self.num_poses:
            return self._reason_without_poses(settings)
        tracker = settings.tracker
        start = max(tracker.min_start_score, tracker.min_high_score)
        if self.best_score < start:
            name = "min_start_score" if tracker.min_start_score == start else "min_high_score"
            return (
                f"the best of {self.num_poses} poses has the score {self.best_score:.2f}, and a track starts from "
                f"{start:.2f} on; lower --tracker.{name}"
            )
        if settings.people.region is not None:
            return f"there are {self.num_poses} poses, but nobody stands in people.region; check its corners"
        return (
            f"there are {self.num_poses} poses, but nobody in {tracker.min_confirm_frames} successive frames; lower "
            "--tracker.min_confirm_frames"
        )

    def _reason_without_poses(self, settings: Settings) -> str:
        if self.brightest < _NEARLY_BLACK:
            return f"the images are nearly black, their highest value is {self.brightest} of 255; brighten them"
        detector = settings.detector
        if detector.name == "recorded":
            return (
                f"{str(detector.boxes)!r} has no box for these frames with a score from {detector.min_score:.2f} on; "
                "check its frame numbers, and --detector.min_score"
            )
        name = detector.weights or detector.name
        return (
            f"the detector {name} found nobody with a score from {detector.min_score:.2f} on; lower "
            "--detector.min_score, or take --preset accurate for small people"
        )


NOTHING_SEEN = Evidence()
