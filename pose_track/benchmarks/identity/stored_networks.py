"""What detector and estimator found in a clip, kept in a file: a tracker is then measured without running them again.

Both are functions of an image, and the estimator of a box with its score, so their results are looked up by the pixels
of the image and by the box. Only what is not stored yet goes through a network, such as a box that a changed tracker
proposes. The results are the same as without the file, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_track.config.settings import Settings
from pose_track.geometry.boxes import nonempty
from pose_track.pipeline.steps import BatchDetector, BatchEstimator
from pose_track.structures.arrays import AnyArray, Float32Array, ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.atomic import atomic_path

_KEEP_IMAGES = 32  # frames that are in flight at once


class Person(NamedTuple):
    """A pose without its box: joints (K, 2), their scores (K,), the score (), and features (K, C), C 0 for none."""

    joints: Float32Array
    joint_scores: Float32Array
    score: Float32Array
    features: Float32Array


class StoredNetworks:
    """The stored results of the networks for one clip.

    detections: rows x1 y1 x2 y2 score by the digest of the image.
    people: by the digest of the image, followed by the bytes of the box and its score.
    """

    def __init__(self) -> None:
        self.detections: dict[bytes, Float32Array] = {}
        self.people: dict[bytes, Person] = {}
        self._recent: dict[int, tuple[ImageArray, bytes]] = {}

    def digest(self, image: ImageArray) -> bytes:
        """The digest of an image; that of a recent one is not computed again."""
        image_and_digest = self._recent.get(id(image))
        if image_and_digest is None:
            digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
            while len(self._recent) >= _KEEP_IMAGES:
                self._recent.pop(next(iter(self._recent)), None)
            image_and_digest = self._recent[id(image)] = image, digest
        return image_and_digest[1]

    def save(self, path: Path) -> None:
        """Write the file of the clip, atomically."""
        found, people = list(self.detections.values()), list(self.people.values())
        columns = {name: np.stack([person[i] for person in people]) for i, name in enumerate(Person._fields) if people}
        with atomic_path(path) as part, part.open("wb") as file:
            np.savez(
                file,
                images=_as_rows(self.detections),
                counts=np.array([len(rows) for rows in found], np.int64),
                detections=np.concatenate([np.zeros((0, 5), np.float32), *found]),
                keys=_as_rows(self.people),
                **columns,  # type: ignore[arg-type]
            )

    @classmethod
    def load(cls, path: Path) -> StoredNetworks:
        """The content of a file that `save` wrote; empty if there is none."""
        stored = cls()
        if path.is_file():
            with np.load(path) as arrays:
                ends = np.cumsum(arrays["counts"])[:-1]
                rows = np.split(arrays["detections"], ends)
                stored.detections = dict(zip(map(bytes, arrays["images"]), rows, strict=False))
                if len(arrays["keys"]):
                    people = zip(*(arrays[name] for name in Person._fields), strict=True)
                    stored.people = dict(zip(map(bytes, arrays["keys"]), (Person(*one) for one in people), strict=True))
        return stored


def _as_rows(keys: Mapping[bytes, object]) -> AnyArray:
    """(N, B) uint8 of N keys of B bytes."""
    return np.array([np.frombuffer(key, np.uint8) for key in keys], np.uint8)


def networks_digest(settings: Settings, weights: Mapping[str, Mapping[str, str]]) -> str:
    """Twelve hexadecimal digits that stand for the networks and their settings, for the name of a folder."""
    stages = settings.model_dump(mode="json", include={"device": True, "reader": True, "detector": True, "pose": True})
    text = json.dumps([stages, {stage: dict(used) for stage, used in weights.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class StoredDetector:
    """A detector that runs on images that are not stored yet."""

    def __init__(self, detect: BatchDetector, stored: StoredNetworks) -> None:
        self._detect, self._stored = detect, stored

    def __call__(self, frame: Frame) -> Detections:
        return self.run_batch([frame])[0]

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        digests, known = [self._stored.digest(frame.image) for frame in frames], self._stored.detections
        missing = {digest: frame for digest, frame in zip(digests, frames, strict=True) if digest not in known}
        if missing:
            for digest, found in zip(missing, self._detect.run_batch(list(missing.values())), strict=True):
                known[digest] = np.column_stack([found.boxes, found.scores])
        return [Detections(known[digest][:, :4], known[digest][:, 4]) for digest in digests]


class StoredEstimator:
    """An estimator that runs on boxes that are not stored yet. skeleton: of its poses."""

    def __init__(self, estimate: BatchEstimator, stored: StoredNetworks, skeleton: Skeleton) -> None:
        self._estimate, self._stored, self._skeleton = estimate, stored, skeleton
        self.suppress_duplicates = estimate.suppress_duplicates

    def __call__(self, image: ImageArray, detections: Detections) -> Poses:
        return self.suppress_duplicates(*self.run_batch([image], [detections]))

    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:
        detections = [people[nonempty(people.boxes)] for people in detections]
        keys = [self._keys(image, people) for image, people in zip(images, detections, strict=True)]
        missing = [np.array([key not in self._stored.people for key in one], bool) for one in keys]
        if any(one.any() for one in missing):
            unknown = [people[is_missing] for people, is_missing in zip(detections, missing, strict=True)]
            for one, is_missing, poses in zip(keys, missing, self._estimate.run_batch(images, unknown), strict=True):
                self._add([key for key, new in zip(one, is_missing, strict=True) if new], poses)
        return [self._poses(one, people) for one, people in zip(keys, detections, strict=True)]

    def _keys(self, image: ImageArray, people: Detections) -> list[bytes]:
        rows = np.column_stack([people.boxes, people.scores]).astype(np.float32)
        return [self._stored.digest(image) + row.tobytes() for row in rows]

    def _add(self, keys: Sequence[bytes], poses: Poses) -> None:
        features = poses.features if poses.features is not None else np.zeros((*poses.joint_scores.shape, 0))
        rows = zip(poses.joints, poses.joint_scores, poses.scores, features.astype(np.float32), strict=True)
        self._stored.people.update(zip(keys, (Person(*row) for row in rows), strict=True))

    def _poses(self, keys: Sequence[bytes], people: Detections) -> Poses:
        if not keys:
            return Poses.empty(self._skeleton)
        columns: list[Any] = [np.stack(column) for column in zip(*map(self._stored.people.get, keys), strict=True)]
        joints, joint_scores, scores, features = columns
        given = features if features.shape[-1] else None
        return Poses(joints, joint_scores, people.boxes, scores, self._skeleton, people.sources, given)
