"""What a network finds in labelled images, right or wrong, from which its scores are calibrated."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from tqdm import tqdm

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.evaluation.calibration import right_boxes
from pose_track.evaluation.pck import person_sizes
from pose_track.geometry.boxes import clip_boxes
from pose_track.pose.estimator import COUNTED_JOINT_SCORE, PoseEstimator, person_scores
from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, FloatingArray, IntArray
from pose_track.structures.frames import Detections, Poses

PCK_THRESHOLD = 0.2  # of the reference length (`person_sizes`), within which a joint is right
SHIFT_DEVIATION = np.array([0.08, 0.06])  # of a box's centre, as fractions of its width and height
SIZE_DEVIATION = np.array([0.18, 0.11])  # of the logarithms of a box's width and height
"""By how much a true box is shaken: standard deviations of the bundled detector's boxes on people of its validation
images and in gyms (635 boxes of IoU 0.5 or more)."""
_BATCH = 32  # people


class FoundPeople(NamedTuple):
    """People whose joints were found in shaken true boxes.

    scores: (N, K) raw joint scores. is_right: (N, K) within `PCK_THRESHOLD`. labelled: (N, K)
    joints with a label. half: (N,) which half of the images, see `second_half`.
    """

    scores: Float32Array
    is_right: BoolArray
    labelled: BoolArray
    half: BoolArray


class FoundBoxes(NamedTuple):
    """Detected boxes. scores: (N,) raw. is_right: (N,), see `right_boxes`. half: (N,) as in `FoundPeople`."""

    scores: Float32Array
    is_right: BoolArray
    half: BoolArray


class CutOffScores(NamedTuple):
    """The raw scores of labelled joints of people whose image was cut off.

    cut_off: (N,) of joints that the image no longer shows. kept: (M,) of those that it does. people: (P,) which they
    are, of the labelled people.
    """

    cut_off: Float32Array
    kept: Float32Array
    people: IntArray


Found = TypeVar("Found", FoundPeople, FoundBoxes, CutOffScores)


def merge(found: Sequence[Found]) -> Found:
    """What was found in several sources, at least one."""
    return type(found[0])(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))


def second_half(groups: Iterable[str]) -> BoolArray:
    """(N,) whether each group belongs to the second half of the data, which only its name decides."""
    return np.array([zlib.crc32(group.encode()) % 2 for group in groups], bool)


def _group(label: PersonLabel | ImageLabel) -> str:
    """What stays in one half: the group of the image, or the image where it has none."""
    return label.group or label.file_name


def shake_boxes(boxes: FloatingArray, rng: np.random.Generator) -> Float64Array:
    """Boxes (N, 4) moved and resized at random, as much as the bundled detector's boxes differ from the true ones."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + rng.normal(0, SHIFT_DEVIATION, sizes.shape) * sizes
    halves = sizes * np.exp(rng.normal(0, SIZE_DEVIATION, sizes.shape)) / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def find_people(estimate: PoseEstimator, images: ImageStore, people: Sequence[PersonLabel]) -> FoundPeople:
    """The joints of people in shaken true boxes. People without a reference length are left out."""
    joints, visibility = np.stack([p.joints for p in people]), np.stack([p.visibility for p in people])
    boxes = np.stack([person.box for person in people])
    sizes = person_sizes(joints, visibility, boxes, estimate.skeleton)
    chosen = np.flatnonzero(sizes > 0)  # not NaN
    measured = [people[i] for i in chosen.tolist()]
    poses = [Poses.empty(estimate.skeleton), *_poses(estimate, images, measured)]
    chosen = chosen[[len(pose) > 0 for pose in poses[1:]]]
    found = np.concatenate([pose.joints for pose in poses])
    distances = np.linalg.norm(found - joints[chosen], axis=-1)
    return FoundPeople(
        np.concatenate([pose.joint_scores for pose in poses]),
        distances <= PCK_THRESHOLD * sizes[chosen, None],
        visibility[chosen] > 0,
        second_half(_group(people[i]) for i in chosen.tolist()),
    )


def judge_boxes(labels: Sequence[ImageLabel], detections: Sequence[Detections]) -> FoundBoxes:
    """The boxes detected in each exhaustively labelled image, without those in ignore regions."""
    found = [FoundBoxes(np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0, bool))]
    for label, boxes in zip(labels, detections, strict=True):
        is_right, counts = right_boxes(boxes.boxes, boxes.scores, label.boxes, label.ignore)
        half = second_half([_group(label)]).repeat(int(counts.sum()))
        found.append(FoundBoxes(boxes.scores[counts], is_right[counts], half))
    return merge(found)


def person_cases(found: FoundPeople, scores: Float32Array) -> tuple[Float32Array, Float64Array]:
    """(P,) scores of people by `person_scores`, for boxes of score 1, and (P,) the shares of right joints among those
    that count in them and are labelled. People without such joints are left out. scores: (N, K) of the joints."""
    counted = found.labelled & (scores > COUNTED_JOINT_SCORE)
    has_joints = counted.any(axis=1)
    shares = (found.is_right & counted).sum(axis=1)[has_joints] / counted.sum(axis=1)[has_joints]
    return person_scores(np.ones(len(scores)), scores)[has_joints], shares


def cut_off_scores(
    estimate: PoseEstimator, images: ImageStore, people: Sequence[PersonLabel], above: str, below: str
) -> CutOffScores:
    """The scores of joints where the image ends half way between two pairs of joints, such as "knee" and "ankle".

    People count if all four joints are labelled and the lower pair is below the upper one by at least a twentieth of
    the box. The image and the shaken box are cut off at the same height.
    """
    names = estimate.skeleton.joint_names
    pairs = [[names.index(f"{side}_{joint}") for side in ("left", "right")] for joint in (above, below)]
    rows = [_cut_height(person, *pairs) for person in people]
    chosen = np.array([i for i, row in enumerate(rows) if row is not None], np.int64)
    cut = [(people[i], row) for i in chosen if (row := rows[i]) is not None]
    poses = _poses(estimate, images, [person for person, _ in cut], [row for _, row in cut])
    cut_off, kept = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for (person, row), pose in zip(cut, poses, strict=True):
        labelled, is_below = person.visibility > 0, person.joints[:, 1] >= row
        cut_off += [scores[labelled & is_below] for scores in pose.joint_scores]
        kept += [scores[labelled & ~is_below] for scores in pose.joint_scores]
    return CutOffScores(np.concatenate(cut_off), np.concatenate(kept), chosen)


def _cut_height(person: PersonLabel, upper: Sequence[int], lower: Sequence[int]) -> int | None:
    """The row at which the image ends, half way between two pairs of joints; None for a person who does not count."""
    y = person.joints[:, 1]
    top, bottom = y[upper].max(), y[lower].min()
    is_upright = bottom - top >= 0.05 * (person.box[3] - person.box[1])
    row = int((top + bottom) / 2)
    return row if is_upright and row > 0 and (person.visibility[[*upper, *lower]] > 0).all() else None


def _poses(
    estimate: PoseEstimator, images: ImageStore, people: Sequence[PersonLabel], heights: Sequence[int] | None = None
) -> list[Poses]:
    """Of each person the pose in a shaken box, or none where the shaken box is outside the image. heights: at which the
    image of each person is cut off."""
    rng = np.random.default_rng(0)
    poses: list[Poses] = []
    for start in tqdm(range(0, len(people), _BATCH), "estimating", leave=False, disable=None):
        views, boxes = [], []
        for index, person in enumerate(people[start : start + _BATCH], start):
            image = images.read(person.file_name, person.image_size)
            views.append(image if heights is None else image[: heights[index]])
            box = clip_boxes(shake_boxes(person.box[None], rng), (image.shape[1], views[-1].shape[0]))
            boxes.append(Detections(box.astype(np.float32), np.ones(1, np.float32)))
        poses += estimate.run_batch(views, boxes)
    return poses
