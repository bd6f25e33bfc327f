"""The effect of each setting of the tracker: the same observation with two values, for `test_setting_effects`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from limbs.standing_people import exchanged, standing, with_doubled_joint
from stub_stages import estimate_on_diagonal
from tracking.synthetic_people import FPS, GREEN, RED, blank_frames, frame_times, people_at

from pose_track.build.tracker import build_tracker
from pose_track.config.settings import Settings
from pose_track.linking.poses import link_poses
from pose_track.pipeline.track_video import track_video
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import POSETRACK_15

Observation = Callable[[Settings, object], object]


def ids_of(*frames: Poses) -> Observation:
    """Track ids in successive frames, at 10 frames per second."""

    def observe(settings: Settings, world: object) -> list[list[int]]:
        linked = link_poses(zip(frame_times(len(frames)), frames, strict=True), settings.tracker, FPS)
        return [ids.tolist() for ids in linked]

    return observe


def last_ids_of(*frames: Poses) -> Observation:
    def observe(settings: Settings, world: object) -> list[int]:
        return ids_of(*frames)(settings, world)[-1]  # type: ignore[index, no-any-return]

    return observe


def texture() -> ImageArray:
    """(128, 400, 3) coarse and fine texture, for optical flow."""
    noise = np.random.default_rng(0).normal(size=(128, 400))
    blobs = sum(size * cv2.GaussianBlur(noise, (0, 0), size) for size in (2, 6, 18))
    grey = 255 * (blobs - np.min(blobs)) / np.ptp(blobs)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def ids_under_pan(settings: Settings, world: object) -> list[list[int]]:
    """The camera pans by 20 px per frame, the distance between the two people."""
    frames = [replace(f, image=np.ascontiguousarray(texture()[:, 20 * f.index :][:, :192])) for f in blank_frames(3)]
    poses = [people_at((100 - 20 * f.index, 64), (120 - 20 * f.index, 64), scale=0.2) for f in frames]
    linked = link_poses(zip(frames, poses, strict=True), settings.tracker, FPS, has_images=True)
    return [ids.tolist() for ids in linked]


def ids_after_a_jump(settings: Settings, world: object) -> list[list[int]]:
    """Somebody stands in front of a camera at rest; in the last image a person in like clothes is beside them."""
    frames = [replace(frame, image=texture()[:, :192]) for frame in blank_frames(6)]
    poses = [people_at((80 + 20 * (f.index == 5), 64), scale=0.2, appearance=[RED]) for f in frames]
    linked = link_poses(zip(frames, poses, strict=True), settings.tracker, FPS, has_images=True)
    return [ids.tolist() for ids in linked][4:]


def sources_of_person(settings: Settings, world: object) -> list[str]:
    """Source of the person in each of six frames; the detector fails in frames 3 and 4."""

    def detect(frame: Frame) -> Detections:
        return Detections.empty() if frame.index in (3, 4) else Detections([[60, 20, 100, 100]], [0.9])  # type: ignore[arg-type]

    frames = [replace(frame, image=texture()[:, :192]) for frame in blank_frames(6)]
    tracker = build_tracker(settings.tracker, FPS, has_images=True)
    found = [tracked.poses.sources for _, tracked in track_video(frames, detect, estimate_on_diagonal, tracker)]
    return [" ".join(sources.tolist()) for sources in found if sources is not None]


def side_of_first_joint(settings: Settings, world: object) -> list[bool]:
    """Whether a person faces the camera in each of four images; the estimator exchanges left and right in the third."""

    def estimate(image: ImageArray, detections: Detections) -> Poses:
        person = standing(x=80, top=10)
        return exchanged(person) if image[0, 0, 0] == 2 else person

    images = [texture()[:, :192].copy() for _ in range(4)]
    for index, image in enumerate(images):
        image[0, 0] = index
    frames = [replace(frame, image=image) for frame, image in zip(blank_frames(4), images, strict=True)]
    tracker = build_tracker(settings.tracker, FPS, has_images=True)
    found = track_video(frames, lambda frame: Detections([[60, 20, 100, 100]], [0.9]), estimate, tracker)  # type: ignore[arg-type]
    left, right = (POSETRACK_15.index(f"{side}_shoulder") for side in ("left", "right"))
    return [bool(tracked.poses.joints[0, left, 0] > tracked.poses.joints[0, right, 0]) for _, tracked in found]


def place_of_jumping_wrist(settings: Settings, world: object) -> list[float]:
    """x of a person's left wrist in three images; in the last one both heatmaps are highest at the right wrist."""
    left, right = (POSETRACK_15.index(f"{side}_wrist") for side in ("left", "right"))
    person = standing(x=80, top=10)
    person = replace(person, second_peaks=np.zeros((1, 15, 3), np.float32))
    poses = [person, person, with_doubled_joint(person, left, right)]
    frames = [replace(frame, image=texture()[:, :192]) for frame in blank_frames(3)]
    tracker = build_tracker(settings.tracker, FPS, has_images=True)
    images = {id(frame.image): pose for frame, pose in zip(frames, poses, strict=True)}
    found = track_video(
        frames,
        lambda frame: Detections([[60, 20, 100, 100]], [0.9]),  # type: ignore[arg-type]
        lambda image, detections: images[id(image)],
        tracker,
    )
    return [float(tracked.poses.joints[0, left, 0]) for _, tracked in found]


def flow_arguments(settings: Settings, world: object) -> list[object]:
    """The arguments with which the optical flow is built."""
    with (
        mock.patch("pose_track.weights.store.fetch_weights", lambda published: Path(published.name)),
        mock.patch("pose_track.flow.optical_flow.build_flow") as build,
    ):
        build_tracker(settings.tracker, FPS, has_images=True, device="cpu")
    return [*build.call_args.args, *build.call_args.kwargs.values()]


# independent of the presets
BASE = {
    **dict.fromkeys((f"tracker.weights.{cue}" for cue in ("flow", "iou", "appearance")), "0"),
    **dict.fromkeys((f"tracker.weights.{cue}" for cue in ("oks", "motion")), "1"),
    **dict.fromkeys(("tracker.reactivation_seconds", "tracker.min_high_score", "tracker.flow.max_frames"), "0"),
    "tracker.sigma_scale": "3", "tracker.matching": "hungarian", "tracker.min_similarity": "0.2",
    "tracker.min_low_score_similarity": "0.5", "tracker.min_start_score": "0.15", "tracker.buffer_seconds": "1",
    "tracker.min_confirm_frames": "1", "tracker.gate": "false", "tracker.lookback_seconds": "0",
}  # fmt: skip


def by(cue: str) -> dict[str, str]:
    """The settings of one cue alone."""
    return {"tracker.weights.oks": "0", "tracker.weights.motion": "0", f"tracker.weights.{cue}": "1"}


HERE, AWAY = people_at(0), people_at()
BOX_ELSEWHERE = replace(HERE, boxes=HERE.boxes + np.float32([60, 0, 60, 0]))  # IoU 1/7
JOINTS_ELSEWHERE = replace(HERE, joints=HERE.joints + 300)
SAME, NEW = [[1], [1]], [[1], [2]]
RED_AND_GREEN, GREEN_AND_RED = (people_at(0, 100, appearance=appearance) for appearance in ([RED, GREEN], [GREEN, RED]))
PASSING = [people_at(60 * i, 300 - 60 * i) for i in range(6)]
BACK = (
    people_at(0, appearance=[RED]),
    *[AWAY] * 15,
    people_at(200, appearance=[[0.9, 0.436, 0.0]]),
)  # appearance similarity 0.71
CROSSING = ids_of(people_at(16, 0, score=[0.9, 0.8]), people_at(12, 24))  # greedy and optimal assignment differ
DIS = {"tracker.flow.method": "dis"}
RAFT = {"tracker.flow.method": "raft_small"}
FOLLOWED = DIS | {"tracker.flow.max_frames": "2"}
SEEN, MISSED, FLOW = ["detector"] * 3, ["", ""], ["flow", "flow"]

# setting, other settings, observation, and the expected observation for each value
_EFFECTS: list[tuple[str, dict[str, str], Observation, dict[str, object]]] = [
    ("weights.oks", by("iou"), ids_of(HERE, BOX_ELSEWHERE), {"0": NEW, "5": SAME}),
    ("weights.flow", by("iou"), ids_of(HERE, BOX_ELSEWHERE), {"0": NEW, "5": SAME}),
    ("weights.flow", DIS, ids_under_pan, {"0": [[1, 2], [3, 1], [4, 3]], "50": [[1, 2]] * 3}),
    ("weights.motion", {}, last_ids_of(*PASSING), {"0": [2, 1], "5": [1, 2]}),
    ("weights.iou", {}, ids_of(HERE, JOINTS_ELSEWHERE), {"0": NEW, "5": SAME}),
    ("weights.appearance", {}, ids_of(RED_AND_GREEN, GREEN_AND_RED), {"0": [[1, 2], [1, 2]], "9": [[1, 2], [2, 1]]}),
    ("sigma_scale", {}, ids_of(HERE, people_at(50)), {"1": NEW, "3": SAME}),
    ("gate", by("appearance") | DIS, ids_after_a_jump, {"false": SAME, "true": NEW}),
    ("matching", by("iou"), CROSSING, {"greedy": [[1, 2], [1, 2]], "hungarian": [[1, 2], [2, 1]]}),
    ("min_similarity", by("iou"), ids_of(HERE, people_at(24)), {"0.2": SAME, "0.6": NEW}),
    ("min_high_score", {}, ids_of(HERE, people_at(40, 0, score=[0.9, 0.4])),
     {"0": [[1], [2, 1]], "0.5": [[1], [1, 0]]}),
    ("min_low_score_similarity", {"tracker.min_high_score": "0.5"}, ids_of(HERE, people_at(30, score=0.4)),
     {"0.5": SAME, "1": [[1], [0]]}),
    ("min_high_score", {}, ids_of(people_at(0, score=0.4)), {"0.3": [[1]], "0.5": [[0]]}),  # nor does it start a track
    ("min_start_score", {}, ids_of(people_at(0, score=0.4)), {"0.3": [[1]], "0.5": [[0]]}),
    ("buffer_seconds", {}, ids_of(HERE, AWAY, AWAY, HERE), {"0.2": [[1], [], [], [1]], "0.1": [[1], [], [], [2]]}),
    ("speed_factor", {"tracker.buffer_seconds": "0.1"}, ids_of(HERE, AWAY, AWAY, HERE),
     {"null": [[1], [], [], [2]], "0.125": [[1], [], [], [1]]}),
    ("speed_factor", {"tracker.min_start_score": "0.5", "tracker.lookback_seconds": "0.1"},
     ids_of(*[people_at(0, score=0.4)] * 2, HERE), {"1": [[0], [1], [1]], "0.5": [[1]] * 3}),
    ("reactivation_seconds", {"tracker.min_reactivation_appearance": "0.6"}, last_ids_of(*BACK), {"0": [2], "3": [1]}),
    ("min_reactivation_appearance", {"tracker.reactivation_seconds": "3"}, last_ids_of(*BACK),
     {"0.6": [1], "0.8": [2]}),
    ("min_confirm_frames", {}, ids_of(HERE, people_at(0, 900), HERE),
     {"1": [[1], [1, 2], [1]], "2": [[1], [1, 0], [1]]}),
    ("lookback_seconds", {"tracker.min_start_score": "0.5"}, ids_of(*[people_at(0, score=0.4)] * 2, HERE),
     {"0": [[0], [0], [1]], "0.1": [[0], [1], [1]], "1": [[1]] * 3}),
    ("flow.method", by("flow"), ids_under_pan,
     {"none": [[1, 2], [3, 1], [4, 3]], "dis": [[1, 2]] * 3, "lk": [[1, 2]] * 3}),
    ("flow.method", {"tracker.flow.long_side": "256"}, flow_arguments,
     {name: [name, 256, Path(name), "cpu"] for name in ("raft_small", "raft_large")}),
    ("flow.weights", RAFT | {"tracker.flow.long_side": "256"}, flow_arguments,
     {"null": ["raft_small", 256, Path("raft_small"), "cpu"], "a.pth": ["raft_small", 256, Path("a.pth"), "cpu"]}),
    ("flow.long_side", RAFT, flow_arguments,
     {str(n): ["raft_small", n, Path("raft_small"), "cpu"] for n in (256, 512)}),
    ("flow.warped_frames", by("flow"), last_ids_of(HERE, AWAY, BOX_ELSEWHERE), {"1": [2], "2": [1]}),
    ("flow.max_frames", DIS, sources_of_person,
     {"0": [*SEEN, *MISSED, "detector"], "1": [*SEEN, "flow", "", "detector"], "2": [*SEEN, *FLOW, "detector"]}),
    ("flow.min_score", FOLLOWED, sources_of_person,
     {"0.3": [*SEEN, *FLOW, "detector"], "0.9": [*SEEN, *MISSED, "detector"]}),
    ("flow.sides", DIS, side_of_first_joint, {"false": [True, True, False, True], "true": [True] * 4}),
    ("flow.second_peaks", DIS, place_of_jumping_wrist, {"false": [99, 99, 62], "true": [99, 99, 98]}),
]  # fmt: skip

TRACKER_EFFECTS = [(f"tracker.{key}", BASE | others, observe, outcomes) for key, others, observe, outcomes in _EFFECTS]
