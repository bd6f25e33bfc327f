"""People who walk beside each other, for the tests of linking files."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.tracks_jsonl import HEADER_KEYS, TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, Skeleton

SKELETON = {"posetrack17": POSETRACK_15, "posetrack18": POSETRACK18_17, "coco": COCO_17, "mot": COCO_17}
EARS = ("left_ear", "right_ear")


def joints_of(who: int, index: int, num_joints: int) -> NDArray[np.float64]:
    """(K, 2) where a walker is in a frame: 200 pixels from the next, 3 pixels on from the frame before."""
    rng = np.random.default_rng(who)
    return np.asarray((np.array([200.0 * who + 3 * index, 40]) + rng.uniform(0, (60, 160), (num_joints, 2))).round(2))


def walkers(
    layout: str, frames: int = 8, num_people: int = 3, away: Collection[tuple[int, int]] = (), name: str = "seq"
) -> PoseSequence:
    """A prediction of so many walkers, in an order of its own in each frame, with ids that say nothing.

    away: pairs of walker and frame where they are not found. Who somebody is, tells `who`.
    """
    skeleton = SKELETON[layout]
    rng = np.random.default_rng(5)
    people, frame_of = [], []
    for index in range(frames):
        found = [who for who in rng.permutation(num_people).tolist() if (who, index) not in away]
        people += [(who, index) for who in found]
        frame_of += [index] * len(found)
    joints = np.array([joints_of(*p, skeleton.num_joints) for p in people]).reshape(-1, skeleton.num_joints, 2)
    low, high = joints.min(axis=1, initial=9999), joints.max(axis=1, initial=0)
    if layout == "posetrack18":
        joints[:, [skeleton.index(ear) for ear in EARS]] = np.nan
    if layout == "mot":
        joints[:] = np.nan
    scores = np.array([0.6 + who / 10 for who, _ in people])
    joint_scores = np.where(np.isnan(joints[..., 0]), np.nan, rng.uniform(0.3, 1, joints.shape[:2]).round(4))
    rows = People.of(
        joints,
        joint_scores,
        scores=scores,
        boxes=np.concatenate([low, high], axis=1).round(1),
        track_ids=np.arange(len(people)) % 90,
    )
    infos = tuple(_frame(layout, index) for index in range(frames))
    return PoseSequence(name, skeleton, infos, rows, np.array(frame_of, np.int64))


def _frame(layout: str, index: int) -> FrameInfo:
    image_id = 10003420000 + index if layout in ("posetrack18", "coco") else None
    return FrameInfo(index, f"images/seq/{index:06d}.jpg" if layout.startswith("posetrack") else "", image_id)


def who(people: People) -> list[int]:
    """Which walkers these are."""
    return [int(n) for n in ((people.scores - 0.6) * 10).round()]


def raw_tracks(path: object, sequence: PoseSequence, **more: object) -> None:
    """The same people as a tracks.jsonl that nobody has linked."""
    told = dict.fromkeys(HEADER_KEYS, "")
    names = {"skeleton": sequence.skeleton.name, "joint_names": list(sequence.skeleton.joint_names)}
    header = {**told, "fps": 25.0, "width": 640, "height": 480, "settings": {"device": "cpu"}, "source": "seq.mp4"}
    with TracksWriter(str(path), header | names | {"linked": False} | more) as writer:
        for info, people in sequence:
            writer.write(TrackedPoses(info.index, info.index / 25, _poses(people, sequence.skeleton), _numbers(people)))


def _numbers(people: People) -> NDArray[np.int64]:
    return np.arange(1, len(people) + 1)


def _poses(people: People, skeleton: Skeleton) -> Poses:
    there = people.has_joint
    joints = np.where(there[..., None], people.joints, 0).astype(np.float32)
    scores = np.where(there, people.joint_scores, 0).astype(np.float32)
    sources = np.array(["recorded"] * len(people), np.str_)
    boxes = people.boxes.astype(np.float32)
    return Poses(joints, scores, boxes, people.scores.astype(np.float32), skeleton, sources)
