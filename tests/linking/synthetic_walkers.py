"""Synthetic people walking side by side, for the tests of linking files."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.tracks_jsonl import HEADER_KEYS
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, Skeleton

SKELETON = {"posetrack17": POSETRACK_15, "posetrack18": POSETRACK18_17, "coco": COCO_17, "mot": COCO_17}
EARS = ("left_ear", "right_ear")


def walker_joints(walker: int, index: int, num_joints: int) -> NDArray[np.float64]:
    """(K, 2) joints of a walker in a frame: 200 pixels from the next walker, moving by 3 pixels a frame."""
    rng = np.random.default_rng(walker)
    return np.asarray(
        (np.array([200.0 * walker + 3 * index, 40]) + rng.uniform(0, (60, 160), (num_joints, 2))).round(2)
    )


def walker_sequence(
    layout: str, frames: int = 8, num_people: int = 3, absent: Collection[tuple[int, int]] = (), name: str = "seq"
) -> PoseSequence:
    """A prediction with `num_people` walkers, in another order in each frame, with meaningless ids.

    absent: (walker, frame) pairs in which a walker is missing. `walker_numbers` gives the walker of each person.
    """
    skeleton = SKELETON[layout]
    rng = np.random.default_rng(5)
    people, frame_indices = [], []
    for index in range(frames):
        present = [walker for walker in rng.permutation(num_people).tolist() if (walker, index) not in absent]
        people += [(walker, index) for walker in present]
        frame_indices += [index] * len(present)
    joints = np.array([walker_joints(*p, skeleton.num_joints) for p in people]).reshape(-1, skeleton.num_joints, 2)
    low, high = joints.min(axis=1, initial=9999), joints.max(axis=1, initial=0)
    if layout == "posetrack18":
        joints[:, [skeleton.index(ear) for ear in EARS]] = np.nan
    if layout == "mot":
        joints[:] = np.nan
    scores = np.array([0.6 + walker / 10 for walker, _ in people])
    joint_scores = np.where(np.isnan(joints[..., 0]), np.nan, rng.uniform(0.3, 1, joints.shape[:2]).round(4))
    rows = PoseAnnotations.from_joints(
        joints,
        joint_scores,
        scores=scores,
        boxes=np.concatenate([low, high], axis=1).round(1),
        track_ids=np.arange(len(people)) % 90,
    )
    infos = tuple(_frame(layout, index) for index in range(frames))
    return PoseSequence(name, skeleton, infos, rows, np.array(frame_indices, np.int64))


def _frame(layout: str, index: int) -> FrameInfo:
    image_id = 10003420000 + index if layout in ("posetrack18", "coco") else None
    return FrameInfo(index, f"images/seq/{index:06d}.jpg" if layout.startswith("posetrack") else "", image_id)


def walker_numbers(people: PoseAnnotations) -> list[int]:
    """The number of each person's walker."""
    return [int(n) for n in ((people.scores - 0.6) * 10).round()]


def write_unlinked_tracks(path: object, sequence: PoseSequence, fps: float = 25.0, **fields: object) -> None:
    """Write the people as a tracks.jsonl that is not linked yet. fields: of the header."""
    defaults = dict.fromkeys(HEADER_KEYS, "")
    names = {"skeleton": sequence.skeleton.name, "joint_names": list(sequence.skeleton.joint_names)}
    header = {**defaults, "fps": fps, "width": 640, "height": 480, "settings": {"device": "cpu"}, "source": "seq.mp4"}
    with TracksWriter(str(path), header | names | {"linked": False} | fields) as writer:
        for info, people in sequence:
            poses = _poses(people, sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.index / fps, poses, _numbers(people)))


def _numbers(people: PoseAnnotations) -> NDArray[np.int64]:
    return np.arange(1, len(people) + 1)


def _poses(people: PoseAnnotations, skeleton: Skeleton) -> Poses:
    has_joint = people.has_joint
    joints = np.where(has_joint[..., None], people.joints, 0).astype(np.float32)
    scores = np.where(has_joint, people.joint_scores, 0).astype(np.float32)
    sources = np.array(["recorded"] * len(people), np.str_)
    boxes = people.boxes.astype(np.float32)
    return Poses(joints, scores, boxes, people.scores.astype(np.float32), skeleton, sources)
