"""People as training samples of a keypoint network: one crop, one heatmap target for each joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.geometry.affine import apply_affine, crop_matrix, fit_boxes
from pose_track.models.heatmaps import encode
from pose_track.skeleton import Skeleton
from pose_track.types import ImageArray

LOWER_BODY = ("pelvis", "hip", "knee", "ankle")


@dataclass(frozen=True)
class PoseAugmentation:
    """How far a training crop strays from its box (HRNet, section 4.1).

    scale: deviation of the size factor, cut off at one deviation; rotation: deviation in degrees, cut off at two,
    applied with probability rotation_chance; shift: largest move of the centre, as a share of the crop; flip_chance: of
    a mirrored crop; half_body_chance: of a crop of the upper or the lower body only; colour: largest change of gain;
    occlusion_chance: of a patch of one colour over a part of the crop. Raises ValueError for values out of range.
    """

    scale: float = 0.35
    rotation: float = 45.0
    rotation_chance: float = 0.6
    shift: float = 0.0
    flip_chance: float = 0.5
    half_body_chance: float = 0.3
    colour: float = 0.0
    occlusion_chance: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rotation_chance", "flip_chance", "half_body_chance", "occlusion_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)!r}")
        for name in ("scale", "shift", "colour"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {getattr(self, name)!r}")
        if not 0 <= self.rotation <= 180:
            raise ValueError(f"rotation must be between 0 and 180 degrees, got {self.rotation!r}")


class PoseSample(NamedTuple):
    """image: (3, H, W) uint8 RGB; target: (K, H / 4, W / 4); weight: (K,)."""

    image: ImageArray
    target: NDArray[np.float32]
    weight: NDArray[np.float32]


class TopDownDataset:
    """Crops of labelled people with heatmap targets.

    input_size: (w, h) of the crop in pixels; sigma: of the target in heatmap cells; augmentation: None gives the
    plain crop. The crop of one index is drawn anew at each access, from the generator seeded by `reseed`. Pictures that
    are missing or broken raise FileNotFoundError or ValueError naming them.
    """

    def __init__(
        self,
        images: ImageStore,
        people: Sequence[PersonLabel],
        skeleton: Skeleton,
        input_size: tuple[int, int],
        sigma: float = 2.0,
        augmentation: PoseAugmentation | None = None,
        seed: int = 0,
    ):
        self.images, self.people, self.skeleton = images, people, skeleton
        self.input_size, self.sigma, self.augmentation = input_size, sigma, augmentation
        self._upper = np.array([not n.endswith(LOWER_BODY) for n in skeleton.joint_names])
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Restart the random augmentation; called for each batch, so that a resumed run draws the same crops."""
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> PoseSample:
        person = self.people[index]
        image = self.images.read(person.file_name)
        matrix, flip = self._draw_crop(person)
        crop: ImageArray = np.asarray(cv2.warpAffine(image, matrix, self.input_size, flags=cv2.INTER_LINEAR), np.uint8)
        joints, visibility = apply_affine(matrix, person.joints), person.visibility
        if flip:
            crop = crop[:, ::-1]
            joints[:, 0] = self.input_size[0] - 1 - joints[:, 0]
            joints, visibility = joints[self.skeleton.flip_indices], visibility[self.skeleton.flip_indices]
        if self.augmentation is not None:
            crop = self._repaint(crop, self.augmentation)
        cells = (self.input_size[0] // 4, self.input_size[1] // 4)
        target, weight = encode(joints, (visibility > 0).astype(np.float32), cells, self.sigma)
        return PoseSample(np.ascontiguousarray(crop.transpose(2, 0, 1)), target, weight)

    def _draw_crop(self, person: PersonLabel) -> tuple[NDArray[np.float64], bool]:
        """The matrix from the picture to the crop, and whether to mirror the crop."""
        aug, rng, aspect = self.augmentation, self.rng, self.input_size[0] / self.input_size[1]
        if aug is None:
            centers, sizes = fit_boxes(person.box, aspect)
            return crop_matrix(centers[0], sizes[0, 0], self.input_size), False
        half = self._half_body_box(person) if rng.random() < aug.half_body_chance else None
        centers, sizes = fit_boxes(person.box, aspect) if half is None else fit_boxes(half, aspect, padding=1.5)
        center = centers[0] + rng.uniform(-aug.shift, aug.shift, 2) * sizes[0]
        width = sizes[0, 0] * np.clip(1 + aug.scale * rng.standard_normal(), 1 - aug.scale, 1 + aug.scale)
        angle = 0.0
        if rng.random() < aug.rotation_chance:
            angle = float(np.clip(aug.rotation * rng.standard_normal(), -2 * aug.rotation, 2 * aug.rotation))
        return crop_matrix(center, width, self.input_size, angle), bool(rng.random() < aug.flip_chance)

    def _half_body_box(self, person: PersonLabel) -> NDArray[np.float64] | None:
        """The extent of the upper or the lower joints; None where no more than 8 joints are labelled (HRNet's number),
        or where those chosen lie in one point."""
        labelled = person.visibility > 0
        if labelled.sum() <= 8:
            return None
        upper, lower = labelled & self._upper, labelled & ~self._upper
        chosen = upper if (self.rng.random() < 0.5 and upper.sum() > 2) or lower.sum() <= 2 else lower
        low, high = person.joints[chosen].min(axis=0), person.joints[chosen].max(axis=0)
        return np.concatenate([low, high]) if (high > low).any() else None

    def _repaint(self, crop: ImageArray, aug: PoseAugmentation) -> ImageArray:
        """Colour gains, and a patch of one colour over a part of the crop."""
        rng = self.rng
        if aug.colour:
            gain = rng.uniform(1 - aug.colour, 1 + aug.colour) * rng.uniform(1 - aug.colour / 2, 1 + aug.colour / 2, 3)
            offset = rng.uniform(-60, 60) * aug.colour
            crop = np.clip(crop * gain.astype(np.float32) + np.float32(offset), 0, 255).astype(np.uint8)
        if rng.random() < aug.occlusion_chance:
            h, w = crop.shape[:2]
            ph, pw = rng.integers(h // 8, h // 3), rng.integers(w // 8, w // 3)
            y, x = rng.integers(0, h - ph + 1), rng.integers(0, w - pw + 1)
            crop = crop.copy()
            crop[y : y + ph, x : x + pw] = rng.integers(0, 256, 3, dtype=np.uint8)
        return crop
