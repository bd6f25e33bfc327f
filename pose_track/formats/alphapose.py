"""AlphaPose's results: a list of people with COCO's joints, each with the name of its image.

    [{"image_id": "0.jpg", "category_id": 1, "keypoints": [x, y, score, ...], "score": 2.9, "box": [x, y, w, h],
      "idx": 3}, ...]

Layout: MVIG-SJTU/AlphaPose, docs/output.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pose_track.formats.defaults import flat_keypoints, person_scores, person_xywh
from pose_track.formats.json_text import write_json_list
from pose_track.structures.conversion import check_convertible, convert_annotations
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import COCO_17
from pose_track.utils.atomic import atomic_text


def write_alphapose(source: FrameSource, path: str | Path) -> None:
    """Write AlphaPose's layout; the file appears only when it is complete.

    "image_id" is the last part of the image's name, or, without a name, the frame's index as in "0.jpg", which is
    AlphaPose's name for a video's frame. "idx" is the track id; people without an id lack it.
    """
    check_convertible(source.skeleton, COCO_17, "AlphaPose's layout")
    frames = ((info, convert_annotations(people, source.skeleton, COCO_17)) for info, people in source)
    with atomic_text(path) as file:
        write_json_list(file, (person for info, people in frames for person in _people(info, people)))
        file.write("\n")


def _people(info: FrameInfo, people: PoseAnnotations) -> Iterator[dict[str, Any]]:
    name = PurePosixPath(info.image_name).name or f"{info.index}.jpg"
    columns = (flat_keypoints(people), person_scores(people).tolist(), person_xywh(people), people.track_ids.tolist())
    for triples, score, box, track_id in zip(*columns, strict=True):
        person = {"image_id": name, "category_id": 1, "keypoints": triples, "score": score}
        person["box"] = np.nan_to_num(box).tolist()  # zeros for a person without box and joints
        yield person | ({"idx": track_id} if track_id >= 0 else {})
