"""Tracked poses against the joints of one person that a file gives for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose_track.datasets.annotations import read_json
from pose_track.evaluation.pck import pck
from pose_track.formats.validate import object_list
from pose_track.structures.arrays import Float64Array
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Skeleton


def read_reference(path: Path, skeleton: Skeleton, joint_names: Sequence[str] | None = None) -> Float64Array:
    """(F, K, 2) the joints of one person in F frames, by the names of the skeleton; NaN for those not given.

    The file is a JSON list with an entry for each frame: an object {name: {"x": ..., "y": ...}}, or a list of rows
    x, y, ... that `joint_names` names, in their order.

    Raises FileNotFoundError, or ValueError naming the file for another layout, or without a joint of the skeleton.
    """
    content = read_json(path)
    try:
        if joint_names is None:
            named = [
                {name: (joint["x"], joint["y"]) for name, joint in frame.items()}
                for frame in object_list(content, f"{path}: frames")
            ]
        else:
            named = [dict(zip(joint_names, [row[:2] for row in frame], strict=False)) for frame in content]
        missing = (np.nan, np.nan)
        rows = [[frame.get(name, missing) for name in skeleton.joint_names] for frame in named]
        joints = np.array(rows, np.float64).reshape(len(rows), skeleton.num_joints, 2)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} must be a list of {{name: {{x, y}}}} or, with joint_names, of rows: {error}"
        ) from None
    if np.isnan(joints).all():
        raise ValueError(f"{path} has no joint of {skeleton.name}; give their names as joint_names")
    return joints


def reference_pck(
    frames: Sequence[TrackedPoses], reference: Float64Array, max_distance: float
) -> tuple[float, Float64Array]:
    """The share of the given joints within `max_distance` of body height: over all, and (K,) by joint.

    Of the people of a frame the one with the least mean distance counts; without people all joints are wrong. Scores
    do not matter. Body height is the longer side of the extent of the frame's given joints. Frames after the last one
    of either side are left out.

    reference: from `read_reference`.
    """
    number = min(len(frames), len(reference))
    reference = reference[:number]
    given = ~np.isnan(reference[..., 0])
    predicted = np.full(reference.shape, np.inf)
    for k, tracked in enumerate(frames[:number]):
        if len(tracked) and given[k].any():
            distances = np.linalg.norm(tracked.poses.joints[:, given[k]] - reference[k, given[k]], axis=-1)
            predicted[k] = tracked.poses.joints[distances.mean(axis=1).argmin()]
    seen = given.any(axis=1)
    heights = np.full(number, np.nan)
    heights[seen] = (np.nanmax(reference[seen], axis=1) - np.nanmin(reference[seen], axis=1)).max(axis=1)
    return pck(predicted, np.where(given[..., None], reference, 0), given.astype(np.int64), heights, max_distance)
