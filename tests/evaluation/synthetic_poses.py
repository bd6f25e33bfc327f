"""Synthetic gt and predictions for tests: people whose joints are all at one point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from pose_track.evaluation.posetrack import Metrics
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

HEAD_SIZE = 30.0  # 0.6 of the diagonal of a 30 x 40 box; joints match within 15 px


@dataclass(frozen=True)
class Person:
    track_id: int
    x: float
    y: float = 0.0
    score: float = 0.9
    person_score: float = np.nan
    joints: Iterable[int] = range(15)


def video(
    frames: list[list[Person]],
    name: str = "a",
    labelled: list[bool] | None = None,
    regions: dict[int, list[list[float]]] | None = None,
    layout: str = "posetrack17",
) -> PoseSequence:
    """regions: an ignore region, as a polygon, by frame index."""
    people = [person for frame in frames for person in frame]
    n = len(people)
    joints, scores = np.full((n, 15, 2), np.nan), np.full((n, 15), np.nan)
    for row, person in enumerate(people):
        joints[row, list(person.joints)] = person.x, person.y
        scores[row, list(person.joints)] = person.score
    annotations = PoseAnnotations.from_joints(
        joints,
        scores,
        scores=np.array([person.person_score for person in people], float),
        head_boxes=np.tile([0.0, 0.0, 30.0, 40.0], (n, 1)),
        track_ids=np.array([person.track_id for person in people], np.int64),
    )
    infos = [
        FrameInfo(
            index,
            is_labelled=labelled is None or labelled[index],
            ignore_regions=(np.array(regions[index]),) if regions and index in regions else (),
        )
        for index in range(len(frames))
    ]
    frame_indices = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    return PoseSequence(name, POSETRACK_15, tuple(infos), annotations, frame_indices, layout)


def random_video(rng: np.random.Generator, name: str, crowded: bool = True) -> tuple[PoseSequence, PoseSequence]:
    """Gt and prediction of a few frames.

    crowded: people are so close that joints have several candidates; else all people are far apart.
    """
    num_frames, extent, spacing = int(rng.integers(1, 7)), 60, 0 if crowded else 1000
    num_people = int(rng.integers(1, 5))
    gt: list[list[Person]] = []
    prediction: list[list[Person]] = []
    for _ in range(num_frames):
        visible = [i for i in range(num_people) if rng.random() < 0.85]
        gt.append([_random(rng, i, spacing * i + rng.uniform(0, extent)) for i in visible])
        prediction.append([])
        for number, person in enumerate(gt[-1]):
            if rng.random() < 0.9:
                track_id = int(rng.integers(0, 6)) * 10 + number
                prediction[-1].append(_random(rng, track_id, person.x + rng.normal(0, 8)))
        if rng.random() < 0.3:
            prediction[-1].append(_random(rng, 99, -5000 + rng.uniform(0, 500)))
    labelled = (rng.random(num_frames) < 0.9).tolist()
    regions = {0: [[20.0, -50.0], [40.0, -50.0], [40.0, 50.0], [20.0, 50.0]]} if rng.random() < 0.3 else None
    return video(gt, name, labelled, regions), video(prediction, name)


def _random(rng: np.random.Generator, track_id: int, x: float) -> Person:
    joints = np.flatnonzero(rng.random(15) < 0.8).tolist()
    return Person(track_id, float(x), float(rng.uniform(0, 20)), float(rng.uniform(0.1, 1)), joints=joints)


def shuffled(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """The same sequence with the people of each frame in another order."""
    order = np.lexsort((rng.random(len(sequence.people)), sequence.frame_indices))
    return replace(sequence, people=sequence.people[order])


def with_other_ids(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """The same sequence with other track ids."""
    ids, number = np.unique(sequence.people.track_ids, return_inverse=True)
    new_ids = rng.choice(5000, len(ids), replace=False)
    return replace(sequence, people=replace(sequence.people, track_ids=new_ids[number].astype(np.int64)))


def assert_same(a: Metrics, b: Metrics, atol: float = 0) -> None:
    for field in fields(Metrics):
        values = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_allclose(*values, rtol=0, atol=atol, err_msg=field.name)
