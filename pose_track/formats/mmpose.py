"""The file that mmpose's demo script writes: the joint names, then the people of each frame.

    {"meta_info": {"dataset_name": "coco", "keypoint_id2name": {"0": "nose", ...}, ...},
     "instance_info": [{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...], "keypoint_scores": [...],
      "bbox": [[x1, y1, x2, y2]], "bbox_score": 0.93, "track_id": 3}]}, ...]}

Layout: open-mmlab/mmpose 1.3, demo/topdown_demo_with_mmdet.py; it counts frames from 1. "track_id" and
"image_name", of a frame that has one, are additions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.formats.defaults import keypoint_triples, person_boxes, person_scores
from pose_track.formats.json_text import write_json_list
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, Skeleton
from pose_track.utils.atomic import atomic_text

_DATASET_NAMES = {COCO_17.name: "coco", POSETRACK18_17.name: "posetrack18"}


def write_mmpose(source: FrameSource, path: str | Path) -> None:
    """Write mmpose's layout with the source's joints; the file appears only when it is complete."""
    with atomic_text(path) as file:
        file.write(f'{{"meta_info": {json.dumps(_meta_info(source.skeleton))},\n"instance_info": ')
        write_json_list(file, (_frame(info, people) for info, people in source))
        file.write("}\n")


def _meta_info(skeleton: Skeleton) -> dict[str, Any]:
    names = skeleton.joint_names
    return {
        "dataset_name": _DATASET_NAMES.get(skeleton.name, skeleton.name),
        "num_keypoints": skeleton.num_joints,
        "keypoint_id2name": dict(enumerate(names)),
        "keypoint_name2id": {name: k for k, name in enumerate(names)},
        "skeleton_links": [list(edge) for edge in skeleton.edges],
    }


def _frame(info: FrameInfo, people: PoseAnnotations) -> dict[str, Any]:
    triples = keypoint_triples(people)
    columns = zip(
        triples[..., :2].tolist(),
        triples[..., 2].tolist(),
        np.nan_to_num(person_boxes(people)).tolist(),  # zeros for a person without box and joints
        person_scores(people).tolist(),
        people.track_ids.tolist(),
        strict=True,
    )
    instances = [
        {"keypoints": keypoints, "keypoint_scores": scores, "bbox": [box], "bbox_score": score}
        | ({"track_id": track_id} if track_id >= 0 else {})
        for keypoints, scores, box, score, track_id in columns
    ]
    name = {"image_name": info.image_name} if info.image_name else {}
    return {"frame_id": info.index + 1, **name, "instances": instances}
