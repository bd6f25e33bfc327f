"""People as training samples of a keypoint network: a crop, and a heatmap target for each joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing
from pose_track.datasets.cutouts import Cutouts, paste, vary
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.options import check_fractions, check_unit_interval, option
from pose_track.datasets.truncation import truncate
from pose_track.geometry.affine import apply_affine, fit_boxes
from pose_track.models.codec import Codec
from pose_track.structures.arrays import Float32Array, Float64Array, ImageArray
from pose_track.structures.skeleton import Skeleton

LOWER_BODY = ("pelvis", "hip", "knee", "ankle", "heel", "toe", "foot")
HALVES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")  # left and right: what a half-body crop needs
HALF_BODY_JOINTS = 8  # a half-body crop needs more labelled joints than this
HALF_BODY_PADDING = 1.5


def has_halves(skeleton: Skeleton) -> bool:
    """Whether half-body crops can be made: the skeleton has the limbs of a person."""
    return skeleton.has_sides(*HALVES)


@dataclass(frozen=True)
class PoseAugmentation:
    """Augmentation of a training crop (HRNet, section 4.1). Raises ValueError for values out of range."""

    scale: float = option(0.35, "Standard deviation of the crop's size factor, clipped at one deviation.")
    rotation: float = option(45.0, "Standard deviation of the rotation in degrees, clipped at two deviations.")
    rotation_chance: float = option(0.6, "Probability of a rotation.")
    shift: float = option(0.0, "Largest shift of the crop's centre, as a fraction of the crop.")
    flip_chance: float = option(0.5, "Probability of a horizontal flip.")
    half_body_chance: float = option(
        0.3, "Probability of a crop of the upper or the lower body; of human skeletons only."
    )
    upper_body_chance: float = option(
        0.5, "Probability that a half-body crop shows the upper body; 0.6915 in the published code (normal < 0.5)."
    )
    truncation_chance: float = option(
        0.0, "Probability that the image ends at a line through the person; joints beyond it get empty heatmaps."
    )
    paste_chance: float = option(0.0, "Probability of another person pasted at the crop's edge.")
    colour: ColourJitter = field(default_factory=ColourJitter, metadata={"description": "Colours of the crop."})
    degradation: Degradation = field(
        default_factory=Degradation, metadata={"description": "Image quality of the crop."}
    )
    erasing: Erasing = field(default_factory=Erasing, metadata={"description": "Random erasing in the crop."})

    def __post_init__(self) -> None:
        check_unit_interval(
            self, *(f"{name}_chance" for name in ("rotation", "flip", "half_body", "upper_body", "truncation", "paste"))
        )
        check_fractions(self, "scale", "shift")
        if not 0 <= self.rotation <= 180:
            raise ValueError(f"rotation must be between 0 and 180 degrees, got {self.rotation!r}")


class PoseSample(NamedTuple):
    """image: (3, H, W) uint8 RGB; target: (K, H / 4, W / 4) heatmaps; weight: (K,), 0 for joints of unknown place.

    A joint that a truncation cut off is known to be absent: its target is empty, its weight 1.
    """

    image: ImageArray
    target: Float32Array
    weight: Float32Array


class TopDownDataset:
    """Crops of labelled people with heatmap targets.

    Args:
        images: where the people's images are read from.
        people: one sample each.
        skeleton: of the labels, for horizontal flips and half-body crops.
        codec: the crop's geometry and the targets.
        augmentation: None for plain crops.
        cutouts: people to paste; needed if `augmentation.paste_chance` is above 0.

    Raises ValueError if cutouts are needed and missing. `sample` raises FileNotFoundError or ValueError naming an
    image that is missing, broken, or not of the size in its label.
    """

    def __init__(
        self,
        images: ImageStore,
        people: Sequence[PersonLabel],
        skeleton: Skeleton,
        codec: Codec,
        augmentation: PoseAugmentation | None = None,
        cutouts: Cutouts | None = None,
    ):
        if augmentation is not None and augmentation.paste_chance > 0 and cutouts is None:
            raise ValueError(
                f"paste_chance {augmentation.paste_chance!r} needs cutouts to paste; give some, or set it 0"
            )
        self.images, self.people, self.skeleton, self.codec = images, people, skeleton, codec
        self.augmentation, self.cutouts = augmentation, cutouts
        self._upper = np.array([not name.endswith(LOWER_BODY) for name in skeleton.joint_names])
        self._has_halves = has_halves(skeleton)

    def __len__(self) -> int:
        return len(self.people)

    def sample(self, index: int, seed: int) -> PoseSample:
        """The crop of a person. seed: of the augmentation, not negative."""
        person, rng = self.people[index], np.random.default_rng([seed, index])
        image, absent = self.images.read(person.file_name, person.image_size), np.zeros(len(person.joints), np.bool_)
        chance = self.augmentation.truncation_chance if self.augmentation is not None else 0.0
        if chance > 0 and rng.random() < chance:  # without truncation, the other draws are as they were
            image, person, absent = truncate(image, person, rng) or (image, person, absent)
        matrix, flip = self._draw_crop(person, rng)
        crop: ImageArray = np.asarray(cv2.warpAffine(image, matrix, self.codec.input_size), np.uint8)
        joints, visibility = apply_affine(matrix, person.joints), person.visibility
        if flip:
            crop = np.asarray(cv2.flip(crop, 1), np.uint8)
            joints[:, 0] = self.codec.input_size[0] - 1 - joints[:, 0]
            twins = self.skeleton.flip_indices
            joints, visibility, absent = joints[twins], visibility[twins], absent[twins]
        if self.augmentation is not None:
            crop = self._augment_image(crop, self.augmentation, rng)
        target, weight = self.codec.encode(joints, (visibility > 0).astype(np.float32))
        weight[absent] = 1
        return PoseSample(np.ascontiguousarray(crop.transpose(2, 0, 1)), target, weight)

    def _draw_crop(self, person: PersonLabel, rng: np.random.Generator) -> tuple[Float64Array, bool]:
        """The matrix from the image to the crop, and whether to flip the crop."""
        aug = self.augmentation
        centers, sizes = fit_boxes(person.box, self._aspect)
        center, size = centers[0], sizes[0]
        if aug is None:
            return self.codec.matrix(center, size[0]), False
        if self._has_halves and rng.random() < aug.half_body_chance:
            center, size = self._half_body(person, rng.random() < aug.upper_body_chance) or (center, size)
        center = center + rng.uniform(-aug.shift, aug.shift, 2) * size
        width = size[0] * np.clip(1 + aug.scale * rng.standard_normal(), 1 - aug.scale, 1 + aug.scale)
        angle = 0.0
        if rng.random() < aug.rotation_chance:
            angle = float(np.clip(aug.rotation * rng.standard_normal(), -2 * aug.rotation, 2 * aug.rotation))
        return self.codec.matrix(center, width, angle), bool(rng.random() < aug.flip_chance)

    @property
    def _aspect(self) -> float:
        return self.codec.input_size[0] / self.codec.input_size[1]

    def _half_body(self, person: PersonLabel, upper: bool) -> tuple[Float64Array, Float64Array] | None:
        """Centre and size of a crop of the upper or the lower body; the centre is the mean of its joints.

        A half of two joints or fewer is replaced by the other half, as in the published code. None if too few joints
        are labelled, or if the chosen joints coincide.
        """
        labelled = person.visibility > 0
        if labelled.sum() <= HALF_BODY_JOINTS:
            return None
        above, below = labelled & self._upper, labelled & ~self._upper
        joints = person.joints[above if (upper and above.sum() > 2) or below.sum() <= 2 else below]
        low, high = joints.min(axis=0), joints.max(axis=0)
        if (low == high).all():
            return None
        _, sizes = fit_boxes(np.concatenate([low, high]), self._aspect, HALF_BODY_PADDING)
        return joints.mean(axis=0), sizes[0]

    def _augment_image(self, crop: ImageArray, aug: PoseAugmentation, rng: np.random.Generator) -> ImageArray:
        """The crop after pasting, erasing, colour jitter and degradation."""
        if self.cutouts is not None and rng.random() < aug.paste_chance:
            _paste_beside(crop, self.cutouts, rng)
        aug.erasing(crop, rng)
        return aug.degradation(aug.colour(crop, rng), rng)


def _paste_beside(crop: ImageArray, cutouts: Cutouts, rng: np.random.Generator) -> None:
    """Paste a person of similar size at the crop's left or right edge."""
    height, width = crop.shape[:2]
    person = vary(cutouts.draw(rng), height * rng.uniform(0.6, 1.4), crop, rng)
    offset = rng.choice([-1, 1]) * rng.uniform(0.35, 0.6) * width, rng.uniform(-0.35, 0.35) * height
    middle = np.array([width, height]) / 2 + offset
    corner = np.rint(middle - np.array(person.alpha.shape[::-1]) / 2).astype(int)
    paste(crop, person, (int(corner[0]), int(corner[1])))
