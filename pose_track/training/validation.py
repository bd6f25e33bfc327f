"""Metrics of a keypoint network and of the person detector on labelled images."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn
from tqdm import tqdm

from pose_track.datasets.annotations import JsonObject, OnBroken, read_entries, read_json, to_array
from pose_track.datasets.coco import CocoFile, load_boxes
from pose_track.datasets.images import ImageStore
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.datasets.load import identify_format
from pose_track.detection.detector import CentreDetector
from pose_track.evaluation.box_ap import detection_metrics
from pose_track.evaluation.coco_keypoints import LabelledPose, keypoint_ground_truth
from pose_track.evaluation.coco_tool import Dataset
from pose_track.evaluation.coco_wholebody import coco_metrics
from pose_track.evaluation.pck import has_torso, pck, person_sizes
from pose_track.evaluation.pckh import PckhGroundTruth, load_pckh_ground_truth, pckh
from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.model_spec import Run
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.frames import Detections
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, MPII_16, Skeleton
from pose_track.training.config import Metric
from pose_track.training.prediction import (
    Candidate,
    PosePredictions,
    coco_results,
    detected_candidates,
    gt_candidates,
    predict_poses,
)

MIN_SCORE = 0.02  # score below which a box is not evaluated
HEAD_SIZES_FILE = "gt_valid.mat"  # head sizes of MPII's validation people, published beside valid.json


@dataclass(frozen=True, eq=False)
class PoseEvaluator:
    """A metric on labelled images.

    metric: its name.
    candidates: the boxes to estimate poses in, at least one.
    compute: returns metrics by name; higher is better, and the first is the main metric.
    """

    metric: Metric
    candidates: Sequence[Candidate]
    compute: Callable[[PosePredictions], dict[str, float]]


def evaluate_poses(
    network: nn.Module,
    evaluator: PoseEvaluator,
    images: ImageStore,
    skeleton: Skeleton,
    codec: Codec,
    flip_test: bool = False,
    device: str = "cpu",
) -> dict[str, float]:
    """The metrics of a network with the joints of `skeleton`, run in float32."""
    flip_indices = skeleton.flip_indices if flip_test else None
    run = TorchRuntime(InferenceModel(network, flip_indices, codec.flip_shift), device, "float32")
    return evaluator.compute(predict_poses(run, codec, images, evaluator.candidates))


def detector_metrics(
    network: nn.Module, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, device: str = "cpu"
) -> dict[str, float]:
    """`detection_metrics` of a detector, run in float32. Images that are not exhaustively labelled are left out."""
    run = TorchRuntime(InferenceModel(network), device, "float32")
    labels = [label for label in labels if label.exhaustive]
    return detection_metrics(labels, detect_labelled(run, images, labels, long_side))


def detect_labelled(
    run: Run, images: ImageStore, labels: Sequence[ImageLabel], long_side: int, max_iou: float = 0.6
) -> list[Detections]:
    """The detections of a `CentreNet` in each labelled image, down to the score `MIN_SCORE`. max_iou: see
    `CentreDetector`."""
    detect = CentreDetector(run, long_side, MIN_SCORE, max_iou)
    return [
        detect(images.read(label.file_name, label.image_size))
        for label in tqdm(labels, "detecting", leave=False, disable=None)
    ]


def exhaustive_images(annotations: Path) -> list[ImageLabel]:
    """The images of a COCO-format file in which every person is labelled. Raises ValueError where there is none."""
    labels = [label for label in load_boxes(annotations) if label.exhaustive]
    if not labels:
        raise ValueError(f"{annotations} has no exhaustively labelled image to evaluate on; give other val data")
    return labels


def pose_evaluator(
    people: Sequence[PersonLabel],
    skeleton: Skeleton,
    annotations: Path,
    metric: Metric | None = None,
    boxes: Path | None = None,
    on_broken: OnBroken = "stop",
) -> PoseEvaluator:
    """The evaluator of a network on labelled people.

    Args:
        people: all those of `annotations`.
        skeleton: of the labels and the network.
        annotations: the annotation file, or PoseTrack's folder of files.
        metric: None for the usual one: "pckh" for MPII's joints with known head sizes, "coco" for COCO's or
            COCO-WholeBody's joints in a COCO-format file, else "pck".
        boxes: a COCO-format file of detections that replaces the annotated boxes ("coco" only).
        on_broken: see `read_entries`.

    Raises FileNotFoundError, or ValueError if there is nobody, or if the arguments do not fit together.
    """
    if not people:
        raise ValueError(f"{annotations} has no person with a labelled joint of {skeleton.name} to evaluate on")
    heads = _pckh_ground_truth(people, annotations) if skeleton == MPII_16 and metric in (None, "pckh") else None
    if metric is None:
        is_coco = skeleton in (COCO_17, COCO_WHOLEBODY_133) and identify_format(annotations) == "coco"
        metric = "pckh" if heads is not None else "coco" if is_coco else "pck"
    if metric == "coco":
        return _coco_evaluator(people, skeleton, annotations, boxes, on_broken)
    if boxes is not None:
        raise ValueError(f"{metric} uses the annotated boxes; leave out {str(boxes)!r}, or give metric coco")
    if metric == "pck":
        return _pck_evaluator(people, skeleton)
    if heads is None:
        no_sizes = f"neither {annotations} nor a {HEAD_SIZES_FILE} of the same people beside it has head sizes"
        reason = no_sizes if skeleton == MPII_16 else f"the joints are those of {skeleton.name}, not of {MPII_16.name}"
        raise ValueError(f"cannot compute pckh: {reason}; give metric pck")
    return PoseEvaluator("pckh", gt_candidates(people), lambda predictions: pckh(predictions.joints, heads))


def _pckh_ground_truth(people: Sequence[PersonLabel], annotations: Path) -> PckhGroundTruth | None:
    """The ground truth of PCKh, None without head sizes.

    The published head sizes of the validation people are in a separate file beside `annotations`, in the same order;
    joint positions show whether it has the same people.
    """
    joints, missing = np.stack([p.joints for p in people]), np.stack([p.visibility == 0 for p in people])
    sizes = np.array([person.head_size for person in people])
    if np.isfinite(sizes).any():
        return PckhGroundTruth(joints, missing, sizes)
    path = annotations.with_name(HEAD_SIZES_FILE)
    published = load_pckh_ground_truth(path) if path.is_file() else None
    if published is None or published.joints.shape != joints.shape:
        return None
    distances = np.linalg.norm(published.joints - joints, axis=-1)[~missing]
    return published if np.median(distances) < 1 else None


def _pck_evaluator(people: Sequence[PersonLabel], skeleton: Skeleton) -> PoseEvaluator:
    """PCK@0.2 of the torso: "pck" over all joints, one a source, such as "pck_gym", and one a joint type, such as
    "pck_hip"; NaN if unlabelled. Images without a source count in the first and the third kind only.

    Of a skeleton without shoulders and hips it is PCK@0.05 of the longer side of the box, and "pck_box" in the names.
    """
    name = "pck" if has_torso(skeleton) else "pck_box"
    sources = np.array([person.source for person in people])
    truth, visibility = np.stack([p.joints for p in people]), np.stack([p.visibility for p in people])
    sizes = person_sizes(truth, visibility, np.stack([p.box for p in people]), skeleton)

    def compute(predictions: PosePredictions) -> dict[str, float]:
        total, per_joint = pck(predictions.joints, truth, visibility, sizes)
        by_source: dict[str, float] = {}
        for source in sorted(set(sources.tolist()) - {""}):
            of = sources == source
            share, joint_shares = pck(predictions.joints[of], truth[of], visibility[of], sizes[of])
            by_source[f"{name}_{source}"] = math.nan if np.isnan(joint_shares).all() else share
        values: dict[str, list[float]] = defaultdict(list)
        for joint_type, value in zip(skeleton.joint_types, per_joint.tolist(), strict=True):
            values[joint_type] += [] if math.isnan(value) else [value]
        means = {part: sum(values[part]) / len(values[part]) if values[part] else math.nan for part in sorted(values)}
        return {name: total, **by_source, **{f"{name}_{part}": mean for part, mean in means.items()}}

    return PoseEvaluator("pck", gt_candidates(people), compute)


def _coco_evaluator(
    people: Sequence[PersonLabel], skeleton: Skeleton, annotations: Path, boxes: Path | None, on_broken: OnBroken
) -> PoseEvaluator:
    """COCO's AP and AR; see `coco_metrics`."""
    if annotations.is_dir():
        raise ValueError(f"metric coco needs one COCO-format file, {annotations} is a folder; give metric pck")
    file = CocoFile(annotations, read_json(annotations))
    truth = coco_ground_truth(annotations, file, skeleton, on_broken)
    candidates = gt_candidates(people) if boxes is None else detected_candidates(boxes, file.images, on_broken)
    if not candidates:
        raise ValueError(f"{boxes} has no box in any image of {annotations}; its image_id must be the ids there")

    def compute(predictions: PosePredictions) -> dict[str, float]:
        return coco_metrics(truth, coco_results(candidates, predictions, skeleton), skeleton)

    return PoseEvaluator("coco", candidates, compute)


def coco_ground_truth(path: Path, file: CocoFile, skeleton: Skeleton, on_broken: OnBroken = "stop") -> Dataset:
    """The ground truth of the file at `path`, with crowds and people without labelled joints."""
    joints = JointMap(file.joint_names, skeleton, path)
    unlabelled = np.zeros((skeleton.num_joints, 2)), np.zeros(skeleton.num_joints, np.int64)

    def read(annotation: JsonObject) -> LabelledPose | None:
        if not file.is_person(annotation):
            return None
        keypoints = file.keypoints(annotation)
        pose = joints.convert(keypoints[:, :2], keypoints[:, 2]) or unlabelled
        area = float(to_array(annotation.get("area"), (), "area"))
        if not area >= 0:
            raise ValueError(f"needs an area for metric coco, but not for pck, got {annotation.get('area')!r}")
        crowd = bool(annotation.get("iscrowd"))
        return LabelledPose(file.image(annotation)["id"], *pose, file.box(annotation), area, crowd)

    return keypoint_ground_truth(file.images, read_entries(path, file.annotations(), read, on_broken))
