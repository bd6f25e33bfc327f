"""Writing a task of Label Studio with the people of a video as predictions.

    [{"data": {"video": "clip.mp4", "width": 1280, "height": 720, "fps": 25.0, "joints": ["nose", ...]},
      "predictions": [{"model_version": "pose_track 1.0", "result": [
        {"id": "person_3", "from_name": "pose", "to_name": "video", "type": "videovectorlabels",
         "value": {"labels": ["person"], "framesCount": 250, "duration": 10.0, "sequence": [
           {"frame": 1, "time": 0.0, "enabled": true, "closed": false,
            "vertices": [{"id": "nose", "x": 24.2, "y": 30.6}, {"id": "left_eye", "prevPointId": "nose", ...}]}]}}]}]}]

Frames count from 1, positions are percents of the video's size. Between two frames of a sequence Label Studio
interpolates; "enabled" is false in the last frame before a gap. Layout: labelstud.io/guide/task_format, and the value
classes of label-studio-sdk.
"""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from pose_track.formats.label_studio.config import LABEL, POSE, VIDEO, fps_of
from pose_track.formats.person_tracks import PersonTrack, person_tracks
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameSource
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_text
from pose_track.utils.version import __version__


def write_label_studio(source: FrameSource, path: str | Path) -> None:
    """Write one task, with a region for each person; the file appears only when it is complete.

    "video" is the name of the video's file; it has to become an address that the server can open. Scores, boxes and
    visibility have no place in the layout. Raises ValueError where the source does not state the size of the video.
    """
    width, height = source.extra.get("width"), source.extra.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        raise ValueError(
            f"{source.name} does not state the size of the video, of which Label Studio's positions are percents; "
            f"convert a tracks.jsonl"
        )
    num_frames, tracks = person_tracks(source)
    fps = fps_of(source)
    video = PureWindowsPath(str(source.extra.get("source", source.name))).name
    joints = list(source.skeleton.joint_names)
    data = {VIDEO: video, "width": width, "height": height, "fps": fps, "joints": joints}
    counted = {"framesCount": num_frames, "duration": round(num_frames / fps, 6)}
    scale = 100 / np.array([width, height], np.float64)
    regions = [_region(track, source.skeleton, scale, fps, counted) for track in tracks]
    prediction = {"model_version": f"pose_track {__version__}", "result": regions}
    with atomic_text(path) as file:
        json.dump([{"data": data, "predictions": [prediction]}], file, separators=(",", ":"), allow_nan=False)
        file.write("\n")


def _region(
    track: PersonTrack, skeleton: Skeleton, scale: Float64Array, fps: float, counted: dict[str, Any]
) -> dict[str, Any]:
    """A person. scale: (2,) from pixels to percents."""
    parents = joint_parents(skeleton)
    last = {int(track.frames[run][-1]) for run in track.runs()}
    sequence = [
        {
            "frame": frame + 1,
            "time": round(frame / fps, 6),
            "enabled": frame not in last,
            "closed": False,
            "vertices": _vertices(joints * scale, skeleton, parents),
        }
        for frame, joints in zip(track.frames.tolist(), track.joints, strict=True)
    ]
    value = {"labels": [LABEL], **counted, "sequence": sequence}
    names = {"id": f"{LABEL}_{track.track_id}", "from_name": POSE, "to_name": VIDEO, "type": "videovectorlabels"}
    return {**names, "value": value}


def _vertices(places: Float64Array, skeleton: Skeleton, parents: dict[int, int | None]) -> list[dict[str, Any]]:
    """The joints that are there, each after the one that it is connected to. places: (K, 2) in percents."""
    present = ~np.isnan(places[:, 0])
    vertices = []
    for k, parent in parents.items():
        if not present[k]:
            continue
        x, y = np.round(places[k], 4).tolist()
        vertex = {"id": skeleton.joint_names[k], "x": x, "y": y}
        vertices.append(
            vertex | ({"prevPointId": skeleton.joint_names[parent]} if parent is not None and present[parent] else {})
        )
    return vertices


def joint_parents(skeleton: Skeleton) -> dict[int, int | None]:
    """A tree of the edges, breadth first: each joint with the one before it, None for the first of each part.

    >>> joint_parents(Skeleton("a", ("tail", "nose", "withers"), limbs=(("tail", "withers"), ("withers", "nose"))))
    {0: None, 2: 0, 1: 2}
    """
    neighbours: dict[int, list[int]] = {k: [] for k in range(skeleton.num_joints)}
    for a, b in skeleton.edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    parents: dict[int, int | None] = {}
    for root in neighbours:
        queue: deque[tuple[int, int | None]] = deque([(root, None)])
        while queue:
            k, parent = queue.popleft()
            if k not in parents:
                parents[k] = parent
                queue.extend((other, k) for other in neighbours[k])
    return parents
