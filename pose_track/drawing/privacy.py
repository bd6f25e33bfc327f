"""Making heads or whole people unrecognisable."""

from __future__ import annotations

import cv2
import numpy as np

from pose_track.drawing.style import Privacy
from pose_track.geometry.boxes import joints_to_boxes
from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.structures.frames import Poses

_HEAD = ("nose", "eye", "ear", "head_top", "head_bottom")
_CELLS = 6  # of the shorter side of a head, of which nothing can be restored
_PERSON_CELLS = 8
_PERSON_MARGIN = 0.05

# The height of a head from chin to crown as a multiple of other lengths of an adult (Drillis and Contini, "Body Segment
# Parameters", 1966: head and neck 0.182 of the stature, shoulders 0.259, trunk from shoulder to hip 0.288)
_OF_SHOULDERS, _OF_TRUNK = 0.6, 0.55
_OF_BOX = 0.15
_HEAD_MARGIN = 1.8


def obscure(image: ImageArray, poses: Poses, privacy: Privacy) -> None:
    """Blur or pixelate the heads, or the boxes, of all people of an image, in place.

    Both reduce a part of the image to a few cells; blur shows them with soft edges. A person whose head has no joint is
    covered in the upper third of the box.
    """
    if privacy == "none" or not len(poses):
        return
    method, _, what = privacy.partition("_")
    interpolation = cv2.INTER_NEAREST if method == "pixelate" else cv2.INTER_LINEAR
    boxes, cells = (head_boxes(poses), _CELLS) if what == "heads" else (_person_boxes(poses), _PERSON_CELLS)
    source = image.copy()  # so that people who overlap do not see each other's cells
    for box in boxes:
        _reduce(image, source, box, cells, interpolation, is_round=what == "heads")


def _person_boxes(poses: Poses) -> Float32Array:
    """(N, 4) boxes that hold the person's box and joints, with a margin."""
    present = np.asarray((poses.joint_scores > 0) & np.isfinite(poses.joints).all(axis=-1))
    extents = joints_to_boxes(np.where(np.expand_dims(present, -1), poses.joints, 0), present, min_score=0)
    has_extent = np.expand_dims(present.any(axis=1), 1)
    low = np.where(has_extent, np.minimum(poses.boxes[:, :2], extents[:, :2]), poses.boxes[:, :2])
    high = np.where(has_extent, np.maximum(poses.boxes[:, 2:], extents[:, 2:]), poses.boxes[:, 2:])
    margin = _PERSON_MARGIN * (high - low)
    return np.concatenate([low - margin, high + margin], axis=1).astype(np.float32)


def head_boxes(poses: Poses) -> Float32Array:
    """(N, 4) x1 y1 x2 y2, squares around the heads, rather too large than too small.

    Joints of any score above 0 count: an unsure place of a head is better than none.
    """
    return np.array([_head_box(poses, i) for i in range(len(poses))], np.float32).reshape(-1, 4)


def _head_box(poses: Poses, i: int) -> Float32Array:
    joints, box, skeleton = poses.joints[i], poses.boxes[i], poses.skeleton
    present = (poses.joint_scores[i] > 0) & np.isfinite(joints).all(axis=-1)

    def places(*types: str) -> Float32Array:
        rows = [k for k, kind in enumerate(skeleton.joint_types) if present[k] and kind in types]
        return np.asarray(joints[rows])

    def length(points: Float32Array) -> float:
        return float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) > 1 else 0.0

    head, shoulders, hips = places(*_HEAD), places("shoulder"), places("hip")
    box_height = float(box[3] - box[1])
    if not len(head):
        return np.array([box[0], box[1], box[2], box[1] + box_height / 3], np.float32)
    sizes = [length(head), _OF_SHOULDERS * length(shoulders), _OF_BOX * box_height]
    if len(shoulders) and len(hips):
        sizes.append(_OF_TRUNK * float(np.linalg.norm(shoulders.mean(axis=0) - hips.mean(axis=0))))
    radius = _HEAD_MARGIN * max(sizes) / 2
    centre = (head.min(axis=0) + head.max(axis=0)) / 2
    return np.asarray(np.concatenate([centre - radius, centre + radius]), np.float32)


def _reduce(
    image: ImageArray, source: ImageArray, box: Float32Array, cells: int, interpolation: int, is_round: bool
) -> None:
    """Show a part of the source as cells in the image."""
    if not np.isfinite(box).all():
        return
    height, width = image.shape[:2]
    x1, y1 = (int(value) for value in np.clip(np.floor(box[:2]), 0, (width, height)))
    x2, y2 = (int(value) for value in np.clip(np.ceil(box[2:]) + 1, 0, (width, height)))
    if x2 <= x1 or y2 <= y1:
        return
    part_width, part_height = x2 - x1, y2 - y1
    cell = max(1.0, float((box[2:] - box[:2]).min()) / cells)
    size = max(1, round(part_width / cell)), max(1, round(part_height / cell))
    small = cv2.resize(source[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
    reduced = cv2.resize(small, (part_width, part_height), interpolation=interpolation)
    if not is_round:
        image[y1:y2, x1:x2] = reduced
        return
    rows, columns = np.mgrid[y1:y2, x1:x2]
    (centre_x, centre_y), (radius_x, radius_y) = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 + 1
    inside = ((columns - centre_x) / radius_x) ** 2 + ((rows - centre_y) / radius_y) ** 2 <= 1
    image[y1:y2, x1:x2][inside] = reduced[inside]
