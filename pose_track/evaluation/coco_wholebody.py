"""COCO-WholeBody evaluation: COCO's metrics of all 133 joints, and AP and AR of each part of the body."""

from __future__ import annotations

from collections.abc import Sequence

from pose_track.evaluation.coco_keypoints import keypoint_extent, keypoint_metrics
from pose_track.evaluation.coco_tool import Dataset, Entry
from pose_track.formats.coco_wholebody import COLUMNS
from pose_track.structures.skeleton import COCO_WHOLEBODY_133, Skeleton


def wholebody_metrics(gt: Dataset, results: Sequence[Entry]) -> dict[str, float]:
    """COCO's ten metrics of the whole body, see `keypoint_metrics`, then AP and AR of each part: "AP_body", "AR_body",
    "AP_foot", and so on.

    gt: from `keypoint_ground_truth`, with the joints of COCO_WHOLEBODY_133.
    results: entries of a results file with all 133 joints in one list. A person without any joint of a part above score
        0 is left out in that part.

    As in the published evaluation (xtcocotools), a part of a person counts where a joint of it is labelled, and the
    scale is the area of the whole person. Raises as `evaluate_keypoints`.
    """
    results = [{**entry, "area": _body_area(entry)} for entry in results]
    metrics = keypoint_metrics(gt, results, COCO_WHOLEBODY_133)
    for part, columns in COLUMNS.items():
        of_part = keypoint_metrics(_gt_part(gt, columns), _results_part(results, columns), _part(columns))
        metrics |= {f"{name}_{part}": of_part[name] for name in ("AP", "AR")}
    return metrics


def coco_metrics(gt: Dataset, results: Sequence[Entry], skeleton: Skeleton) -> dict[str, float]:
    """`wholebody_metrics` for the joints of COCO_WHOLEBODY_133, `keypoint_metrics` for those of other skeletons."""
    if skeleton.joint_names == COCO_WHOLEBODY_133.joint_names:
        return wholebody_metrics(gt, results)
    return keypoint_metrics(gt, results, skeleton)


def _part(columns: slice) -> Skeleton:
    whole = COCO_WHOLEBODY_133
    sigmas = tuple(whole.sigmas[columns].tolist())
    return Skeleton(f"{whole.name}_part", whole.joint_names[columns], pairs=(), limbs=(), deviations=sigmas)


def _body_area(entry: Entry) -> float:
    """The extent of the 17 joints of the body, in square pixels."""
    return keypoint_extent(entry["keypoints"][: 3 * COLUMNS["body"].stop])


def _gt_part(gt: Dataset, columns: slice) -> Dataset:
    annotations = []
    for annotation in gt["annotations"]:
        keypoints = annotation["keypoints"][3 * columns.start : 3 * columns.stop]
        num_keypoints = sum(visibility > 0 for visibility in keypoints[2::3])
        annotations.append({**annotation, "keypoints": keypoints, "num_keypoints": num_keypoints})
    return {**gt, "annotations": annotations}


def _results_part(results: Sequence[Entry], columns: slice) -> list[Entry]:
    entries = []
    for entry in results:
        keypoints = entry["keypoints"][3 * columns.start : 3 * columns.stop]
        if any(score > 0 for score in keypoints[2::3]):
            entries.append({**entry, "keypoints": keypoints})
    return entries
