"""Pose predictions of a network in given boxes, and COCO results files of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pose_track.datasets.annotations import JsonObject, OnBroken, get_fields, read_entries, read_json, to_array
from pose_track.datasets.coco import image_name, image_size
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.evaluation.coco_keypoints import keypoint_results
from pose_track.evaluation.coco_tool import PERSON, Entry
from pose_track.formats.validate import finite_number, integer, object_list
from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.models.codec import Codec
from pose_track.pose.estimator import CropCodec, person_scores, place_crops, to_frame
from pose_track.pose.keypoints import CroppedKeypoints, KeypointFunction
from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, Float64Array
from pose_track.structures.skeleton import Skeleton


class Candidate(NamedTuple):
    """A box to estimate one person's pose in.

    file_name: of the image.
    image_id: the annotations' id of the image.
    box: (4,) x1 y1 x2 y2.
    score: the detector's score of the box.
    image_size: width and height of the image that the annotations declare, None if they declare none.
    """

    file_name: str
    image_id: int
    box: NDArray[np.floating]
    score: float
    image_size: tuple[int, int] | None = None


class PosePredictions(NamedTuple):
    """N estimated poses, one for each candidate.

    joints: (N, K, 2) pixels of their images.
    joint_scores: (N, K) heights of their heatmap peaks, occasionally above 1.
    areas: (N,) of their crops in square pixels.
    """

    joints: Float32Array
    joint_scores: Float32Array
    areas: Float64Array

    def select(self, columns: list[int]) -> PosePredictions:
        """The poses with these of their joints, by index."""
        return self._replace(joints=self.joints[:, columns], joint_scores=self.joint_scores[:, columns])


def predict_poses(
    run: Run,
    codec: Codec,
    images: ImageStore,
    candidates: Sequence[Candidate],
    padding: float = 1.25,
    max_batch: int = 32,
    scales: Sequence[float] = (1.0,),
) -> PosePredictions:
    """The poses that a network of heatmaps estimates in all candidates; see `predict_with`."""
    estimate = CroppedKeypoints(run, codec, max_batch, scales)
    return predict_with(estimate, codec, images, candidates, padding, max_batch)


def predict_with(
    estimate: KeypointFunction,
    codec: CropCodec,
    images: ImageStore,
    candidates: Sequence[Candidate],
    padding: float = 1.25,
    max_batch: int = 32,
) -> PosePredictions:
    """The poses in all candidates, at least one.

    They are those of `PoseEstimator` before its duplicate suppression, but joint scores above 1 are not clipped: the
    published code ranks people by them, and clipping changes AP. Crops of several images share a batch. An image is
    read once if its candidates are adjacent.
    """
    read = lru_cache(maxsize=1)(images.read)
    matrices, areas = place_crops(codec, np.stack([candidate.box for candidate in candidates]), padding)
    batches = []
    for start in tqdm(range(0, len(candidates), max_batch), "estimating", leave=False, disable=None):
        batch_matrices = matrices[start : start + max_batch]
        batch_images = [read(one.file_name, one.image_size) for one in candidates[start : start + max_batch]]
        found = estimate(batch_images, list(batch_matrices[:, None]))
        batches.append((found.joints, found.scores))
    joints, scores = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return PosePredictions(to_frame(joints, matrices), scores, areas)


def coco_results(
    candidates: Sequence[Candidate], predictions: PosePredictions, skeleton: Skeleton, max_oks: float = 0.9
) -> list[Entry]:
    """The entries of a COCO results file of the candidates' poses; see `keypoint_results`."""
    image_ids = np.array([candidate.image_id for candidate in candidates])
    scores = person_scores(np.array([candidate.score for candidate in candidates]), predictions.joint_scores)
    return keypoint_results(image_ids, *predictions[:2], scores, predictions.areas, skeleton, max_oks)


def gt_candidates(people: Iterable[PersonLabel]) -> list[Candidate]:
    """The ground-truth boxes of labelled people, with score 1."""
    return [Candidate(person.file_name, person.image_id, person.box, 1.0, person.image_size) for person in people]


def detected_candidates(path: Path, images: Mapping[int, JsonObject], on_broken: OnBroken = "stop") -> list[Candidate]:
    """The person boxes of a COCO-format file of detections, adjacent for each image.

    Args:
        path: the file of detections.
        images: image entries by id; boxes of other images are left out.
        on_broken: what happens to an invalid box, see `read_entries`.

    Raises FileNotFoundError, or ValueError naming the file and the broken entry.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file of boxes {str(path)!r}; give detections in COCO format")
    order, detections = {image_id: position for position, image_id in enumerate(images)}, read_json(path)

    def read(entry: JsonObject) -> Candidate | None:
        image_id, bbox, score = get_fields(entry, "image_id", "bbox", "score")
        image = images.get(integer(image_id, "image_id", 0))
        if image is None or entry.get("category_id", PERSON["id"]) != PERSON["id"]:
            return None
        box = to_array(bbox, (4,), "bbox")
        if not (np.isfinite(box).all() and (box[2:] > 0).all()):
            raise ValueError(f"needs a bbox of left, top, width, height above 0, got {bbox}")
        candidate = Candidate(image_name(image), image["id"], xywh_to_xyxy(box[None])[0], finite_number(score, "score"))
        return candidate._replace(image_size=image_size(image))

    entries = object_list(detections, f"{path}: detections")
    named = ((f"{path}, entry {number}", entry) for number, entry in enumerate(entries))
    return sorted(read_entries(path, named, read, on_broken), key=lambda candidate: order[candidate.image_id])
