"""Drawn people and scenes, for composed clips without photographs."""

from __future__ import annotations

from functools import cache

import numpy as np

from pose_track.datasets.composed.figures import Cast, Figure, cast_of
from pose_track.datasets.cutouts import Cutout, mask_extent
from pose_track.datasets.synthetic.appearance import random_appearance
from pose_track.datasets.synthetic.background import background
from pose_track.datasets.synthetic.body import BodyProportions
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.draw import random_light
from pose_track.datasets.synthetic.motions import TAU, walk
from pose_track.datasets.synthetic.scene import Environment, Person, render
from pose_track.structures.arrays import ImageArray

_PHASES = 6  # images of one cycle of walking
_CAMERA = Camera(200, 300, 620.0, eye=1.1, pitch=0.03)
_DISTANCE = 4.6  # metres to the camera
_PER_OUTFIT = 4  # people who wear the same clothes
_HEADINGS = (0.0, 0.45, -0.45, 0.9)  # radians, of people in the same clothes


def drawn_people(count: int, seed: int) -> Cast:
    """`count` drawn people; groups of four wear the same clothes."""
    looks = (_figure(index, seed, 1).phases[0] for index in range(count))
    return cast_of(looks, cache(lambda index: _figure(index, seed, _PHASES)))


def _figure(index: int, seed: int, num_phases: int) -> Figure:
    outfit, member = divmod(index, _PER_OUTFIT)
    appearance = random_appearance(np.random.default_rng([seed, outfit]))
    rng = np.random.default_rng([seed, outfit, member])
    height = float(rng.uniform(1.6, 1.85))
    proportions = BodyProportions(height, width=float(rng.uniform(0.9, 1.2)), hips=float(rng.uniform(0.95, 1.05)))
    empty = np.zeros((_CAMERA.height, _CAMERA.width), np.float32)
    environment = Environment(_CAMERA, random_light(rng), np.full((*empty.shape, 3), 128, np.float32), empty, 1.0, 0.0)
    images, masks = [], []
    for phase in range(num_phases):
        pose = walk(TAU * phase / num_phases)
        person = Person(proportions, appearance, pose, (0.0, -_DISTANCE), _HEADINGS[member])
        rendered = render(environment, [person], rng)
        images.append(rendered.image)
        masks.append((rendered.owner[::2, ::2] == 0) & (rendered.owner[1::2, 1::2] == 0))
    rows, columns = mask_extent(np.logical_or.reduce(masks))
    pairs = zip(images, masks, strict=True)
    phases = tuple(Cutout(image[rows, columns], mask[rows, columns].astype(np.float32)) for image, mask in pairs)
    return Figure(f"drawn_{index}", phases, height)


def drawn_scene(rng: np.random.Generator, camera: Camera) -> ImageArray:
    """A drawn background of the camera's size."""
    image, _ = background(rng, camera, 10.0)
    return np.clip(image, 0, 255).astype(np.uint8)
