"""Average precision and recall of poses by object keypoint similarity, as COCO measures them, through pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_track.geometry.boxes import xyxy_to_xywh
from pose_track.geometry.oks import oks_matrix, oks_nms
from pose_track.structures.skeleton import Skeleton

Entry = dict[str, Any]

FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
PERSON = {"id": 1, "name": "person"}


class LabelledPose(NamedTuple):
    """One person of the truth, or a crowd.

    joints: (K, 2) pixels; visibility: (K,), 0 not labelled; box: (4,) x1 y1 x2 y2; area: in square pixels, by which
    distances are measured.
    """

    image_id: int
    joints: NDArray[np.floating]
    visibility: NDArray[np.integer]
    box: NDArray[np.floating]
    area: float
    crowd: bool = False


def keypoint_truth(image_ids: Iterable[int], people: Iterable[LabelledPose]) -> COCO:
    """The truth of the pictures of these ids, some of which may be without people.

    Crowds, and people without any labelled joint, are regions in which what is found counts neither way.
    """
    notes = [{**_note(person), "id": number} for number, person in enumerate(people, 1)]
    return _index({"images": [{"id": i} for i in image_ids], "categories": [PERSON], "annotations": notes})


def _note(person: LabelledPose) -> Entry:
    keypoints = np.column_stack([person.joints, person.visibility])
    return {
        "image_id": person.image_id,
        "category_id": PERSON["id"],
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((person.visibility > 0).sum()),
        "bbox": xyxy_to_xywh(person.box[None])[0].tolist(),
        "area": person.area,
        "iscrowd": int(person.crowd),
    }


def keypoint_results(
    image_ids: NDArray[np.integer],
    joints: NDArray[np.floating],
    joint_scores: NDArray[np.floating],
    scores: NDArray[np.floating],
    areas: NDArray[np.floating],
    skeleton: Skeleton,
    max_oks: float = 0.9,
) -> list[Entry]:
    """N poses as entries of a COCO results file, without doubles; those of a picture together, the best first.

    image_ids: (N,); joints: (N, K, 2) pixels; joint_scores: (N, K); scores: (N,) of the people; areas: (N,) of their
    crops in square pixels. Of two people of a picture whose OKS is above `max_oks` the better one stays. With person
    scores by the rule of `person_scores` these are the results of the published code.
    """
    images: dict[int, list[int]] = defaultdict(list)
    for row, image_id in enumerate(image_ids.tolist()):
        images[image_id].append(row)
    keypoints = np.dstack([joints, joint_scores])  # (N, K, 3)
    entries = []
    for image_id, rows in images.items():
        who = joints[rows], joint_scores[rows], areas[rows]
        kept = oks_nms(oks_matrix(*who, *who, skeleton.sigmas), scores[rows], max_oks)
        for row in np.array(rows)[kept]:
            entry = {"image_id": image_id, "category_id": PERSON["id"], "score": float(scores[row])}
            entries.append({**entry, "keypoints": keypoints[row].ravel().tolist()})
    return entries


def compare_keypoints(truth: COCO, results: Sequence[Entry], skeleton: Skeleton) -> COCOeval:
    """pycocotools' evaluation of the entries of a results file, accumulated and summarized: see its `eval` and `stats`.

    truth: from `keypoint_truth`, with the joints of `skeleton`, whose deviations it is measured by. Of a picture's
    people the best 20 count. Raises ValueError for results of a picture that the truth does not list.
    """
    unknown = {entry["image_id"] for entry in results} - set(truth.getImgIds())
    if unknown:
        raise ValueError(f"there are results of image {min(unknown)!r}, which the truth does not list")
    nothing = _index({**truth.dataset, "annotations": []})
    with contextlib.redirect_stdout(io.StringIO()):
        found = truth.loadRes([dict(entry) for entry in results]) if results else nothing
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = skeleton.sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def keypoint_figures(truth: COCO, results: Sequence[Entry], skeleton: Skeleton) -> dict[str, float]:
    """COCO's ten figures in [0, 1]; NaN where nobody of that size is labelled. AP and AR are means over OKS 0.5 to
    0.95, APM, APL, ARM and ARL those of people of medium and large area. Arguments and errors as in
    `compare_keypoints`."""
    stats = compare_keypoints(truth, results, skeleton).stats
    return {name: float(value) if value >= 0 else float("nan") for name, value in zip(FIGURES, stats, strict=True)}


def _index(dataset: Entry) -> COCO:
    coco = COCO()
    coco.dataset = dataset
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
