"""Random single images of people, for training."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.synthetic.appearance import random_appearance, random_proportions
from pose_track.datasets.synthetic.body import Array
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.motions import random_pose
from pose_track.datasets.synthetic.scene import Person, make_environment, render


def random_camera(rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    """A random camera from chest height to above head height, wide or narrow. size: W H."""
    focal = max(size) * rng.uniform(0.9, 2.0)
    eye = rng.uniform(0.8, 2.6)
    return Camera(size[0], size[1], focal, eye, rng.uniform(-0.03, 0.03), rng.normal(0, 0.02))


def _aim(camera: Camera, distance: float, middle: float) -> Camera:
    """The camera tilted so that the image centre shows a height of `middle` metres at a distance in metres."""
    pitch = camera.pitch + np.arctan2(camera.eye - middle, distance)
    return Camera(camera.width, camera.height, camera.focal, camera.eye, float(pitch), camera.roll)


def random_person(rng: np.random.Generator, camera: Camera, distance: float) -> Person:
    """A random person at about a distance in metres, anywhere across the image."""
    depth = distance * rng.uniform(0.95, 1.5)
    across = rng.uniform(-0.46, 0.46) * camera.width / camera.focal * depth
    heading = rng.normal(0, 0.7) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
    return Person(random_proportions(rng), random_appearance(rng), random_pose(rng), (across, -depth), float(heading))


def _is_free(person: Person, others: list[Person]) -> bool:
    """Whether a person is more than 0.55 m away from all others."""
    return all(np.hypot(*np.subtract(person.position, o.position)) > 0.55 for o in others)


def _random_people(rng: np.random.Generator, camera: Camera, distance: float, num_people: int) -> list[Person]:
    """People who do not overlap on the ground; the distance grows where there is no room."""
    people: list[Person] = []
    tries = 0
    while len(people) < num_people:
        person = random_person(rng, camera, distance * (1 + 0.03 * tries))
        if _is_free(person, people):
            people.append(person)
        tries += 1
    return people


def _vary_exposure(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image with random exposure, contrast, colour cast and focus."""
    gain = rng.uniform(0.75, 1.25) * (1 + rng.normal(0, 0.04, 3))
    out = (np.arange(256)[:, None] / 255.0) ** rng.uniform(0.8, 1.25) * gain * 255.0 + rng.uniform(-10, 15)
    image = cv2.LUT(image, np.clip(out, 0, 255).astype(np.uint8)[None])  # type: ignore[assignment]
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))  # type: ignore[assignment]
    return image


def render_scene(
    seed: int, num_people: int, size: tuple[int, int] = (416, 320)
) -> tuple[NDArray[np.uint8], Array, NDArray[np.int64], Array]:
    """A random image of people, the same for the same seed.

    size: W H. Returns image (H, W, 3) uint8 RGB; joints (N, 15, 2) pixels of POSETRACK_15, also outside the image;
    visibility (N, 15) 0 outside, 1 hidden, 2 visible; boxes (N, 4) x1 y1 x2 y2, clipped.

    >>> image, joints, visibility, boxes = render_scene(0, 2, (160, 120))
    >>> image.shape, joints.shape, visibility.shape, boxes.shape
    ((120, 160, 3), (2, 15, 2), (2, 15), (2, 4))
    """
    rng = np.random.default_rng(seed)
    camera = random_camera(rng, size)
    fraction = rng.uniform(0.4, 0.95) if rng.random() < 0.8 else rng.uniform(0.95, 1.9)  # body height in image heights
    distance = max(1.2, camera.focal * 1.7 / (fraction * size[1]))
    camera = _aim(camera, distance, 0.9 if fraction < 1.0 else rng.uniform(0.9, 1.4))
    people = _random_people(rng, camera, distance, num_people)
    farthest = max((-p.position[1] for p in people), default=distance)
    rendered = render(make_environment(rng, camera, farthest + 0.8), people, rng)
    return _vary_exposure(rendered.image, rng), rendered.joints, rendered.visibility, rendered.boxes
