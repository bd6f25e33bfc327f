"""Results of detector and estimator, kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pose_track.benchmarks.identity.stored_networks import StoredDetector, StoredEstimator, StoredNetworks
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import COCO_17

RNG = np.random.default_rng(0)
FRAMES = [Frame(i, i / 25, RNG.integers(0, 256, (20, 30, 3), np.uint8)) for i in range(3)]


class Networks:
    """Random results. images, boxes: what the detector and the estimator ran on."""

    def __init__(self, num_features: int) -> None:
        self.images: list[int] = []
        self.boxes: list[list[float]] = []
        self._num_features = num_features

    def run_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        self.images += [frame.index for frame in frames]
        return [self._people(frame.index) for frame in frames]

    def _people(self, count: int) -> Detections:
        corner = RNG.uniform(0, 10, (count, 2))
        boxes = np.hstack([corner, corner + 9]).astype(np.float32)
        return Detections(boxes, RNG.random(count, np.float32))


class Poser(Networks):
    def run_batch(self, images: Sequence[ImageArray], detections: Sequence[Detections]) -> list[Poses]:  # type: ignore[override]
        self.boxes += [box for people in detections for box in people.boxes.tolist()]
        return [self._poses(people) for people in detections]

    def _poses(self, people: Detections) -> Poses:
        n, k = len(people), COCO_17.num_joints
        features = RNG.random((n, k, self._num_features), np.float32) if self._num_features else None
        joints, scores = RNG.random((n, k, 2), np.float32), RNG.random((n, k), np.float32)
        return Poses(joints, scores, people.boxes, people.scores / 2, COCO_17, people.sources, features)

    def suppress_duplicates(self, poses: Poses) -> Poses:
        return poses[:1]


@pytest.mark.parametrize("num_features", [0, 4])
def test_networks_run_once(num_features: int, tmp_path: Path) -> None:
    """What was found is found again in a later run, to the last bit; only new boxes are estimated."""
    detector, poser = Networks(num_features), Poser(num_features)
    first = StoredNetworks()
    images = [frame.image for frame in FRAMES]
    found = StoredDetector(detector, first).run_batch(FRAMES)
    poses = StoredEstimator(poser, first, COCO_17).run_batch(images, found)
    first.save(tmp_path / "a.npz")
    assert (detector.images, len(poser.boxes)) == ([0, 1, 2], 3)

    again = StoredNetworks.load(tmp_path / "a.npz")
    estimate = StoredEstimator(poser, again, COCO_17)
    found_again = StoredDetector(detector, again).run_batch(FRAMES)
    poses_again = estimate.run_batch(images, found_again)
    assert (detector.images, len(poser.boxes)) == ([0, 1, 2], 3)
    for one, other in zip(found + poses, found_again + poses_again, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name))

    new = Detections(np.array([[1, 2, 3, 4], [5, 5, 5, 5]], np.float32), np.array([0.5, 0.5]), np.array(["flow"] * 2))
    both = Detections(*(np.concatenate([getattr(part, name) for part in (found[2], new)]) for name in vars(new)))
    (one,) = estimate.run_batch([images[2]], [both])
    assert poser.boxes[3:] == [[1, 2, 3, 4]]  # the empty box is left out
    np.testing.assert_array_equal(one.joints[:2], poses[2].joints)
    assert one.sources.tolist() == ["detector", "detector", "flow"]
    assert len(estimate(images[2], found[2])) == 1
    estimate.run_batch([images[1]], [found[2]])  # the same boxes in another image
    assert len(poser.boxes) == 6


def test_nothing_stored(tmp_path: Path) -> None:
    """A clip without people, and one without a file."""
    StoredNetworks().save(tmp_path / "empty.npz")
    for name in ("empty", "absent"):
        stored = StoredNetworks.load(tmp_path / f"{name}.npz")
        assert not stored.detections
        assert not stored.people
