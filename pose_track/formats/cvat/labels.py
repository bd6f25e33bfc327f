"""The labels of a CVAT task: a skeleton with the joints as points, for the "Raw" tab of its label editor.

    [{"name": "person", "type": "skeleton", "attributes": [], "svg": "...",
      "sublabels": [{"name": "nose", "type": "points", "attributes": []}, ...]}]

The drawing, on a square of 100 units, is what a new skeleton looks like in the editor. Layout: docs.cvat.ai, "Label
constructor" and "XML annotation format".
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton, joint_type, side_of
from pose_track.utils.atomic import atomic_text

LABEL = "person"

# distance from the middle, and height, of a standing person's joints
_DRAWING = {
    "head_top": (0, 3), "nose": (0, 11), "eye": (4, 8), "ear": (8, 10), "head_bottom": (0, 19), "thorax": (0, 23),
    "shoulder": (14, 23), "elbow": (20, 39), "wrist": (23, 55), "pelvis": (0, 54), "hip": (8, 55), "knee": (10, 75),
    "ankle": (11, 95),
}  # fmt: skip


def write_cvat_labels(source: FrameSource, path: str | Path) -> None:
    """Write the labels for the joints of a source; the file appears only when it is complete."""
    with atomic_text(path) as file:
        json.dump(cvat_labels(source.skeleton), file, indent=1)
        file.write("\n")


def cvat_labels(skeleton: Skeleton) -> list[dict[str, Any]]:
    """The labels for a skeleton, as plain values."""
    points = [{"name": name, "type": "points", "attributes": []} for name in skeleton.joint_names]
    return [{"name": LABEL, "type": "skeleton", "attributes": [], "sublabels": points, "svg": skeleton_svg(skeleton)}]


def skeleton_svg(skeleton: Skeleton) -> str:
    """The drawing of a skeleton: a circle for each joint, numbered from 1, and a line for each edge."""
    places = [_drawn_place(skeleton, k) for k in range(skeleton.num_joints)]
    lines = (
        f'<line x1="{places[a][0]:g}" y1="{places[a][1]:g}" x2="{places[b][0]:g}" y2="{places[b][1]:g}" '
        f'stroke="black" data-type="edge" data-node-from="{a + 1}" stroke-width="0.5" data-node-to="{b + 1}"></line>'
        for a, b in skeleton.edges
    )
    circles = (
        f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x:g}" cy="{y:g}" stroke-width="0.1" '
        f'data-type="element node" data-element-id="{k}" data-node-id="{k}" data-label-name={quoteattr(name)}></circle>'
        for k, ((x, y), name) in enumerate(zip(places, skeleton.joint_names, strict=True), start=1)
    )
    return "".join((*lines, *circles))


def _drawn_place(skeleton: Skeleton, k: int) -> tuple[float, float]:
    """x y of a joint. The left of the body is on the right of the drawing; joints that no human has are on a circle."""
    name = skeleton.joint_names[k]
    if joint_type(name) in _DRAWING:
        away, height = _DRAWING[joint_type(name)]
        return 50 + (away if side_of(name) == "left" else -away), height
    angle = 2 * math.pi * k / skeleton.num_joints
    return round(50 + 45 * math.sin(angle), 2), round(50 - 45 * math.cos(angle), 2)
