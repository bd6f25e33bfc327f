"""Drawn people as inputs of the bundled networks, to find the ranges of values in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pose_track.build.networks import pose_network
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.datasets.synthetic import render_scene
from pose_track.detection.detector import letterbox
from pose_track.geometry.boxes import nonempty
from pose_track.models.centre_boxes import SIZE_MULTIPLE
from pose_track.pose.estimator import place_crops
from pose_track.pose.keypoints import crop_people
from pose_track.structures.arrays import ImageArray

_FIRST_SEED = 5000  # after those of `pose-track make-figures`, which training uses
_MAX_PEOPLE = 4


def drawn_canvases(count: int, first_seed: int = _FIRST_SEED) -> Iterator[ImageArray]:
    """Images (1, h, w, 3) as the bundled detector takes them, one at a time."""
    for seed in range(first_seed, first_seed + count):
        image = render_scene(seed, 1 + seed % _MAX_PEOPLE)[0]
        yield letterbox(image, DetectorSettings().long_side, SIZE_MULTIPLE)[0][None]


def drawn_crops(count: int, first_seed: int = _FIRST_SEED) -> Iterator[ImageArray]:
    """The crops (B, h, w, 3) of the people in each of `count` images, as the bundled keypoint network takes them."""
    codec, padding = pose_network(PoseSettings()).codec, PoseSettings().padding
    for seed in range(first_seed, first_seed + count):
        image, _, _, boxes = render_scene(seed, 1 + seed % _MAX_PEOPLE)
        matrices = place_crops(codec, boxes[np.asarray(nonempty(boxes))], padding)[0]
        if len(matrices):
            yield crop_people([image] * len(matrices), matrices, codec.input_size)
