"""COCO keypoint evaluation: average precision and recall by object keypoint similarity; see `coco_tool`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_track.evaluation.coco_tool import PERSON, Dataset, Entry, coco_eval, silent
from pose_track.geometry.boxes import xyxy_to_xywh
from pose_track.geometry.oks import oks_matrix, oks_nms
from pose_track.structures.arrays import FloatingArray
from pose_track.structures.skeleton import Skeleton

COCO_METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


class LabelledPose(NamedTuple):
    """A labelled person, or a crowd.

    joints: (K, 2) pixels.
    visibility: (K,); 0 for an unlabelled joint.
    box: (4,) x1 y1 x2 y2.
    area: square pixels; the scale of the OKS.
    """

    image_id: int
    joints: FloatingArray
    visibility: NDArray[np.integer]
    box: FloatingArray
    area: float
    is_crowd: bool = False


def keypoint_ground_truth(image_ids: Iterable[int], people: Iterable[LabelledPose]) -> Dataset:
    """The ground truth of the images, some of which may be without people.

    Crowds and people without labelled joints are ignore regions.
    """
    annotations = [{**_annotation(person), "id": number} for number, person in enumerate(people, 1)]
    return {"images": [{"id": i} for i in image_ids], "categories": [PERSON], "annotations": annotations}


def _annotation(person: LabelledPose) -> Entry:
    keypoints = np.column_stack([person.joints, person.visibility])
    return {
        "image_id": person.image_id,
        "category_id": PERSON["id"],
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((person.visibility > 0).sum()),
        "bbox": xyxy_to_xywh(person.box[None])[0].tolist(),
        "area": person.area,
        "iscrowd": int(person.is_crowd),
    }


def keypoint_results(
    image_ids: NDArray[np.integer],
    joints: FloatingArray,
    joint_scores: FloatingArray,
    scores: FloatingArray,
    areas: FloatingArray,
    skeleton: Skeleton,
    max_oks: float = 0.9,
) -> list[Entry]:
    """N poses as entries of a COCO results file, after OKS NMS. Entries are grouped by image, the best first.

    image_ids: (N,).
    joints: (N, K, 2) pixels.
    joint_scores: (N, K).
    scores: (N,) person scores. With those of `person_scores` the results are those of the published code.
    areas: (N,) areas of the people's crops in square pixels.
    max_oks: of two people in an image whose OKS is larger, the better one is kept.
    """
    images: dict[int, list[int]] = defaultdict(list)
    for row, image_id in enumerate(image_ids.tolist()):
        images[image_id].append(row)
    keypoints = np.dstack([joints, joint_scores])  # (N, K, 3)
    entries = []
    for image_id, rows in images.items():
        poses = joints[rows], joint_scores[rows], areas[rows]
        kept = oks_nms(oks_matrix(*poses, *poses, skeleton.sigmas), scores[rows], max_oks)
        for row in np.array(rows)[kept]:
            entry = {"image_id": image_id, "category_id": PERSON["id"], "score": float(scores[row])}
            entries.append({**entry, "keypoints": keypoints[row].ravel().tolist()})
    return entries


def evaluate_keypoints(gt: Dataset, results: Sequence[Entry], skeleton: Skeleton) -> Any:
    """The COCOeval of results, accumulated and summarized: see its `eval` and `stats`.

    gt: from `keypoint_ground_truth`, with the joints of `skeleton`, whose sigmas are used.
    results: entries of a results file. An image's 20 best people count. Their areas, by which unmatched people are
        sorted into the sizes, are the entries' "area", or the extent of their keypoints.

    Raises ValueError for results of an image that is not in the ground truth.
    """
    unknown = {entry["image_id"] for entry in results} - {image["id"] for image in gt["images"]}
    if unknown:
        raise ValueError(f"results of image {min(unknown)!r}, which is not in the ground truth; remove them")
    people = [{"area": keypoint_extent(entry["keypoints"]), **entry, "id": n} for n, entry in enumerate(results, 1)]
    evaluation = coco_eval(gt, people, "keypoints", kpt_oks_sigmas=skeleton.sigmas)
    with silent():
        evaluation.summarize()
    return evaluation


def keypoint_extent(keypoints: Sequence[float]) -> float:
    """The area of the box around joints x y score x y score ..., in square pixels.

    >>> keypoint_extent([1, 2, 0.5, 4, 8, 0.5])
    18.0
    """
    x, y = keypoints[0::3], keypoints[1::3]
    return float((max(x) - min(x)) * (max(y) - min(y)))


def keypoint_metrics(gt: Dataset, results: Sequence[Entry], skeleton: Skeleton) -> dict[str, float]:
    """COCO's ten metrics in [0, 1]; NaN without labelled people of that size.

    AP and AR are means over OKS 0.5 to 0.95; APM, APL, ARM and ARL are those of people of medium and large area. See
    `evaluate_keypoints` for the arguments and errors.
    """
    stats = evaluate_keypoints(gt, results, skeleton).stats
    return {name: float(value) if value >= 0 else float("nan") for name, value in zip(COCO_METRICS, stats, strict=True)}
