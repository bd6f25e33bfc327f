"""Small videos of truth and prediction, made for tests: people whose joints are all in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from pose_track.evaluation.posetrack import Figures
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

HEAD_SIZE = 30.0  # 0.6 of the diagonal of a box of 30 x 40; joints match within 15


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
    """regions: of frames by place, a polygon each."""
    everybody = [person for frame in frames for person in frame]
    n = len(everybody)
    joints, scores = np.full((n, 15, 2), np.nan), np.full((n, 15), np.nan)
    for row, person in enumerate(everybody):
        joints[row, list(person.joints)] = person.x, person.y
        scores[row, list(person.joints)] = person.score
    people = People.of(
        joints,
        scores,
        scores=np.array([person.person_score for person in everybody], float),
        head_boxes=np.tile([0.0, 0.0, 30.0, 40.0], (n, 1)),
        track_ids=np.array([person.track_id for person in everybody], np.int64),
    )
    infos = [
        FrameInfo(
            place,
            is_labelled=labelled is None or labelled[place],
            ignore_regions=(np.array(regions[place]),) if regions and place in regions else (),
        )
        for place in range(len(frames))
    ]
    frame_of = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    return PoseSequence(name, POSETRACK_15, tuple(infos), people, frame_of, layout)


def random_video(rng: np.random.Generator, name: str, crowded: bool = True) -> tuple[PoseSequence, PoseSequence]:
    """Truth and prediction of a few frames. crowded: so near each other that joints could be anybody's; else everybody
    is alone, but for false people."""
    frames, extent, apart = int(rng.integers(1, 7)), 60, 0 if crowded else 1000
    num_people = int(rng.integers(1, 5))
    truth: list[list[Person]] = []
    found: list[list[Person]] = []
    for _ in range(frames):
        there = [i for i in range(num_people) if rng.random() < 0.85]
        truth.append([_random(rng, i, apart * i + rng.uniform(0, extent)) for i in there])
        found.append([])
        for number, person in enumerate(truth[-1]):
            if rng.random() < 0.9:
                other = int(rng.integers(0, 6)) * 10 + number
                found[-1].append(_random(rng, other, person.x + rng.normal(0, 8)))
        if rng.random() < 0.3:
            found[-1].append(_random(rng, 99, -5000 + rng.uniform(0, 500)))
    labelled = (rng.random(frames) < 0.9).tolist()
    regions = {0: [[20.0, -50.0], [40.0, -50.0], [40.0, 50.0], [20.0, 50.0]]} if rng.random() < 0.3 else None
    return video(truth, name, labelled, regions), video(found, name)


def _random(rng: np.random.Generator, track_id: int, x: float) -> Person:
    joints = np.flatnonzero(rng.random(15) < 0.8).tolist()
    return Person(track_id, float(x), float(rng.uniform(0, 20)), float(rng.uniform(0.1, 1)), joints=joints)


def shuffled(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """The same with the people of each frame in another order."""
    order = np.lexsort((rng.random(len(sequence.people)), sequence.frame_of))
    return replace(sequence, people=sequence.people[order])


def renamed(sequence: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """The same with other ids."""
    ids, number = np.unique(sequence.people.track_ids, return_inverse=True)
    names = rng.choice(5000, len(ids), replace=False)
    return replace(sequence, people=replace(sequence.people, track_ids=names[number].astype(np.int64)))


def assert_same(a: Figures, b: Figures, atol: float = 0) -> None:
    for field in fields(Figures):
        values = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_allclose(*values, rtol=0, atol=atol, err_msg=field.name)
