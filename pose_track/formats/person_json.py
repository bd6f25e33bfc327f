"""JSON with one person a file, for programs that read nothing else.

    {"video": "clip", "person": 3, "fps": 25.0, "unit": "px", "joints": ["nose", ...],
     "frames": [{"frame": 0, "seconds": 0.0, "positions": [[310.5, 200.0, 0.93], null, ...]}, ...]}

A position is x to the right, y down, and the score, null where it is missing; it is null itself for an absent joint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pose_track.formats.json_text import write_json_list
from pose_track.formats.motions import Motion, Motions
from pose_track.formats.person_files import write_person_files
from pose_track.structures.sequence import FrameSource

SUFFIX = ".json"


def write_person_json(source: FrameSource, path: str | Path) -> None:
    """Write a file for each person, see `write_person_files`."""
    write_person_files(source, path, SUFFIX, _write_person)


def _write_person(video: Motions, person: Motion, path: Path) -> None:
    head = {"video": video.name, "person": person.track_id, "fps": video.fps, "unit": video.unit}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**head, "joints": list(video.skeleton.joint_names)})[:-1] + ', "frames": ')
        rows = zip(video.seconds[person.span].tolist(), person.joints.tolist(), person.scores.tolist(), strict=True)
        write_json_list(file, (_frame(person.first + n, *row) for n, row in enumerate(rows)))
        file.write("}\n")


def _frame(index: int, seconds: float, joints: list[list[float]], scores: list[float]) -> dict[str, Any]:
    positions = [
        None if x != x else [x, y, None if score != score else score]
        for (x, y), score in zip(joints, scores, strict=True)
    ]
    return {"frame": index, "seconds": round(seconds, 6), "positions": positions}
