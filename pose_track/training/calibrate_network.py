"""Calibration of a network: the map from its scores to the share of right cases, and how reliable it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.datasets.coco import load_boxes
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.load import load_people
from pose_track.evaluation.calibration import Tenth, cross_fit, fit_score_map, reliability
from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.models.metadata import parse_pose_metadata
from pose_track.models.score_map import SCORE_MAP, ScoreMap
from pose_track.pose.estimator import PoseEstimator
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.runtime.model_spec import Run
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.arrays import BoolArray, Float32Array
from pose_track.structures.skeleton import Skeleton
from pose_track.training.calibration import (
    CutOffScores,
    cut_off_scores,
    find_people,
    judge_boxes,
    merge,
    person_cases,
)
from pose_track.training.config import DataSource, TrainingConfig
from pose_track.training.tasks import build_network
from pose_track.training.validation import detect_labelled

_CUTS = {"under the knees": ("knee", "ankle"), "under the hips": ("hip", "knee")}


@dataclass(frozen=True)
class Calibration:
    """The calibration of a network.

    metadata: entries of its weights file, with the score map.
    score_map: fitted on all data.
    raw: reliability of the raw scores.
    tables: reliability of calibrated scores by name: joints and people, or boxes. Each half of the images is scored by
        a map that was fitted on the other half.
    cut_off: raw scores where the image is cut off, by where that is; empty for a detector.
    """

    metadata: dict[str, str]
    score_map: ScoreMap
    raw: list[Tenth]
    tables: dict[str, list[Tenth]]
    cut_off: dict[str, CutOffScores]


def calibrate_network(config: TrainingConfig, sources: Sequence[DataSource], metadata: dict[str, str]) -> Calibration:
    """The calibration of the network of `config`, whose `init_weights` are its weights.

    sources: validation data. metadata: of the weights file, which states the decoding of a keypoint network.

    Raises FileNotFoundError or ValueError for missing or broken weights or data, and for too little data.
    """
    run = TorchRuntime(InferenceModel(build_network(config)), "auto", "float32")
    if config.task == "detector":
        return _calibrate_detector(run, config.detector.long_side, sources)
    codec = replace(config.pose.codec, decoding=parse_pose_metadata(metadata).decoding)
    return _calibrate_pose(run, codec, config.pose.skeleton, sources)


def _calibrate_detector(run: Run, long_side: int, sources: Sequence[DataSource]) -> Calibration:
    found, max_iou = [], DetectorSettings().max_iou
    for source in sources:
        labels = [label for label in load_boxes(source.annotations) if label.exhaustive]
        found.append(judge_boxes(labels, detect_labelled(run, ImageStore(source.images), labels, long_side, max_iou)))
    scores, is_right, half = merge(found)
    score_map = fit_score_map(scores, is_right)
    checked = _score(scores, half, *cross_fit(scores, is_right, half))
    tables = {"boxes": reliability(checked, is_right)}
    return Calibration({SCORE_MAP: str(score_map)}, score_map, reliability(scores, is_right), tables, {})


def _calibrate_pose(run: Run, codec: Codec, skeleton: Skeleton, sources: Sequence[DataSource]) -> Calibration:
    estimate = PoseEstimator(CroppedKeypoints(run, codec, max_batch=32), skeleton, codec, PoseSettings().padding)
    data = [(ImageStore(source.images), _people(source, skeleton)) for source in sources]
    found = merge([find_people(estimate, images, people) for images, people in data])
    counted = found.labelled & (found.scores > 0)
    halves = np.broadcast_to(found.half[:, None], counted.shape)
    scores, is_right = found.scores[counted], found.is_right[counted]
    score_map = fit_score_map(scores, is_right)
    checked = _score(found.scores, halves, *cross_fit(scores, is_right, halves[counted]))
    tables = {
        "joints": reliability(checked[counted], is_right),
        "people": reliability(*person_cases(found, checked)),
    }
    cut_off = {
        name: merge([cut_off_scores(estimate, images, people, *joints) for images, people in data])
        for name, joints in _cuts(skeleton).items()
    }
    metadata = {"decoding": codec.resolved_decoding, SCORE_MAP: str(score_map)}
    return Calibration(metadata, score_map, reliability(scores, is_right), tables, cut_off)


def _people(source: DataSource, skeleton: Skeleton) -> list[PersonLabel]:
    people = load_people(source.format, source.annotations, skeleton)
    if not people:
        raise ValueError(
            f"{source.annotations} has no person with a labelled joint of {skeleton.name}; give other data"
        )
    return people


def _score(scores: Float32Array, half: BoolArray, of_half: ScoreMap, of_others: ScoreMap) -> Float32Array:
    """Calibrated scores: in `half` by one map, elsewhere by the other."""
    return np.asarray(np.where(half, of_half(scores), of_others(scores)), np.float32)


def _cuts(skeleton: Skeleton) -> dict[str, tuple[str, str]]:
    """Those of `_CUTS` whose joints the skeleton has."""
    names = set(skeleton.joint_names)
    return {
        name: joints
        for name, joints in _CUTS.items()
        if names >= {f"{side}_{joint}" for joint in joints for side in ("left", "right")}
    }
