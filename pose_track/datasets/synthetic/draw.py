"""A painter's algorithm for lit surfaces, which records the quadrilateral that each pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pose_track.datasets.synthetic.body import Array
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.surface import Surface

SUPERSAMPLING = 2
_SHIFT = 4  # fractional bits of OpenCV's polygon corners


@dataclass(frozen=True)
class Light:
    """The light of a scene.

    towards: (3,) unit vector to the sun or lamp.
    sun, sky, bounce: (3,) RGB strengths of direct light, of light from above and of light from the ground.
    """

    towards: Array
    sun: Array
    sky: Array
    bounce: Array


@dataclass(frozen=True)
class DrawnPerson:
    """A drawn person.

    depths: (Q,) of the quadrilaterals in metres, in the order of their numbers.
    box: (4,) x1 y1 x2 y2 pixels around everything drawn, ignoring occlusion, not clipped to the image.
    """

    depths: Array
    box: Array


def random_light(rng: np.random.Generator) -> Light:
    """A random light, from overcast to hard sun."""
    towards = np.array([rng.uniform(-1, 1), rng.uniform(0.5, 1.6), rng.uniform(-0.3, 1.0)])
    hard, warm = rng.uniform(0.15, 0.75), rng.uniform(-0.07, 0.1)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    fill = rng.uniform(0.45, 0.8)
    return Light(
        towards / np.linalg.norm(towards), hard * tint, fill * (2 - tint), fill * rng.uniform(0.35, 0.7) * tint
    )


def _shade(normals: Array, facing: Array, albedo: Array, light: Light) -> Array:
    """(Q, 3) RGB in [0, 255]: diffuse light, darker towards the outline."""
    up = 0.5 + 0.5 * normals[:, 1]
    direct = np.maximum(normals @ light.towards * 0.9 + 0.1, 0.0)
    energy = direct[:, None] * light.sun + up[:, None] * light.sky + (1 - up)[:, None] * light.bounce
    rim = 0.72 + 0.28 * np.clip(facing, 0.0, 1.0)
    return np.asarray(255.0 * np.clip(albedo * energy * rim[:, None], 0.0, 1.0) ** (1 / 1.15))


def new_canvas(camera: Camera) -> Array:
    """(2 H, 2 W, 4) float32: RGB, and the number of the visible quadrilateral, 0 for the background."""
    return np.zeros((camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING, 4), np.float32)


def draw_person(canvas: Array, surface: Surface, camera: Camera, light: Light, first_number: int) -> DrawnPerson:
    """Draw one person in front of the canvas; its quadrilaterals are numbered from `first_number`."""
    pixels, depths = camera.project(surface.corners)
    depth = 0.25 * (depths[:, 0] + depths[:, 1] + depths[:, 2] + depths[:, 3])
    low, high = (_reduce_corners(f, pixels) for f in (np.minimum, np.maximum))
    normals = surface.normals
    to_eye = np.array([0.0, camera.eye, 0.0]) - 0.5 * (surface.corners[:, 0] + surface.corners[:, 2])
    facing = np.einsum("ij,ij->i", normals, to_eye) / np.linalg.norm(to_eye, axis=1)
    normals = np.where((facing < 0)[:, None] & surface.two_sided[:, None], -normals, normals)
    visible = ((facing > 0) | surface.two_sided) & (depth > 0.2)
    size = np.array([camera.width, camera.height])
    inside = (high[:, 0] >= -1) & (high[:, 1] >= -1) & (low[:, 0] <= size[0]) & (low[:, 1] <= size[1])
    colours = _shade(normals, np.abs(facing), surface.albedo, light)
    numbers = np.arange(first_number, first_number + len(depth))
    fixed = np.round((pixels * SUPERSAMPLING + 0.5 * (SUPERSAMPLING - 1)) * (1 << _SHIFT)).astype(np.int32)
    order = np.flatnonzero(visible & inside)
    order = order[np.argsort((surface.lift - depth)[order], kind="stable")]
    for i, values in zip(order, np.column_stack([colours, numbers])[order].tolist(), strict=True):
        cv2.fillConvexPoly(canvas, fixed[i], values, cv2.LINE_8, _SHIFT)
    box = np.concatenate([low[visible].min(axis=0), high[visible].max(axis=0)]) if visible.any() else np.zeros(4)
    return DrawnPerson(depth, box)


def _reduce_corners(pick: np.ufunc, pixels: Array) -> Array:
    """(Q, 2) the minimum or maximum of each quadrilateral's corners (Q, 4, 2). pick: np.minimum or np.maximum."""
    return np.asarray(pick(pick(pixels[:, 0], pixels[:, 1]), pick(pixels[:, 2], pixels[:, 3])))


def compose(background: Array, canvas: Array, texture: Array, boxes: Array) -> Array:
    """(H, W, 3) float32: the people of the canvas in front of a background of the image's size.

    texture: (H, W) brightness factors around 1 for the people; boxes: (N, 4) x1 y1 x2 y2 that contain all people.
    """
    height, width = background.shape[:2]
    out = background.copy()
    if len(boxes) == 0:
        return np.asarray(out)
    x1, y1 = np.clip(np.floor(boxes[:, :2].min(axis=0)).astype(int) - 1, 0, [width - 1, height - 1])
    x2, y2 = np.clip(np.ceil(boxes[:, 2:].max(axis=0)).astype(int) + 2, [x1 + 1, y1 + 1], [width, height])
    part = np.s_[y1:y2, x1:x2]
    fine = canvas[2 * y1 : 2 * y2, 2 * x1 : 2 * x2]
    size = (int(x2 - x1), int(y2 - y1))
    people = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)[..., :3]
    cover = cv2.resize((fine[..., 3] > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    out[part] = out[part] * (1.0 - cover[..., None]) + people * texture[part][..., None]
    return np.asarray(out)


def shadow(surfaces: list[Surface], camera: Camera, light: Light, softness: float) -> Array:
    """(H, W) float32 in [0, 1]: the strength of the people's shadows on the ground.

    softness: blur of the shadows, in percent of the image height.
    """
    corners = np.concatenate([s.corners[::4] for s in surfaces]) if surfaces else np.zeros((0, 4, 3))
    slide = np.maximum(corners[..., 1:2], 0.0) / max(light.towards[1], 0.2) * light.towards
    near_ground = corners[corners[:, 0, 1] < 0.12]  # contact shadow of the feet
    cast = _flat_mask(corners - slide, camera, max(0.8, softness * camera.height / 100))
    contact = _flat_mask(near_ground, camera, max(0.8, camera.height / 150))
    both = np.maximum(cast, np.minimum(1.3 * contact, 1.0))
    return np.asarray(cv2.resize(both, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR))


def _flat_mask(corners: Array, camera: Camera, blur: float) -> Array:
    """(H / 2, W / 2) float32, the quadrilaterals (Q, 4, 3) projected vertically onto the ground."""
    mask = np.zeros((camera.height // 2, camera.width // 2), np.float32)
    pixels, depth = camera.project(corners * [1, 0, 1])
    fixed = np.round(pixels[(depth > 0.2).all(axis=1)] * (1 << (_SHIFT - 1))).astype(np.int32)
    for polygon in fixed[(np.abs(fixed) < 4000 << _SHIFT).all(axis=(1, 2))]:
        cv2.fillConvexPoly(mask, polygon, 1.0, cv2.LINE_8, _SHIFT)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur))
