"""Rendering of people in an environment, with the positions and visibility of their joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.synthetic.appearance import Appearance
from pose_track.datasets.synthetic.background import background, clouds
from pose_track.datasets.synthetic.body import Array, BodyProportions, Pose, PosedBody, pose_body
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.clothing import person_surface
from pose_track.datasets.synthetic.draw import (
    DrawnPerson,
    Light,
    compose,
    draw_person,
    new_canvas,
    random_light,
    shadow,
)
from pose_track.structures.skeleton import POSETRACK_15

# Largest depth of a joint under the body's own surface, as a fraction of the body height; a surface farther in front
# hides the joint.
_DEPTH_BY_TYPE = {
    "hip": 0.11, "shoulder": 0.075, "knee": 0.055, "elbow": 0.045, "ankle": 0.04, "wrist": 0.035,
    "head_bottom": 0.06, "nose": 0.02, "head_top": 0.07,
}  # fmt: skip
_JOINT_DEPTHS = np.array([_DEPTH_BY_TYPE[part] for part in POSETRACK_15.joint_types])


@dataclass(frozen=True)
class Person:
    """A person in world coordinates. position: x z in metres; heading: radians, 0 faces the camera."""

    proportions: BodyProportions
    appearance: Appearance
    pose: Pose
    position: tuple[float, float]
    heading: float

    def body(self) -> PosedBody:
        return pose_body(self.proportions, self.pose, self.heading, self.position)


@dataclass(frozen=True)
class Rendered:
    """An image and its ground truth, for N people.

    image: (H, W, 3) uint8 RGB.
    joints: (N, 15, 2) pixels of POSETRACK_15, also outside the image.
    visibility: (N, 15) 0 outside the image, 1 hidden, 2 visible.
    boxes: (N, 4) x1 y1 x2 y2 around each person, ignoring occlusion, clipped to the image.
    numbers: (2 H, 2 W) number of the quadrilateral at each quarter of a pixel.
    number_owners: (Q + 1,) the person of each quadrilateral, -1 for number 0, the background.
    """

    image: NDArray[np.uint8]
    joints: Array
    visibility: NDArray[np.int64]
    boxes: Array
    numbers: Array
    number_owners: NDArray[np.int64]

    @property
    def owner(self) -> NDArray[np.int64]:
        """(2 H, 2 W) the person at each quarter of a pixel, -1 for the background."""
        return self.number_owners[self.numbers.astype(np.int64)]


@dataclass(frozen=True)
class Environment:
    """The constant part of a clip.

    background: (H, W, 3) float32 in [0, 255].
    ground: (H, W) mask of the ground in the background.
    softness: blur of the shadows, in percent of the image height.
    noise: standard deviation of the camera's noise, in grey levels.
    """

    camera: Camera
    light: Light
    background: Array
    ground: Array
    softness: float
    noise: float = 2.5


def make_environment(rng: np.random.Generator, camera: Camera, room: float = 6.0) -> Environment:
    """A random environment of a camera, with walls at least `room` metres away."""
    image, ground = background(rng, camera, room)
    return Environment(camera, random_light(rng), image, ground, float(rng.uniform(0.3, 2.0)))


def joints_of(body: PosedBody) -> Array:
    """(15, 3) world positions of POSETRACK_15's joints in metres."""
    return np.stack([body.points[name] for name in POSETRACK_15.joint_names])


def _visibility(
    pixels: Array, depths: Array, own_depths: Array, numbers: Array, quad_depths: Array
) -> NDArray[np.int64]:
    """(15,) visibility of one person's joints.

    pixels: (15, 2); depths: (15,) metres; own_depths: (15,) of the joints under the person's own surface; numbers:
    (2 H, 2 W) of quadrilaterals; quad_depths: by number.
    """
    height, width = numbers.shape
    at = np.round(pixels * 2 + 0.5).astype(np.int64)
    inside = ((at >= 0) & (at < [width, height])).all(axis=1) & (depths > 0.1)
    x, y = (np.clip(at[:, i], 0, limit - 1) for i, limit in ((0, width), (1, height)))
    hidden = quad_depths[numbers[y, x].astype(np.int64)] < depths - own_depths
    return np.where(inside, np.where(hidden, 1, 2), 0)


def render(environment: Environment, people: list[Person], rng: np.random.Generator) -> Rendered:
    """An image of people in an environment. rng: for the camera's noise."""
    camera = environment.camera
    bodies = [p.body() for p in people]
    world = np.stack([joints_of(b) for b in bodies]) if bodies else np.zeros((0, 15, 3))
    joints, depths = camera.project(world)
    details = [_detail(camera, p, d.mean()) for p, d in zip(people, depths, strict=True)]
    surfaces = [person_surface(b, p.appearance, n) for b, p, n in zip(bodies, people, details, strict=True)]
    canvas, first = new_canvas(camera), 1
    drawn: dict[int, DrawnPerson] = {}
    owners = [np.array([-1])]
    all_depths = [np.array([np.inf])]
    for i in np.argsort(-depths.mean(axis=1), kind="stable").tolist():
        drawn[i] = draw_person(canvas, surfaces[i], camera, environment.light, first)
        all_depths.append(drawn[i].depths)
        owners.append(np.full(len(surfaces[i]), i))
        first += len(surfaces[i])
    numbers = canvas[..., 3]
    quad_depths = np.concatenate(all_depths)
    own_depths = [_JOINT_DEPTHS * p.proportions.height for p in people]
    visible = [_visibility(*one, numbers, quad_depths) for one in zip(joints, depths, own_depths, strict=True)]
    dark = shadow(surfaces, camera, environment.light, environment.softness) * environment.ground
    strength = 0.25 + 0.5 * float(environment.light.sun.mean())
    shaded_background = environment.background * (1 - strength * dark)[..., None]
    boxes = np.stack([drawn[i].box for i in range(len(people))]) if people else np.zeros((0, 4))
    image = compose(shaded_background, canvas, _texture(camera.width, camera.height), boxes)
    boxes = np.clip(boxes, 0, [camera.width - 1, camera.height - 1] * 2)
    visibility = np.array(visible, np.int64).reshape(-1, POSETRACK_15.num_joints)
    return Rendered(
        add_camera_noise(image, rng, environment.noise), joints, visibility, boxes, numbers, np.concatenate(owners)
    )


def _detail(camera: Camera, person: Person, depth: float) -> int:
    """The number of quadrilaterals around a limb; more for people who fill the image. depth: in metres."""
    pixels = camera.focal * person.proportions.height / max(float(depth), 0.5)
    return 10 if pixels < 220 else 12 if pixels < 320 else 16


@lru_cache(maxsize=8)
def _texture(width: int, height: int) -> Array:
    """(H, W) float32 brightness factors around 1: the texture of skin and cloth."""
    noise = clouds(np.random.default_rng(1), (width, height), (width // 12, width // 4))
    return np.asarray(1 + 0.025 * noise, np.float32)


def add_camera_noise(image: Array, rng: np.random.Generator, noise: float = 2.5) -> NDArray[np.uint8]:
    """The image, float32, with a slight blur and sensor noise, uint8. noise: standard deviation in grey levels."""
    image = cv2.GaussianBlur(image, (0, 0), 0.55)
    grain = rng.standard_normal(image.shape[:2], np.float32) * noise
    return np.clip(image + grain[..., None] + 0.5, 0, 255).astype(np.uint8)
