"""People moving through a scene, and the sample clip of three of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pose_track.datasets.figures.appearance import Appearance, random_appearance
from pose_track.datasets.figures.body import Build, Pose
from pose_track.datasets.figures.camera import Camera
from pose_track.datasets.figures.motions import TAU, run, squat, walk, wave
from pose_track.datasets.figures.scene import Person, Rendered, Stage, make_stage, render

FPS = 25
NUM_FRAMES = 150

Where = tuple[Pose, tuple[float, float], float]


@dataclass(frozen=True)
class Actor:
    """Someone with a part to play. act: seconds -> pose, position x z in metres, heading; None while away."""

    build: Build
    appearance: Appearance
    act: Callable[[float], Where | None]


@dataclass(frozen=True)
class Scene:
    """Actors on a stage; an actor's track id is its place in the list."""

    stage: Stage
    actors: tuple[Actor, ...]
    seed: int

    def people(self, seconds: float) -> tuple[list[int], list[Person]]:
        """Who is on, by track id, at a time; some may stand outside the picture."""
        played = [(i, a, a.act(seconds)) for i, a in enumerate(self.actors)]
        present = [(i, Person(a.build, a.appearance, *where)) for i, a, where in played if where is not None]
        return [i for i, _ in present], [p for _, p in present]

    def frame(self, index: int, fps: float = FPS) -> tuple[Rendered, list[int]]:
        """Frame `index` and the track ids of the people in it, those of whom the picture shows no joint left out."""
        ids, people = self.people(index / fps)
        shot = render(self.stage, people, np.random.default_rng([self.seed, index]))
        seen = np.asarray((shot.visibility > 0).any(axis=1))
        kept = replace(shot, joints=shot.joints[seen], visibility=shot.visibility[seen], boxes=shot.boxes[seen])
        position = np.append(np.where(seen, np.cumsum(seen) - 1, -1), -1)
        return replace(kept, number_owners=position[shot.number_owners]), [
            i for i, s in zip(ids, seen.tolist(), strict=True) if s
        ]

    def frames(self, num_frames: int) -> Iterator[tuple[Rendered, list[int]]]:
        """The frames in order."""
        return (self.frame(index) for index in range(num_frames))


def _walks_across(seconds: float) -> Where | None:
    """From the left to the right, near the camera, gone after 3.9 seconds."""
    x = -2.1 + 1.25 * seconds
    return (walk(TAU * x / 1.4, 0.95), (x, -4.7), 0.5 * np.pi) if x < 2.9 else None


def _waves_and_squats(seconds: float) -> Where:
    """Waves for two and a half seconds, squats after that, always on the same spot."""
    up, down = wave(TAU * 1.1 * seconds, 1), squat(TAU * 0.55 * max(0.0, seconds - 2.8), 0.85)
    share = float(np.clip((seconds - 2.4) / 0.4, 0.0, 1.0))
    blend = {name: (1 - share) * getattr(up, name) + share * getattr(down, name) for name in vars(up)}
    return Pose(**blend), (0.45, -6.0), -0.15


def _runs_through(seconds: float) -> Where | None:
    """Enters on the right after two seconds and jogs out on the left."""
    x = 3.6 - 2.15 * (seconds - 2.0)
    return (run(TAU * x / 1.9, 0.8), (x, -5.4), -0.5 * np.pi + 0.06) if seconds > 2.0 and x > -3.9 else None


def three_people(seed: int = 0, size: tuple[int, int] = (640, 360)) -> Scene:
    """One walks across and hides another for a moment, one waves and squats, one enters late and leaves. size: W H."""
    rng = np.random.default_rng(seed)
    stage = replace(make_stage(rng, Camera(*size, 0.95 * size[0], eye=1.5, pitch=0.09), 9.0), noise=0.7)
    builds = (Build(1.78, width=1.06), Build(1.66, hips=1.06, shoulders=0.95), Build(1.84, width=0.96, legs=1.02))
    acts = (_walks_across, _waves_and_squats, _runs_through)
    appearance = [replace(random_appearance(rng), skirt=0.0) for _ in builds]
    appearance[1] = replace(appearance[1], shirt=np.array([0.75, 0.16, 0.14]), trousers=np.array([0.12, 0.16, 0.3]))
    actors = tuple(Actor(b, k, a) for b, k, a in zip(builds, appearance, acts, strict=True))
    return Scene(stage, actors, seed)
