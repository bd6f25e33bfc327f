"""People in a place, drawn, with where every joint of them is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.figures.appearance import Appearance
from pose_track.datasets.figures.background import background, clouds
from pose_track.datasets.figures.body import Array, Build, Pose, Posed, pose_body
from pose_track.datasets.figures.camera import Camera
from pose_track.datasets.figures.draw import Light, Painted, compose, new_canvas, paint, random_light, shadow
from pose_track.datasets.figures.dress import dressed
from pose_track.structures.skeleton import POSETRACK_15

# How deep a joint lies under its own surface at most, as a fraction of the body height: more in front of it hides it.
_COVER = {
    "hip": 0.11, "shoulder": 0.075, "knee": 0.055, "elbow": 0.045, "ankle": 0.04, "wrist": 0.035,
    "head_bottom": 0.06, "nose": 0.02, "head_top": 0.07,
}  # fmt: skip
_COVERS = np.array([_COVER[part] for part in POSETRACK_15.part_names])


@dataclass(frozen=True)
class Person:
    """Someone standing in the world. position: x z in metres; heading: radians, 0 = facing the camera."""

    build: Build
    appearance: Appearance
    pose: Pose
    position: tuple[float, float]
    heading: float

    def body(self) -> Posed:
        return pose_body(self.build, self.pose, self.heading, self.position)


@dataclass(frozen=True)
class Rendered:
    """A picture and its truth, for N people.

    image: (H, W, 3) uint8 RGB; joints: (N, 15, 2) pixels of POSETRACK_15, also outside the picture; visibility:
    (N, 15) 0 outside the picture, 1 hidden, 2 visible; boxes: (N, 4) x1 y1 x2 y2 around each person, as if no other
    stood in front, clipped to the picture; numbers: (2 H, 2 W) the quadrilateral that each quarter of a pixel shows;
    number_owners: (Q + 1,) the person that each of them belongs to, -1 for number 0, which is nobody's.
    """

    image: NDArray[np.uint8]
    joints: Array
    visibility: NDArray[np.int64]
    boxes: Array
    numbers: Array
    number_owners: NDArray[np.int64]

    @property
    def owner(self) -> NDArray[np.int64]:
        """(2 H, 2 W) which person each quarter of a pixel shows, -1 = none."""
        return self.number_owners[self.numbers.astype(np.int64)]


@dataclass(frozen=True)
class Stage:
    """What stays the same through a clip: camera, light, the empty place and its ground (H, W); how soft shadows are
    and how strong the camera's noise, in grey levels."""

    camera: Camera
    light: Light
    place: Array
    ground: Array
    softness: float
    noise: float = 2.5


def make_stage(rng: np.random.Generator, camera: Camera, room: float = 6.0) -> Stage:
    """A random place before a camera, with no wall nearer than `room` metres."""
    place, ground = background(rng, camera, room)
    return Stage(camera, random_light(rng), place, ground, float(rng.uniform(0.3, 2.0)))


def joints_of(body: Posed) -> Array:
    """(15, 3) world positions of POSETRACK_15's joints, metres."""
    return np.stack([body.points[name] for name in POSETRACK_15.joint_names])


def _visibility(pixels: Array, depths: Array, covers: Array, numbers: Array, quad_depths: Array) -> NDArray[np.int64]:
    """(15,) for one person. numbers: (2 H, 2 W) of quadrilaterals; quad_depths: by number."""
    height, width = numbers.shape
    at = np.round(pixels * 2 + 0.5).astype(np.int64)
    inside = ((at >= 0) & (at < [width, height])).all(axis=1) & (depths > 0.1)
    x, y = (np.clip(at[:, i], 0, limit - 1) for i, limit in ((0, width), (1, height)))
    hidden = quad_depths[numbers[y, x].astype(np.int64)] < depths - covers
    return np.where(inside, np.where(hidden, 1, 2), 0)


def render(stage: Stage, people: list[Person], rng: np.random.Generator) -> Rendered:
    """The picture of these people on the stage. rng: for the camera's noise."""
    camera = stage.camera
    bodies = [p.body() for p in people]
    world = np.stack([joints_of(b) for b in bodies]) if bodies else np.zeros((0, 15, 3))
    joints, depths = camera.project(world)
    details = [_detail(camera, p, d.mean()) for p, d in zip(people, depths, strict=True)]
    surfaces = [dressed(b, p.appearance, n) for b, p, n in zip(bodies, people, details, strict=True)]
    canvas, first = new_canvas(camera), 1
    painted: dict[int, Painted] = {}
    owners = [np.array([-1])]
    all_depths = [np.array([np.inf])]
    for i in np.argsort(-depths.mean(axis=1), kind="stable").tolist():
        painted[i] = paint(canvas, surfaces[i], camera, stage.light, first)
        all_depths.append(painted[i].depths)
        owners.append(np.full(len(surfaces[i]), i))
        first += len(surfaces[i])
    numbers = canvas[..., 3]
    quad_depths = np.concatenate(all_depths)
    covers = [_COVERS * p.build.height for p in people]
    visible = [_visibility(*one, numbers, quad_depths) for one in zip(joints, depths, covers, strict=True)]
    dark = shadow(surfaces, camera, stage.light, stage.softness) * stage.ground
    strength = 0.25 + 0.5 * float(stage.light.sun.mean())
    place = stage.place * (1 - strength * dark)[..., None]
    boxes = np.stack([painted[i].box for i in range(len(people))]) if people else np.zeros((0, 4))
    picture = compose(place, canvas, _texture(camera.width, camera.height), boxes)
    boxes = np.clip(boxes, 0, [camera.width - 1, camera.height - 1] * 2)
    seen = np.array(visible, np.int64).reshape(-1, POSETRACK_15.num_joints)
    return Rendered(develop(picture, rng, stage.noise), joints, seen, boxes, numbers, np.concatenate(owners))


def _detail(camera: Camera, person: Person, depth: float) -> int:
    """Quadrilaterals around a limb: more for those who fill the picture."""
    tall = camera.focal * person.build.height / max(float(depth), 0.5)
    return 10 if tall < 220 else 12 if tall < 320 else 16


@lru_cache(maxsize=8)
def _texture(width: int, height: int) -> Array:
    """(H, W) float32, the slight unevenness of skin and cloth."""
    noise = clouds(np.random.default_rng(1), (width, height), (width // 12, width // 4))
    return np.asarray(1 + 0.025 * noise, np.float32)


def develop(image: Array, rng: np.random.Generator, noise: float = 2.5) -> NDArray[np.uint8]:
    """A slight blur and the sensor's noise; float32 in, uint8 out."""
    image = cv2.GaussianBlur(image, (0, 0), 0.55)
    grain = rng.standard_normal(image.shape[:2], np.float32) * noise
    return np.clip(image + grain[..., None] + 0.5, 0, 255).astype(np.uint8)
