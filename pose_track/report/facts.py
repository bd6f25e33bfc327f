"""What a report is made from: files with their hashes, networks and settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.analysis.analyse import Conditions
from pose_track.analysis.lens import Lens
from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__


def report_facts(
    path: Path, video: Path | None, header: Mapping[str, Any], conditions: Conditions, date: str
) -> dict[str, object]:
    """Texts and values by name. path: the file of the result. header: of a tracks.jsonl, else empty. date: of today."""
    facts: dict[str, object] = {"Report": f"pose_track {__version__}, {date}", "Result": _file(path)}
    facts["Video"] = "not at hand" if video is None else _file(video)
    for name, weights in (header.get("weights") or {}).items():
        if isinstance(weights, Mapping) and "sha256" in weights:
            facts[f"Network, {name}"] = f"{weights.get('file', '')}, SHA-256 {weights['sha256']}"
    facts |= _conditions(conditions)
    if "settings" in header:
        facts["Tracking"] = header["settings"]
    if "finishing" in header:
        facts["Finishing"] = header["finishing"]
    return facts


def _file(path: Path) -> str:
    return f"{path.name}, SHA-256 {file_sha256(path)}" if path.is_file() else f"{path.name} (a folder)"


def _lens(lens: Lens) -> str:
    kind = "fisheye" if lens.is_fisheye else "perspective"
    matrix, distortion = (np.array2string(values, precision=6) for values in (lens.matrix.ravel(), lens.distortion))
    return f"{kind}, camera matrix {matrix}, distortion {distortion} (removed)"


def _conditions(conditions: Conditions) -> dict[str, object]:
    heights = [f"{metres:g} m" + ("" if person is None else f" (person {person})")
               for person, metres in conditions.heights.items()]  # fmt: skip
    scale, floor = conditions.metres_per_pixel, conditions.floor
    lengths = ", ".join(heights) if heights else None if scale is None else f"{scale:.6g} metres a pixel"
    if floor is not None:
        lengths = f"homography of the floor {[[round(x, 9) for x in row] for row in floor.homography.tolist()]}"
    return {
        "Lengths": f"from the body height: {lengths}" if heights else lengths or "in pixels (px)",
        "Lens": "taken as free of distortion" if conditions.lens is None else _lens(conditions.lens),
        "Speed of the video": "that of life"
        if conditions.speed_factor == 1
        else f"{conditions.speed_factor:g} times that of life",
        "Joints": f"from a score of {conditions.min_score:g}",
        "Segment masses": f"de Leva, 1996, {conditions.sex}",
    }
