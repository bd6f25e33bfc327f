"""Left and right of whole tracks: joints that a network exchanged for some frames go back to their sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_track.limbs.offline import best_sides
from pose_track.postprocessing.tracks import body_sizes, track_rows
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.sequence import PoseSequence

_MAX_SECONDS = 0.25  # between two poses whose joints are compared


def choose_sides(sequence: PoseSequence, times: Float64Array) -> PoseSequence:
    """The same people with the most probable left and right; nothing else changes.

    times: (F,) seconds of the frames, increasing.
    """
    people = sequence.people
    order = np.tile(np.arange(sequence.skeleton.num_joints), (len(people), 1))
    for rows in track_rows(sequence).values():
        seconds = times[sequence.frame_indices[rows]]
        for part in np.split(rows, np.flatnonzero(np.diff(seconds) > _MAX_SECONDS) + 1):
            order[part] = _best_sides(sequence, part)
    row = np.arange(len(people))[:, None]
    fields = {name: getattr(people, name)[row, order] for name in ("joints", "joint_scores", "flags")}
    return replace(sequence, people=replace(people, **fields))


def _best_sides(sequence: PoseSequence, rows: IntArray) -> IntArray:
    """(T, K), see `best_sides`, for the successive poses of one person. A joint without a score counts as certain."""
    people = sequence.people
    joints, is_present = people.joints[rows], people.has_joint[rows]
    scores = np.where(is_present, np.nan_to_num(people.joint_scores[rows], nan=1.0).clip(0, 1), 0)
    heights = np.maximum(body_sizes(np.where(is_present[..., None], joints, np.nan)), 1)
    return best_sides(np.where(is_present[..., None], joints, 0), scores, heights, sequence.skeleton)
