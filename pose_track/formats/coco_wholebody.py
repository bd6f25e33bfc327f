"""COCO-WholeBody's layout of 133 joints: COCO's 17 as "keypoints", and the others as a list for each part.

    {"keypoints": [x, y, v, ...], "foot_kpts": [...], "face_kpts": [...], "lefthand_kpts": [...],
     "righthand_kpts": [...], ...}

Annotations and results have the same keys (Jin et al., "Whole-Body Human Pose Estimation in the Wild", ECCV 2020).
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pose_track.structures.whole_body import PART_SIZES, Part

KEYS: dict[Part, str] = {part: "keypoints" if part == "body" else f"{part}_kpts" for part in PART_SIZES}
"""The key of each part."""

PART_KEYS = tuple(key for part, key in KEYS.items() if part != "body")

_ENDS = dict(zip(PART_SIZES, accumulate(PART_SIZES.values()), strict=True))
COLUMNS: dict[Part, slice] = {part: slice(_ENDS[part] - size, _ENDS[part]) for part, size in PART_SIZES.items()}
"""The joints of each part among all 133."""


def split_keypoints(keypoints: Sequence[float]) -> dict[str, list[float]]:
    """The 399 numbers of 133 joints as COCO-WholeBody's lists.

    >>> {key: len(values) for key, values in split_keypoints([0.0] * 399).items()}
    {'keypoints': 51, 'foot_kpts': 18, 'face_kpts': 204, 'lefthand_kpts': 63, 'righthand_kpts': 63}
    """
    return {KEYS[part]: list(keypoints[3 * columns.start : 3 * columns.stop]) for part, columns in COLUMNS.items()}


def joined_keypoints(entry: Mapping[str, Any]) -> list[Any]:
    """The keypoints of an entry with those of its parts; those of missing parts are 0.

    Raises ValueError for a part that is not a list of the right length.
    """
    keypoints = list(entry["keypoints"])
    for part, key in KEYS.items():
        if part != "body":
            values = entry.get(key) or [0] * 3 * PART_SIZES[part]
            if not isinstance(values, list) or len(values) != 3 * PART_SIZES[part]:
                raise ValueError(f"needs {3 * PART_SIZES[part]} numbers as {key}, got {reprlib.repr(values)}")
            keypoints += values
    return keypoints
