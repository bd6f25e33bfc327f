"""Composed clips: shots one after the other, cut, dissolved or faded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pose_track.datasets.composed.effects import Effects, random_effects
from pose_track.datasets.composed.events import Event, people_events
from pose_track.datasets.composed.figures import Cast
from pose_track.datasets.composed.options import ClipOptions, Transition
from pose_track.datasets.composed.paths import Stage, random_path
from pose_track.datasets.composed.scene import Actor, FrameTruth, Prop, Shot, View
from pose_track.datasets.synthetic.camera import Camera
from pose_track.structures.arrays import ImageArray

FPS = 25
SIZE = (640, 360)  # width and height of a frame in pixels
_TRANSITION_FRAMES = {"cut": 0, "dissolve": 20, "fade": 24}
_NEAR, _FAR = 5.0, 9.0  # metres from the camera between which people walk
_LONGEST_PAN = 0.22  # of the image's width, from its middle
_LARGEST_ZOOM = 1.4
_UNLIKE, _TRIES = 25.0, 20  # grey levels between unlike scenes; scenes drawn before a similar one is accepted
_LIGHT_MATCH = 0.4  # how far people's brightness follows that of the scene; 1 is all the way

DrawScene = Callable[[np.random.Generator, Camera], ImageArray]
"""A random image without people, to walk in front of."""


@dataclass(frozen=True, eq=False)
class ComposedClip:
    """A clip. The last frames of a shot are mixed with the first ones of the next where the transition takes time."""

    shots: tuple[Shot, ...]
    transition: Transition
    alike_scenes: bool

    @property
    def mixed(self) -> int:
        """The number of frames that two shots share."""
        return _TRANSITION_FRAMES[self.transition]

    @property
    def starts(self) -> list[int]:
        """The first frame of each shot."""
        lengths = [shot.num_frames - self.mixed for shot in self.shots]
        return [sum(lengths[:number]) for number in range(len(lengths))]

    def frames(self) -> Iterator[tuple[ImageArray, FrameTruth]]:
        """Each frame and its truth. In a mixture of shots each person is the less visible the weaker their shot is."""
        for number, (shot, start) in enumerate(zip(self.shots, self.starts, strict=True)):
            first = self.mixed if number else 0
            is_last = number == len(self.shots) - 1
            for index in range(first, shot.num_frames - (0 if is_last else self.mixed)):
                yield shot.frame(index)
            for index in range(0 if is_last else self.mixed):
                share = (index + 1) / (self.mixed + 1)
                before = shot.frame(self.starts[number + 1] - start + index)
                yield _mix(before, self.shots[number + 1].frame(index), share, self.transition)

    def events(self, truths: list[FrameTruth]) -> list[Event]:
        """The events, in order. truths: of all frames."""
        events = people_events(truths)
        for shot, start in zip(self.shots, self.starts, strict=True):
            events += _shot_events(shot, start)
        kind = f"{self.transition}_{'alike' if self.alike_scenes else 'unlike'}"
        for shot, start in zip(self.shots[1:], self.starts[1:], strict=True):
            events.append(Event(kind, start, start + self.mixed, tuple(actor.track_id for actor in shot.actors)))
        return sorted(events, key=lambda event: event.first)


def _mix(
    before: tuple[ImageArray, FrameTruth], after: tuple[ImageArray, FrameTruth], share: float, transition: Transition
) -> tuple[ImageArray, FrameTruth]:
    """A frame between two shots. share: how far it is, 0 to 1. A fade passes through black."""
    weights = (1 - share, share) if transition == "dissolve" else (max(0.0, 1 - 2 * share), max(0.0, 2 * share - 1))
    image = np.asarray(cv2.addWeighted(before[0], weights[0], after[0], weights[1], 0), np.uint8)
    truths = [
        truth._replace(visibility=weight * truth.visibility)
        for (_, truth), weight in zip((before, after), weights, strict=True)
        if weight > 0
    ]
    if not truths:
        empty = np.zeros(0)
        return image, FrameTruth(np.zeros(0, np.int64), np.zeros((0, 4)), empty, empty, empty)
    return image, FrameTruth(*(np.concatenate(parts) for parts in zip(*truths, strict=True)))


def _shot_events(shot: Shot, start: int) -> list[Event]:
    last, effects, events = start + shot.num_frames - 1, shot.effects, []
    for name, index in (("pan", 0), ("zoom", 2)):
        if shot.first_view[index] != shot.last_view[index]:
            events.append(Event(name, start, last))
    for name, span in (("light", effects.light), ("blur", effects.blur)):
        if span is not None:
            events.append(Event(name, start + span[0], start + span[1]))
    return events


def compose_clip(options: ClipOptions, cast: Cast, draw_scene: DrawScene, seed: int) -> ComposedClip:
    """A random clip of a group, the same for the same seed. Nobody appears in two shots.

    Raises ValueError if the cast is too small.
    """
    rng = np.random.default_rng(seed)
    used: set[int] = set()
    shots: list[Shot] = []
    next_id, scene = 1, None
    for _ in range(options.shots):
        people = cast.choose(rng, int(rng.integers(options.people[0], options.people[1] + 1)), options.clothes, used)
        used |= set(people)
        camera = _random_camera(rng)
        if scene is None or not options.alike_scenes:
            scene = _another_scene(rng, camera, draw_scene, scene)
        shots.append(_random_shot(rng, options, cast, people, next_id, camera, scene, draw_scene))
        next_id += len(people)
    if options.alike_scenes:
        shots = [_other_view(shot, rng) for shot in shots]
    return ComposedClip(tuple(shots), options.transition, options.alike_scenes)


def _another_scene(
    rng: np.random.Generator, camera: Camera, draw_scene: DrawScene, last: ImageArray | None
) -> ImageArray:
    """A scene unlike the last one, also if that is mirrored; the same place was often photographed several times."""
    scene = draw_scene(rng, camera)
    tries = 0
    while last is not None and _scene_difference(scene, last) < _UNLIKE and tries < _TRIES:
        scene, tries = draw_scene(rng, camera), tries + 1
    return scene


def _scene_difference(a: ImageArray, b: ImageArray) -> float:
    """The mean difference of two scenes in grey levels, at a low resolution, the second one mirrored or not."""
    first, second = (cv2.resize(image, (16, 9), interpolation=cv2.INTER_AREA).astype(float) for image in (a, b))
    return min(float(np.abs(first - other).mean()) for other in (second, second[:, ::-1]))


def _random_camera(rng: np.random.Generator) -> Camera:
    """A camera above head height that shows the feet of the nearest people near the bottom."""
    focal, eye = SIZE[0] * rng.uniform(0.85, 1.0), rng.uniform(1.9, 2.7)
    bottom = np.arctan2(rng.uniform(0.4, 0.46) * SIZE[1], focal)
    return Camera(*SIZE, focal, eye, float(np.arctan2(eye, _NEAR) - bottom))


def _random_shot(
    rng: np.random.Generator,
    options: ClipOptions,
    cast: Cast,
    people: list[int],
    first_id: int,
    camera: Camera,
    scene: ImageArray,
    draw_scene: DrawScene,
) -> Shot:
    num_frames = round(options.seconds * FPS)
    meeting = rng.uniform(-1.2, 1.2), rng.uniform(_NEAR + 0.3, _FAR - 1), rng.uniform(0.35, 0.7) * options.seconds
    stage = Stage(0.5 * camera.width / camera.focal, _NEAR, _FAR, meeting, options.seconds)
    actors = []
    for track_id, index in enumerate(people, first_id):
        figure = cast.read(index)
        gain = _brightness_gain(figure.phases[0].image[figure.phases[0].alpha >= 0.5], scene)
        actors.append(Actor(figure, random_path(rng, stage, options.leave_chance), track_id, gain))
    num_props = int(rng.integers(1, options.objects + 1)) if options.objects else 0
    props = tuple(_random_prop(rng, stage, draw_scene(rng, camera)) for _ in range(num_props))
    views = _random_views(rng, options.camera)
    effects = random_effects(rng, num_frames) if options.degraded else Effects()
    return Shot(camera, scene, tuple(actors), props, *views, num_frames, FPS, effects)


def _brightness_gain(pixels: ImageArray, scene: ImageArray) -> float:
    """How much brighter people look in a scene than in their photograph."""
    ratio = (float(scene.mean()) + 20) / (float(pixels.mean()) + 20)
    return float(np.clip(ratio, 0.5, 2) ** _LIGHT_MATCH)


def _random_prop(rng: np.random.Generator, stage: Stage, image: ImageArray) -> Prop:
    """A board, booth or pillar in front of the meeting place, with a part of another scene on it."""
    width, height = float(rng.uniform(0.3, 1.3)), float(rng.uniform(1.1, 2.3))
    rows = slice(0, max(2, int(image.shape[0] * rng.uniform(0.4, 0.9))))
    columns = max(2, min(image.shape[1], round(rows.stop * width / height)))
    left = int(rng.integers(0, image.shape[1] - columns + 1))
    x, z, _ = stage.meeting
    position = (x + float(rng.uniform(-1.8, 1.8)), max(stage.near - 0.4, z - float(rng.uniform(0.5, 1.2))))
    return Prop(np.ascontiguousarray(image[rows, left : left + columns]), (width, height), position)


def _random_views(rng: np.random.Generator, move: str) -> tuple[View, View]:
    """The views at the start and at the end of a shot."""
    x, y = 0.5 * (SIZE[0] - 1), 0.5 * (SIZE[1] - 1)
    still = View(x, y, 1.0)
    if move == "any":
        move = str(rng.choice(["pan", "zoom"]))
    if move == "pan":
        reach = rng.uniform(0.5, 1) * _LONGEST_PAN * SIZE[0] * rng.choice([-1, 1])
        return View(x - reach, y, 1.0), View(x + reach, y, 1.0)
    if move == "zoom":
        near = View(x + rng.uniform(-30, 30), y + 15, rng.uniform(1.15, _LARGEST_ZOOM))
        return (still, near) if rng.random() < 0.5 else (near, still)
    return still, still


def _other_view(shot: Shot, rng: np.random.Generator) -> Shot:
    """The shot seen a little closer and from the side, as after a cut to another camera at the same place."""
    zoom, x = rng.uniform(1.0, 1.2), rng.uniform(-0.08, 0.08) * SIZE[0]
    views = [View(view.x + x, view.y, view.zoom * zoom) for view in (shot.first_view, shot.last_view)]
    return replace(shot, first_view=views[0], last_view=views[1])
