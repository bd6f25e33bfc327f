"""A shot of a composed clip: people on their paths between objects, seen by a moving camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pose_track.datasets.augment import Region
from pose_track.datasets.composed.effects import Effects
from pose_track.datasets.composed.figures import Figure
from pose_track.datasets.composed.paths import Path
from pose_track.datasets.cutouts import Cutout, mask_extent, paste, soften
from pose_track.datasets.synthetic.camera import Camera
from pose_track.structures.arrays import BoolArray, Float32Array, Float64Array, ImageArray, IntArray

_STRIDE = 1.4  # metres of one cycle of walking
_SWAY, _BOB = 0.025, 0.012  # sideways and upward swing of a walking person, as fractions of the height
_COVER = (1.6, 1.25)  # extent of the backdrop, as multiples of the image's width and height
_SHADOW = (0.22, 0.05, 0.45)  # metres that it reaches sideways and up, and its darkness, below a person


class Actor(NamedTuple):
    """A person of a shot. track_id: the person's identity in the clip; gain: brightness in this light."""

    figure: Figure
    path: Path
    track_id: int
    gain: float


class Prop(NamedTuple):
    """An upright object. metres: width and height; position: x z on the ground."""

    image: ImageArray
    metres: tuple[float, float]
    position: tuple[float, float]


class View(NamedTuple):
    """The part of the camera's image that a frame shows. x, y: its centre in pixels; zoom: enlargement."""

    x: float
    y: float
    zoom: float


class FrameTruth(NamedTuple):
    """The N people with a pixel inside a frame, also those who are hidden.

    ids: (N,) identities.
    boxes: (N, 4) x1 y1 x2 y2 of the whole mask in pixels, clipped to the image.
    visibility: (N,) the share of the mask that is seen.
    behind_people, behind_objects: (N,) the shares that other people and objects hide.
    """

    ids: IntArray
    boxes: Float64Array
    visibility: Float64Array
    behind_people: Float64Array
    behind_objects: Float64Array


@dataclass(frozen=True, eq=False)
class Shot:
    """One shot.

    camera: of the size of a frame. backdrop: an image of any size, which covers more than the camera's view.
    first_view, last_view: at the start and at the end; between them the camera moves evenly.
    num_frames, fps: length and rate.
    effects: on the finished image.
    """

    camera: Camera
    backdrop: ImageArray
    actors: tuple[Actor, ...]
    props: tuple[Prop, ...]
    first_view: View
    last_view: View
    num_frames: int
    fps: float
    effects: Effects

    def view(self, index: int) -> View:
        share = index / max(1, self.num_frames - 1)
        pairs = zip(self.first_view, self.last_view, strict=True)
        return View(*((1 - share) * a + share * b for a, b in pairs))

    def frame(self, index: int) -> tuple[ImageArray, FrameTruth]:
        """A frame, and who is where in it."""
        painter = _Painter(self.camera, self.view(index))
        painter.cover(self.backdrop)
        seconds = index / self.fps
        places = [actor.path.position(seconds) for actor in self.actors]
        for place in places:
            painter.cast_shadow(place)
        depths = [z for _, z in places] + [prop.position[1] for prop in self.props]
        for number in np.argsort(-np.array(depths), kind="stable").tolist():
            if number < len(self.actors):
                painter.place_person(number, self.actors[number], places[number], seconds)
            else:
                painter.place_prop(number, self.props[number - len(self.actors)])
        truth = painter.truth([actor.track_id for actor in self.actors])
        return self.effects.apply(painter.image, index), truth


class _Placed(NamedTuple):
    """A placed person. pixels: of the whole mask; box: not clipped; region, inside: the part in the image, its mask."""

    pixels: int
    box: Float64Array
    region: Region
    inside: BoolArray


class _Painter:
    """Paints a frame from back to front, and remembers what each pixel shows."""

    def __init__(self, camera: Camera, view: View) -> None:
        self._camera, self._view = camera, view
        self.image = np.zeros((camera.height, camera.width, 3), np.uint8)
        self._owner = np.full((camera.height, camera.width), -1)
        self._placed: dict[int, _Placed] = {}

    def _project(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """x, y and pixels per metre in the frame of a point in metres."""
        (u, v), depth = self._camera.project(np.array([x, y, -z]))
        return *self._to_frame(float(u), float(v)), self._view.zoom * self._camera.focal / float(depth)

    def _to_frame(self, u: float, v: float) -> tuple[float, float]:
        x, y, zoom = self._view
        return zoom * (u - x) + 0.5 * (self._camera.width - 1), zoom * (v - y) + 0.5 * (self._camera.height - 1)

    def cover(self, backdrop: ImageArray) -> None:
        """Fill the frame with its part of the backdrop, which is centred on the camera's image."""
        width, height = self._camera.width, self._camera.height
        scale = max(_COVER[0] * width / backdrop.shape[1], _COVER[1] * height / backdrop.shape[0])
        left = 0.5 * (width - 1) - 0.5 * scale * (backdrop.shape[1] - 1)
        top = 0.5 * (height - 1) - 0.5 * scale * (backdrop.shape[0] - 1)
        x, y = self._to_frame(left, top)
        matrix = np.array([[scale * self._view.zoom, 0, x], [0, scale * self._view.zoom, y]])
        covered = cv2.warpAffine(backdrop, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        self.image = np.asarray(covered, np.uint8)

    def cast_shadow(self, place: tuple[float, float]) -> None:
        """Darken the ground around somebody's feet."""
        x, y, scale = self._project(place[0], 0.0, place[1])
        across, along = (
            np.exp(-0.5 * ((np.arange(size) - centre) / (reach * scale)) ** 2).astype(np.float32)
            for size, centre, reach in ((self._camera.width, x, _SHADOW[0]), (self._camera.height, y, _SHADOW[1]))
        )
        (rows,), (columns,) = np.nonzero(along > 0.02), np.nonzero(across > 0.02)
        if len(rows) and len(columns):
            part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            light = 1 - _SHADOW[2] * np.outer(along[part[0]], across[part[1]])
            self.image[part] = (self.image[part] * light[..., None]).astype(np.uint8)

    def place_person(self, number: int, actor: Actor, place: tuple[float, float], seconds: float) -> None:
        x, y, scale = self._project(place[0], 0.0, place[1])
        cycle = actor.path.walked(seconds) / _STRIDE
        phases = actor.figure.phases
        sprite = phases[int(cycle * len(phases)) % len(phases)]
        swing = float(np.sin(2 * np.pi * cycle))
        patch, corner = stand(sprite, x, y, scale * actor.figure.metres, swing)
        patch = patch._replace(image=cv2.convertScaleAbs(patch.image, alpha=actor.gain))  # type: ignore[arg-type]
        self._place(number, patch, corner)

    def place_prop(self, number: int, prop: Prop) -> None:
        x, y, scale = self._project(prop.position[0], 0.0, prop.position[1])
        width, height = (max(1, round(scale * metres)) for metres in prop.metres)
        image = np.asarray(cv2.resize(prop.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        self._place(
            number, Cutout(image, np.ones((height, width), np.float32)), (round(x - width / 2), round(y - height))
        )

    def _place(self, number: int, patch: Cutout, corner: tuple[int, int]) -> None:
        seen = paste(self.image, patch, corner)
        whole = patch.alpha >= 0.5
        if not seen.any():
            return
        rows, columns = mask_extent(whole)
        extent = (columns.start, rows.start, columns.stop - 1, rows.stop - 1)
        box = np.add(extent, [*corner, *corner], dtype=np.float64)
        part = mask_extent(seen)
        region = tuple(slice(s.start + c, s.stop + c) for s, c in zip(part, corner[::-1], strict=True))
        self._placed[number] = _Placed(int(whole.sum()), box, (region[0], region[1]), seen[part])
        self._owner[self._placed[number].region][seen[part]] = number

    def truth(self, track_ids: list[int]) -> FrameTruth:
        """The truth about the people. track_ids: of the first numbers; the others are objects."""
        people = [number for number in sorted(self._placed) if number < len(track_ids)]
        rows = []
        for number in people:
            placed = self._placed[number]
            owners = self._owner[placed.region][placed.inside]
            seen, by_people = (owners == number).sum(), ((owners >= 0) & (owners < len(track_ids))).sum()
            shares = np.array([seen, by_people - seen, (owners >= len(track_ids)).sum()]) / placed.pixels
            rows.append(np.append(self._clipped(placed.box), shares))
        table = np.array(rows).reshape(-1, 7)
        ids = np.array([track_ids[number] for number in people], np.int64)
        return FrameTruth(ids, table[:, :4], table[:, 4], table[:, 5], table[:, 6])

    def _clipped(self, box: Float64Array) -> Float64Array:
        limits = np.array([self._camera.width - 1, self._camera.height - 1] * 2, np.float64)
        return np.clip(box, 0, limits)


def stand(sprite: Cutout, x: float, y: float, height: float, swing: float) -> tuple[Cutout, tuple[int, int]]:
    """A sprite that stands with its feet at x y, `height` pixels high: the patch to paste, and its top-left corner.

    swing: of a walking person, -1 to 1; the body leans to the side and rises a little.
    """
    image, alpha = _reduce(sprite, height)
    rows, columns = alpha.shape
    scale, lean = height / rows, _SWAY * swing
    top = y - scale * rows - _BOB * height * swing**2
    left, right = x - scale * columns / 2, x + scale * columns / 2
    corner = int(np.floor(left - abs(lean) * height)) - 1, int(np.floor(top)) - 1
    size = int(np.ceil(right + abs(lean) * height)) - corner[0] + 2, int(np.ceil(top + height)) - corner[1] + 2
    matrix = np.array([[scale, -lean * scale, left + lean * height - corner[0]], [0, scale, top - corner[1]]])
    warped = np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    return Cutout(warped, soften(np.asarray(cv2.warpAffine(alpha, matrix, size), np.float32))), corner


def _reduce(sprite: Cutout, height: float) -> tuple[ImageArray, Float32Array]:
    """The sprite halved until it is less than twice as high as `height`, without aliasing."""
    image, alpha = sprite
    while alpha.shape[0] >= 2 * height and min(alpha.shape) > 4:
        size = alpha.shape[1] // 2, alpha.shape[0] // 2
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    return image, alpha
