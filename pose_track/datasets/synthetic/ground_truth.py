"""The exact ground truth of a rendered clip as a PoseTrack18 file."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_track.datasets.synthetic.body import Array
from pose_track.datasets.synthetic.scene import Rendered
from pose_track.formats.posetrack.frame_numbers import written_image_id
from pose_track.structures.sequence import FrameInfo
from pose_track.structures.skeleton import POSETRACK18_17, POSETRACK_15

_DECIMALS = 6


class GroundTruthWriter:
    """Collects frames in PoseTrack18's layout.

    The visibility of a joint is COCO's: 1 hidden, 2 visible. Ears and joints outside the image have visibility 0 and
    position 0, 0. Image ids are those that exported tracks of the video get too.

    name: of the video and of its image folder.
    """

    def __init__(self, name: str, num_frames: int) -> None:
        self._name, self._num_frames = name, num_frames
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, rendered: Rendered, track_ids: list[int]) -> None:
        """Add the next frame. track_ids: of its people."""
        image_id = written_image_id(FrameInfo(len(self._images)), self._name)
        self._images.append({
            "file_name": f"{self._name}/{len(self._images):06d}.jpg", "id": image_id, "frame_id": image_id,
            "vid_id": self._name, "nframes": self._num_frames, "is_labeled": True, "has_no_densepose": True,
            "ignore_regions_x": [], "ignore_regions_y": [],
        })  # fmt: skip
        for i, track_id in enumerate(track_ids):
            self._annotations.append({
                "id": image_id * 100 + i + 1, "image_id": image_id, "category_id": 1, "track_id": track_id,
                "bbox": _xywh(rendered.boxes[i]), "bbox_head": _xywh(_head_box(rendered.joints[i])),
                "keypoints": _keypoints(rendered.joints[i], rendered.visibility[i]), "scores": [],
            })  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The content of the file, for `json.dump`."""
        return {"images": self._images, "annotations": self._annotations, "categories": [_category()]}


def _category() -> dict[str, Any]:
    edges = [[a + 1, b + 1] for a, b in POSETRACK18_17.edges]  # COCO counts from 1
    names = list(POSETRACK18_17.joint_names)
    return {"id": 1, "name": "person", "supercategory": "person", "keypoints": names, "skeleton": edges}


def _keypoints(joints: Array, visibility: Array) -> list[float]:
    """51 numbers, x y v of POSETRACK18_17, from POSETRACK_15's joints (15, 2) and visibility (15,)."""
    out = np.zeros((POSETRACK18_17.num_joints, 3))
    for source, name in enumerate(POSETRACK_15.joint_names):
        if visibility[source] > 0:
            out[POSETRACK18_17.index(name)] = [*joints[source], visibility[source]]
    return [round(float(v), _DECIMALS) for v in out.ravel()]


def _head_box(joints: Array) -> Array:
    """(4,) x1 y1 x2 y2 of a square around the middle of neck base and crown, as large as their distance."""
    top, bottom = joints[POSETRACK_15.index("head_top")], joints[POSETRACK_15.index("head_bottom")]
    half, middle = 0.5 * float(np.hypot(*(top - bottom))), 0.5 * (top + bottom)
    return np.concatenate([middle - half, middle + half])


def _xywh(box: Array) -> list[float]:
    return [round(float(v), _DECIMALS) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
