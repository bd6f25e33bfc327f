"""Sequences from files that list the people of each frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class FramePerson:
    """One person of one frame.

    triples: (K, 3) x, y, score; a joint at (0, 0) with score 0 is absent.
    box: x1 y1 x2 y2, None where missing.
    """

    triples: Float64Array
    track_id: int = -1
    score: float = np.nan
    box: Sequence[float] | None = None


def sequence_of_frames(
    name: str,
    skeleton: Skeleton,
    frames: Iterable[tuple[FrameInfo, Sequence[FramePerson]]],
    layout: str,
    extra: Mapping[str, Any],
) -> PoseSequence:
    """The people of all frames, ordered by frame index."""
    frames = sorted(frames, key=lambda frame: frame[0].index)
    people = [person for _, persons in frames for person in persons]
    triples = np.array([person.triples for person in people], np.float64).reshape(-1, skeleton.num_joints, 3)
    absent = (triples == 0).all(axis=-1, keepdims=True) | ~np.isfinite(triples[..., :2]).all(axis=-1, keepdims=True)
    triples = np.where(absent, np.nan, triples)
    annotations = PoseAnnotations.from_joints(
        triples[..., :2],
        triples[..., 2],
        scores=np.array([person.score for person in people], np.float64),
        boxes=np.array([person.box or [np.nan] * 4 for person in people], np.float64).reshape(-1, 4),
        track_ids=np.array([person.track_id for person in people], np.int64),
    )
    indices = np.repeat(np.arange(len(frames)), [len(persons) for _, persons in frames])
    return PoseSequence(name, skeleton, tuple(info for info, _ in frames), annotations, indices, layout, extra)
