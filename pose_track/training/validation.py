"""Measuring a keypoint network on labelled pictures: where it looks, and how what it finds there is scored."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from torch import nn
from tqdm import tqdm

from pose_track.datasets.annotations import Note, OnBroken, fields, numbers, read_entries, read_json
from pose_track.datasets.coco import CocoFile
from pose_track.datasets.images import ImageStore
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.readers import recognise
from pose_track.evaluation.coco_keypoints import (
    PERSON,
    Entry,
    LabelledPose,
    keypoint_figures,
    keypoint_results,
    keypoint_truth,
)
from pose_track.evaluation.pck import pck, torso_sizes
from pose_track.evaluation.pckh import PckhTruth, load_pckh_truth, pckh
from pose_track.formats.validate import finite, objects, whole
from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.pose.estimator import person_scores, place_crops, to_frame
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.runtime.model_spec import Run
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.skeleton import COCO_17, MPII_16, Skeleton

Metric = Literal["coco", "pckh", "pck"]

PUBLISHED_HEADS = "gt_valid.mat"  # head sizes of MPII's validation people, published beside valid.json


class Candidate(NamedTuple):
    """A box to look for one person in. image_id: as the annotations name the picture; box: (4,) x1 y1 x2 y2; score: of
    the box, as its detector gave it."""

    file_name: str
    image_id: int
    box: NDArray[np.floating]
    score: float


class Found(NamedTuple):
    """N estimated people. joints: (N, K, 2) float32 pixels of their pictures; joint_scores: (N, K), the heights of
    their heatmaps, above 1 here and there; areas: (N,) of their crops in square pixels."""

    joints: NDArray[np.float32]
    joint_scores: NDArray[np.float32]
    areas: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PoseTest:
    """Where to look, at least once, and the figures of what was found there: higher is better, the first is the one to
    watch."""

    metric: Metric
    candidates: Sequence[Candidate]
    figures: Callable[[Found], dict[str, float]]


def measure_poses(
    network: nn.Module,
    test: PoseTest,
    images: ImageStore,
    skeleton: Skeleton,
    codec: Codec,
    flip_test: bool = False,
    device: str = "cpu",
) -> dict[str, float]:
    """The figures of a network, run in float32, whose joints are those of `skeleton`."""
    twins = skeleton.flip_indices if flip_test else None
    run = TorchRuntime(InferenceModel(network, twins, codec.flip_shift), device, "float32")
    return test.figures(estimate_all(run, codec, images, test.candidates))


def estimate_all(
    run: Run,
    codec: Codec,
    images: ImageStore,
    candidates: Sequence[Candidate],
    padding: float = 1.25,
    max_batch: int = 32,
    scales: Sequence[float] = (1.0,),
) -> Found:
    """The person in each of the boxes, at least one, as `PoseEstimator` finds them before it drops doubles, but that
    scores above 1 stay so: the published code ranks people by them, and AP changes where they are cut off. Crops of
    several pictures are run at once. A picture whose boxes follow one another is read once."""
    read = lru_cache(maxsize=1)(images.read)
    matrices, areas = place_crops(codec, np.stack([candidate.box for candidate in candidates]), padding)
    find = CroppedKeypoints(run, codec, max_batch, scales)
    parts = []
    for start in tqdm(range(0, len(candidates), max_batch), "estimating", leave=False, disable=None):
        batch = matrices[start : start + max_batch]
        pictures = [read(candidate.file_name) for candidate in candidates[start : start + max_batch]]
        parts.append(find(pictures, list(batch[:, None])))
    joints, scores, *_ = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Found(to_frame(joints, matrices), scores, areas)


def pose_test(
    people: Sequence[PersonLabel],
    skeleton: Skeleton,
    annotations: Path,
    metric: Metric | None = None,
    boxes: Path | None = None,
    on_broken: OnBroken = "stop",
) -> PoseTest:
    """The test of a network on labelled people.

    people: all those of `annotations`. metric: None for the usual one: "pckh" for MPII's joints where head sizes are
    known, "coco" for COCO's joints in a file of its format, else "pck". boxes: a COCO-format file of detections to look
    in instead of the true boxes ("coco" only). on_broken: see `read_entries`. Raises FileNotFoundError, or ValueError
    where there is nobody, or where these do not fit together.
    """
    if not people:
        raise ValueError(f"{annotations} has no person with a labelled joint of {skeleton.name} to measure with")
    heads = _pckh_truth(people, annotations) if skeleton == MPII_16 and metric in (None, "pckh") else None
    if metric is None:
        of_coco = skeleton == COCO_17 and recognise(annotations) == "coco"
        metric = "pckh" if heads is not None else "coco" if of_coco else "pck"
    if metric == "coco":
        return _coco_test(people, skeleton, annotations, boxes, on_broken)
    if boxes is not None:
        raise ValueError(f"{metric} is measured in the true boxes; leave out {str(boxes)!r}, or measure with coco")
    if metric == "pck":
        return _pck_test(people, skeleton)
    if heads is None:
        told = f"{annotations} tells no sizes of heads, nor does a {PUBLISHED_HEADS} of the same people beside it"
        reason = told if skeleton == MPII_16 else f"these are the joints of {skeleton.name}, not of {MPII_16.name}"
        raise ValueError(f"pckh cannot be measured: {reason}; measure with pck")
    return PoseTest("pckh", true_boxes(people), lambda found: pckh(found.joints, heads))


def _pckh_truth(people: Sequence[PersonLabel], annotations: Path) -> PckhTruth | None:
    """The people as PCKh counts them, None where the sizes of their heads are not known.

    The published validation people have theirs in a file of its own beside `annotations`, in the same order; whether
    it is of the same people is told by where their joints are.
    """
    joints, missing = np.stack([p.joints for p in people]), np.stack([p.visibility == 0 for p in people])
    sizes = np.array([person.head_size for person in people])
    if np.isfinite(sizes).any():
        return PckhTruth(joints, missing, sizes)
    path = annotations.with_name(PUBLISHED_HEADS)
    published = load_pckh_truth(path) if path.is_file() else None
    if published is None or published.joints.shape != joints.shape:
        return None
    distances = np.linalg.norm(published.joints - joints, axis=-1)[~missing]
    return published if np.median(distances) < 1 else None


def _pck_test(people: Sequence[PersonLabel], skeleton: Skeleton) -> PoseTest:
    """PCK@0.2 of the torso: "pck" over all joints, and "pck_hip" for each pair of sides, NaN where nobody has it
    labelled."""
    truth, visibility = np.stack([p.joints for p in people]), np.stack([p.visibility for p in people])
    sizes = torso_sizes(truth, visibility, skeleton)

    def figures(found: Found) -> dict[str, float]:
        total, each = pck(found.joints, truth, visibility, sizes)
        parts: dict[str, list[float]] = defaultdict(list)
        for part, value in zip(skeleton.part_names, each.tolist(), strict=True):
            parts[part] += [] if math.isnan(value) else [value]
        means = {part: sum(parts[part]) / len(parts[part]) if parts[part] else math.nan for part in sorted(parts)}
        return {"pck": total, **{f"pck_{part}": mean for part, mean in means.items()}}

    return PoseTest("pck", true_boxes(people), figures)


def _coco_test(
    people: Sequence[PersonLabel], skeleton: Skeleton, annotations: Path, boxes: Path | None, on_broken: OnBroken
) -> PoseTest:
    """COCO's AP and AR; see `keypoint_figures`."""
    if annotations.is_dir():
        raise ValueError(f"coco is measured on one file in COCO format, {annotations} is a folder; measure with pck")
    file = CocoFile(annotations, read_json(annotations))
    truth = coco_truth(annotations, file, skeleton, on_broken)
    candidates = true_boxes(people) if boxes is None else recorded_boxes(boxes, file.images, on_broken)
    if not candidates:
        raise ValueError(f"{boxes} has no box in any picture of {annotations}; its image_id must be their id there")

    def figures(found: Found) -> dict[str, float]:
        return keypoint_figures(truth, coco_results(candidates, found, skeleton), skeleton)

    return PoseTest("coco", candidates, figures)


def coco_truth(path: Path, file: CocoFile, skeleton: Skeleton, on_broken: OnBroken = "stop") -> COCO:
    """All people of the file at `path`, also crowds and those without a labelled joint."""
    joints = JointMap(file.joint_names, skeleton, path)
    nothing = np.zeros((skeleton.num_joints, 2)), np.zeros(skeleton.num_joints, np.int64)

    def read(note: Note) -> LabelledPose:
        raw = file.keypoints(note)
        placed = joints.place(raw[:, :2], raw[:, 2]) or nothing
        area = float(numbers(note.get("area"), (), "area"))
        if not area >= 0:
            raise ValueError(f"needs an area, by which coco measures and pck does not, got {note.get('area')!r}")
        return LabelledPose(file.image(note)["id"], *placed, file.box(note), area, bool(note.get("iscrowd")))

    return keypoint_truth(file.images, read_entries(path, file.people(), read, on_broken))


def coco_results(
    candidates: Sequence[Candidate], found: Found, skeleton: Skeleton, max_oks: float = 0.9
) -> list[Entry]:
    """The entries of a COCO results file of what was found in the candidates; see `keypoint_results`."""
    image_ids = np.array([candidate.image_id for candidate in candidates])
    scores = person_scores(np.array([candidate.score for candidate in candidates]), found.joint_scores)
    return keypoint_results(image_ids, *found[:2], scores, found.areas, skeleton, max_oks)


def true_boxes(people: Iterable[PersonLabel]) -> list[Candidate]:
    """The boxes of labelled people, as sure as can be."""
    return [Candidate(person.file_name, person.image_id, person.box, 1.0) for person in people]


def recorded_boxes(path: Path, pictures: Mapping[int, Note], on_broken: OnBroken = "stop") -> list[Candidate]:
    """The boxes of people in a file of detections, in COCO's format, that are in one of the pictures, by their ids;
    those of a picture follow one another. on_broken: what becomes of an entry that is no box, see `read_entries`.

    Raises FileNotFoundError, or ValueError where the file is at fault.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of boxes {str(path)!r}; give detections in COCO's format")
    order, notes = {key: number for number, key in enumerate(pictures)}, read_json(path)

    def read(note: Note) -> Candidate | None:
        image_id, bbox, score = fields(note, "image_id", "bbox", "score")
        picture = pictures.get(whole(image_id, "image_id", 0))
        if picture is None or note.get("category_id", PERSON["id"]) != PERSON["id"]:
            return None
        box = numbers(bbox, (4,), "bbox")
        if not (np.isfinite(box).all() and (box[2:] > 0).all()):
            raise ValueError(f"needs a bbox of left, top, width, height above 0, got {bbox}")
        (file_name,) = fields(picture, "file_name")
        return Candidate(file_name, picture["id"], xywh_to_xyxy(box[None])[0], finite(score, "score"))

    named = ((f"{path}, entry {number}", note) for number, note in enumerate(objects(notes, f"{path}: detections")))
    return sorted(read_entries(path, named, read, on_broken), key=lambda found: order[found.image_id])
