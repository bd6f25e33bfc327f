"""Random backgrounds: ground in perspective, walls or sky, and objects other than people."""

from __future__ import annotations

import cv2
import numpy as np

from pose_track.datasets.synthetic.appearance import cloth_colour
from pose_track.datasets.synthetic.body import Array
from pose_track.datasets.synthetic.camera import Camera


def clouds(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, ...] = (4, 9, 24, 70), fall: float = 0.6
) -> Array:
    """(H, W) float32 smooth noise of mean 0 and standard deviation about 1.

    size: W H; cells: numbers of blobs across the image, one for each scale; fall: strength of a scale relative to the
    previous one.
    """
    total, strength = np.zeros((size[1], size[0]), np.float32), 1.0
    for n in cells:
        coarse = rng.standard_normal((max(2, n * size[1] // size[0]), n), np.float32)
        total += strength * cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        strength *= fall
    return np.asarray(total)


def _ground_pattern(rng: np.random.Generator, x: Array, z: Array) -> Array:
    """(H, W) float32 brightness factors: boards, paving, checks, lines or plain.

    x, z: (H, W) ground positions in metres.
    """
    kind, width = rng.choice(["boards", "paving", "lines", "plain", "checks"]), rng.uniform(0.08, 0.7)
    angle = rng.uniform(-0.5, 0.5)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))  # NumPy scalars would make the arrays float64
    u, v = x * cos + z * sin, z * cos - x * sin
    column, row = np.floor(u / width), np.floor(v / width)
    gap = 0.06
    if kind == "boards":
        tone = 1.0 + 0.13 * np.sin(column * 12.9898 + 1.3)
        return np.asarray(np.where(u / width - column < gap, 0.7, tone), np.float32)
    if kind == "paving":
        tone = 1.0 + 0.09 * np.sin(column * 12.9898 + row * 78.233)
        return np.asarray(np.where((u / width - column < gap) | (v / width - row < gap), 0.75, tone), np.float32)
    if kind == "checks":
        return np.asarray(1.0 + 0.15 * (np.mod(column + row, 2) - 0.5), np.float32)
    if kind == "lines":
        return np.asarray(np.where(np.mod(u, 3.0 * width + 1.5) < 0.07, 1.5, 1.0), np.float32)
    return np.ones_like(x, np.float32)


def _box(image: Array, rng: np.random.Generator, horizon: float) -> None:
    """Draw a building or a piece of furniture: a shaded rectangle, possibly with windows."""
    height, width = image.shape[:2]
    w, h = int(width * rng.uniform(0.05, 0.4)), int(height * rng.uniform(0.1, 0.7))
    x, base = int(rng.uniform(-0.2, 1.0) * width), int(horizon + rng.uniform(-0.35, 0.12) * height)
    colour = 255.0 * cloth_colour(rng) * rng.uniform(0.4, 1.0)
    cv2.rectangle(image, (x, base - h), (x + w, base), colour.tolist(), -1)
    if rng.random() < 0.6:
        columns, rows = int(rng.integers(1, 7)), int(rng.integers(1, 7))
        other = (colour * rng.uniform(0.4, 1.5)).tolist()
        for i in range(columns * rows):
            cx, cy = x + w * (i % columns + 0.2) / columns, base - h + h * (i // columns + 0.2) / rows
            cv2.rectangle(image, (int(cx), int(cy)), (int(cx + 0.6 * w / columns), int(cy + 0.6 * h / rows)), other, -1)


def _pole(image: Array, rng: np.random.Generator, horizon: float) -> None:
    """Draw a tree trunk, a lamp post or a furniture leg."""
    height, width = image.shape[:2]
    x, base = rng.uniform(0, width), horizon + rng.uniform(0.0, 0.35) * height
    top, lean = base - rng.uniform(0.15, 1.0) * height, rng.normal(0, 0.04) * height
    colour = (255.0 * cloth_colour(rng) * 0.6).tolist()
    thick = max(1, int(width * rng.uniform(0.003, 0.035)))
    cv2.line(image, (int(x), int(base)), (int(x + lean), int(top)), colour, thick, cv2.LINE_AA)


def _bush(image: Array, rng: np.random.Generator, horizon: float) -> None:
    """Draw a bush, or a heap of other round objects."""
    height, width = image.shape[:2]
    centre = np.array([rng.uniform(0, width), horizon - rng.uniform(-0.08, 0.4) * height])
    spread = height * rng.uniform(0.04, 0.2)
    colour = (
        np.array([rng.uniform(30, 110), rng.uniform(60, 130), rng.uniform(20, 70)])
        if rng.random() < 0.7
        else 255 * cloth_colour(rng)
    )
    for _ in range(int(rng.integers(8, 40))):
        at, radius = centre + rng.normal(0, 1, 2) * spread * [1.0, 0.7], spread * rng.uniform(0.1, 0.5)
        shade = (colour * (0.9 - 0.25 * (at[1] - centre[1]) / spread) * rng.uniform(0.75, 1.2)).clip(0, 255)
        cv2.circle(image, (int(at[0]), int(at[1])), max(1, int(radius)), shade.tolist(), -1, cv2.LINE_AA)


def _sky_or_wall(rng: np.random.Generator, camera: Camera, outdoors: bool) -> Array:
    """(H, W, 3) float32 sky or wall, in [0, 255]."""
    size = (camera.width, camera.height)
    fade = np.linspace(0, 1, camera.height, dtype=np.float32)[:, None, None]
    if outdoors:
        top = np.array([rng.uniform(70, 190), rng.uniform(120, 210), rng.uniform(190, 250)])
        bottom = np.full(3, rng.uniform(180, 250))
    else:
        top = 255 * cloth_colour(rng) * 0.4 + 255 * rng.uniform(0.1, 0.6)
        bottom = top * rng.uniform(0.6, 1.1)
    image = (top * (1 - fade) + bottom * fade).astype(np.float32)
    return np.asarray(image * (1 + 0.04 * clouds(rng, size, (3, 8)))[..., None])


def background(rng: np.random.Generator, camera: Camera, room: float = 6.0) -> tuple[Array, Array]:
    """A random background, (H, W, 3) float32 in [0, 255], and the mask of its ground, (H, W) float32 in [0, 1].

    room: smallest distance between camera and wall in metres.
    """
    outdoors, size = bool(rng.random() < 0.55), (camera.width, camera.height)
    image = _sky_or_wall(rng, camera, outdoors)
    x, z, down = camera.ground()
    wall = (
        0.0 if outdoors else camera.eye / (room * rng.uniform(1.05, 2.0))
    )  # angle below the horizon at which the floor meets the wall
    horizon = 0.5 * camera.height + camera.focal * np.tan(np.clip(wall - camera.pitch, -1.2, 1.2))
    for _ in range(int(rng.integers(2, 12))):
        (_box, _pole, _bush)[int(rng.choice(3, p=[0.45, 0.2, 0.35] if outdoors else [0.7, 0.2, 0.1]))](
            image, rng, horizon
        )
    blur = rng.choice([0.0, 1.0, 2.5]) * camera.height / 400
    image = cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.2 else image
    if outdoors and rng.random() < 0.5:
        colour = np.array([rng.uniform(60, 120), rng.uniform(90, 140), rng.uniform(35, 80)])  # grass
    else:
        colour = 255 * (0.35 * cloth_colour(rng) + rng.uniform(0.15, 0.6))
    far = np.clip(np.hypot(x, z) / 25.0, 0, 1)
    tone = _ground_pattern(rng, x, z) * (1 - far) + far
    tone *= 1 + rng.uniform(0.015, 0.07) * clouds(rng, size, (5, 14, 50, 130), 0.85)
    ground = np.clip((down - wall) * camera.focal + 0.5, 0, 1).astype(np.float32)
    floor = tone.astype(np.float32)[..., None] * colour.astype(np.float32)
    image = image * (1 - ground[..., None]) + floor * ground[..., None]
    for _ in range(int(rng.integers(0, 4))):
        _pole(image, rng, horizon)
    return np.clip(image, 0, 255), ground
