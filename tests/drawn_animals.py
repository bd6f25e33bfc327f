"""Drawn four-legged animals with exact joints: a labelled data set in COCO format, and a video of one that walks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from pose_track.structures.arrays import Float64Array, ImageArray
from pose_track.video.writer import VideoWriter

WIDTH, HEIGHT = 320, 240
SIDES = ("left", "right")
JOINTS = (
    *("nose", "withers", "tail_base", "tail_tip"),
    *(f"{side}_{part}" for part in ("front_knee", "front_hoof", "hind_hock", "hind_hoof") for side in SIDES),
)
SHIFT = 4  # OpenCV draws in sixteenths of a pixel


class Animal(NamedTuple):
    """length: of the back in pixels; legs: (4, 2) angles of upper and lower leg in radians, left and right front, left
    and right hind; head: angle of the neck; faces_right: or left; colour: RGB."""

    centre: tuple[float, float]
    length: float
    legs: Float64Array
    head: float
    faces_right: bool
    colour: tuple[int, int, int]


def joints_of(animal: Animal) -> Float64Array:
    """(12, 2) pixels, in the order of `JOINTS`."""
    neck = np.array([np.cos(animal.head), -np.sin(animal.head)])
    withers, tail = np.array([0.5, -0.05]), np.array([-0.5, 0.0])
    upper = np.array([(0.42, 0.12), (0.42, 0.12), (-0.42, 0.12), (-0.42, 0.12)])
    knees = upper + 0.28 * np.column_stack([np.sin(animal.legs[:, 0]), np.cos(animal.legs[:, 0])])
    bent = animal.legs.sum(axis=1)
    hooves = knees + 0.28 * np.column_stack([np.sin(bent), np.cos(bent)])
    points = [withers + 0.42 * neck + np.array([0.2, 0.08]), withers, tail, tail + np.array([-0.2, 0.24])]
    points += [*knees[:2], *hooves[:2], *knees[2:], *hooves[2:]]
    direction = 1 if animal.faces_right else -1
    return np.array(animal.centre) + animal.length * np.array(points) * (direction, 1)


def draw_animal(image: ImageArray, animal: Animal) -> None:
    """The near legs are those of the side that is seen: the right one of an animal that faces right."""
    named = dict(zip(JOINTS, joints_of(animal), strict=True))
    near, far = ("right", "left") if animal.faces_right else ("left", "right")
    shade = np.array(animal.colour)
    direction = 1 if animal.faces_right else -1
    for side, colour in ((far, shade * 0.55), (near, shade)):
        for x, parts in ((0.42, ("front_knee", "front_hoof")), (-0.42, ("hind_hock", "hind_hoof"))):
            hip = np.array(animal.centre) + animal.length * np.array([direction * x, 0.12])
            chain = [hip, *(named[f"{side}_{part}"] for part in parts)]
            _line(image, chain, colour, 0.08 * animal.length)
            _dot(image, chain[2], (30, 30, 30), 0.05 * animal.length)
        if side == far:
            body = np.mean([named["withers"], named["tail_base"]], axis=0) + np.array([0, 0.1 * animal.length])
            _ellipse(image, body, (0.56 * animal.length, 0.17 * animal.length), shade * 0.85)
    _line(image, [named["tail_base"], named["tail_tip"]], shade * 0.4, 0.05 * animal.length)
    head = named["nose"] - animal.length * np.array([direction * 0.14, 0.05])
    _line(image, [named["withers"], head], shade, 0.14 * animal.length)
    _line(image, [head, named["nose"]], shade, 0.1 * animal.length)
    _dot(image, named["nose"], (250, 200, 190), 0.035 * animal.length)


def _points(points: Any) -> Any:
    return np.rint(np.array(points) * 2**SHIFT).astype(np.int32)


def _line(image: ImageArray, points: Any, colour: Any, width: float) -> None:
    lines, rgb = [_points(points)], np.array(colour).astype(int).tolist()
    cv2.polylines(image, lines, False, rgb, max(1, round(width)), cv2.LINE_AA, SHIFT)


def _dot(image: ImageArray, centre: Any, colour: Any, radius: float) -> None:
    centre, rgb = _points(centre).tolist(), np.array(colour).astype(int).tolist()
    cv2.circle(image, centre, int(radius * 2**SHIFT), rgb, -1, cv2.LINE_AA, SHIFT)


def _ellipse(image: ImageArray, centre: Any, axes: Any, colour: Any) -> None:
    rgb = np.array(colour).astype(int).tolist()
    cv2.ellipse(image, _points(centre).tolist(), _points(axes).tolist(), 0, 0, 360, rgb, -1, cv2.LINE_AA, SHIFT)


def background(rng: np.random.Generator) -> ImageArray:
    """Soft patches of colour."""
    patches = rng.integers(90, 220, (5, 7, 1), dtype=np.uint8) + rng.integers(0, 36, (5, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def random_animal(rng: np.random.Generator) -> Animal:
    length = rng.uniform(70, 110)
    centre = rng.uniform(1.0 * length, WIDTH - 1.0 * length), rng.uniform(0.6 * length, HEIGHT - 0.75 * length)
    legs = np.column_stack([rng.uniform(-0.6, 0.6, 4), rng.uniform(-0.5, 0.3, 4)])
    colour = tuple(int(rng.integers(low, high)) for low, high in ((90, 230), (60, 150), (20, 90)))
    return Animal(centre, length, legs, rng.uniform(0.3, 1.1), bool(rng.random() < 0.5), colour)  # type: ignore[arg-type]


def walking_animal(frame: int, num_frames: int) -> Animal:
    """An animal that crosses the image to the right, two steps a second."""
    phase = 2 * np.pi * frame / 12
    phases = phase + np.array([0, np.pi, np.pi, 0])
    legs = np.column_stack([0.45 * np.sin(phases), -0.3 * (np.cos(phases) > 0) * np.cos(phases)])
    centre = 90 + 140 * frame / max(num_frames - 1, 1), 120
    return Animal(centre, 90, legs, 0.7, True, (180, 110, 50))


def write_animals(root: Path, name: str, count: int, seed: int, joints: Sequence[str] = JOINTS) -> Path:
    """Write root/name/*.jpg and root/name.json, one animal an image; returns the JSON file. joints: their 12 names."""
    rng = np.random.default_rng(seed)
    (root / name).mkdir(parents=True)
    images, annotations = [], []
    for i in range(count):
        image, animal = background(rng), random_animal(rng)
        draw_animal(image, animal)
        cv2.imwrite(str(root / name / f"{i:03d}.jpg"), image[:, :, ::-1])
        images.append({"id": i, "file_name": f"{i:03d}.jpg", "width": WIDTH, "height": HEIGHT})
        annotations.append(_annotation(i, joints_of(animal), 0.08 * animal.length))
    categories = [{"id": 1, "name": "horse", "keypoints": list(joints)}]
    path = root / f"{name}.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def _annotation(number: int, joints: Float64Array, margin: float) -> dict[str, Any]:
    low, high = joints.min(axis=0) - margin, joints.max(axis=0) + margin
    keypoints = np.column_stack([joints, np.full(len(joints), 2)]).round(2)
    box = np.concatenate([low, high - low]).round(2)
    entry = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "area": float(box[2] * box[3])}
    return {**entry, "bbox": box.tolist(), "keypoints": keypoints.ravel().tolist()}


def write_video(path: Path, num_frames: int = 24) -> Float64Array:
    """Write a video of one walking animal; returns its joints, (num_frames, 12, 2)."""
    scene = background(np.random.default_rng(5))
    with VideoWriter(path, WIDTH, HEIGHT, Fraction(25)) as writer:
        for frame in range(num_frames):
            image = scene.copy()
            draw_animal(image, walking_animal(frame, num_frames))
            writer.write(image, frame / 25)
    return np.array([joints_of(walking_animal(frame, num_frames)) for frame in range(num_frames)])
