"""COCO's form of a data set: images, annotations and categories in one file, which annotation tools import.

    {"images": [{"id": 0, "file_name": "clip_000000.jpg", "width": 640, "height": 480}, ...],
     "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "keypoints": [x, y, visibility, ...],
      "num_keypoints": 17, "bbox": [x, y, w, h], "area": ..., "iscrowd": 0, "score": 0.93, "track_id": 3}, ...],
     "categories": [{"id": 1, "name": "person", "keypoints": ["nose", ...], "skeleton": [[a, b], ...]}]}

Layout: cocodataset.org, "Data format". "score" and "track_id" are additions.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pose_track.formats.coco_results import default_skeleton
from pose_track.formats.defaults import person_scores, person_xywh
from pose_track.formats.json_text import copy_json_list, write_json_list
from pose_track.formats.posetrack.frame_numbers import written_image_id
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_text

_VISIBLE = 2


def write_coco_dataset(source: FrameSource, path: str | Path) -> None:
    """Write a data set; the file appears only when it is complete.

    The joints are those of `write_coco_results`, named in the category. Frames without people are among the images. An
    absent joint is 0 0 0, any other has its visibility, 2 where that is missing. A missing box is the extent of the
    joints; people with neither are left out, since the layout requires a box. width and height are the source's, where
    it states them.
    """
    target = default_skeleton(source)
    # annotations follow all images, so they are written to a temporary file first
    with atomic_text(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8", dir=Path(path).parent) as buffer:
        file.write('{"images": ')
        write_json_list(file, _images(source, target, buffer))
        file.write(',\n"annotations": ')
        copy_json_list(buffer, file)
        file.write(f',\n"categories": {json.dumps([_category(target)])}}}\n')


def _images(source: FrameSource, target: Skeleton, annotations: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the images, and write the annotations of each to a file, one a line."""
    numbers = count(1)  # pycocotools takes the id 0 for no annotation
    size = {key: source.extra[key] for key in ("width", "height") if isinstance(source.extra.get(key), int)}
    for info, people in source:
        image_id = written_image_id(info, source.name)
        for row in _annotations(convert_annotations(people, source.skeleton, target)):
            line = {"id": next(numbers), "image_id": image_id, "category_id": 1, **row}
            annotations.write(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n")
        yield {"id": image_id, "file_name": image_file_name(info, source.name), **size}


def image_file_name(info: FrameInfo, name: str) -> str:
    """The name of a frame's image; that of the video and the index where a frame has none.

    >>> image_file_name(FrameInfo(17), "clip"), image_file_name(FrameInfo(17, "a/000017.png"), "clip")
    ('clip_000017.jpg', 'a/000017.png')
    """
    return info.image_name or f"{name}_{info.index:06d}.jpg"


def _annotations(people: PoseAnnotations) -> Iterator[dict[str, Any]]:
    """Each person of a frame, without ids of image and annotation."""
    present = people.has_joint[..., None]
    visibility = np.where(people.flags < 0, _VISIBLE, people.flags)[..., None]
    triples = np.where(present, np.concatenate([people.joints, visibility], axis=-1), 0)  # (N, K, 3)
    columns = (triples.tolist(), person_xywh(people), person_scores(people).tolist(), people.track_ids.tolist())
    for joints, box, score, track_id in zip(*columns, strict=True):
        if np.isnan(box).any():
            continue
        row = {
            "keypoints": [value if k < 2 else int(value) for joint in joints for k, value in enumerate(joint)],
            "num_keypoints": sum(joint[2] > 0 for joint in joints),
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
            "score": score,
        }
        yield row | ({"track_id": track_id} if track_id >= 0 else {})


def _category(skeleton: Skeleton) -> dict[str, Any]:
    edges = [[a + 1, b + 1] for a, b in skeleton.edges]  # counted from 1
    names = list(skeleton.joint_names)
    return {"supercategory": "person", "id": 1, "name": "person", "keypoints": names, "skeleton": edges}
