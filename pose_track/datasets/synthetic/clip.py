"""Scenes of moving people, and the sample clip of three people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pose_track.datasets.synthetic.appearance import Appearance, random_appearance
from pose_track.datasets.synthetic.body import BodyProportions, Pose
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.motions import TAU, run, squat, walk, wave
from pose_track.datasets.synthetic.scene import Environment, Person, Rendered, make_environment, render

FPS = 25
NUM_FRAMES = 150

ActorState = tuple[Pose, tuple[float, float], float]  # pose, position x z in metres, heading in radians


@dataclass(frozen=True)
class Actor:
    """A moving person. state: maps seconds to the state, or None while absent."""

    proportions: BodyProportions
    appearance: Appearance
    state: Callable[[float], ActorState | None]


@dataclass(frozen=True)
class Scene:
    """Actors in an environment. An actor's track id is its index."""

    environment: Environment
    actors: tuple[Actor, ...]
    seed: int

    def people(self, seconds: float) -> tuple[list[int], list[Person]]:
        """Track ids and people present at a time; some may be outside the image."""
        states = [(i, a, a.state(seconds)) for i, a in enumerate(self.actors)]
        present = [(i, Person(a.proportions, a.appearance, *state)) for i, a, state in states if state is not None]
        return [i for i, _ in present], [p for _, p in present]

    def frame(self, index: int, fps: float = FPS) -> tuple[Rendered, list[int]]:
        """Frame `index` and the track ids of its people; people without a joint inside the image are left out."""
        ids, people = self.people(index / fps)
        rendered = render(self.environment, people, np.random.default_rng([self.seed, index]))
        inside = np.asarray((rendered.visibility > 0).any(axis=1))
        frame = replace(
            rendered,
            joints=rendered.joints[inside],
            visibility=rendered.visibility[inside],
            boxes=rendered.boxes[inside],
            number_owners=np.append(np.where(inside, np.cumsum(inside) - 1, -1), -1)[rendered.number_owners],
        )
        return frame, [i for i, is_inside in zip(ids, inside.tolist(), strict=True) if is_inside]

    def frames(self, num_frames: int) -> Iterator[tuple[Rendered, list[int]]]:
        """The frames in order."""
        return (self.frame(index) for index in range(num_frames))


def _walks_across(seconds: float) -> ActorState | None:
    """Walks from left to right near the camera; absent after 3.9 seconds."""
    x = -2.1 + 1.25 * seconds
    return (walk(TAU * x / 1.4, 0.95), (x, -4.7), 0.5 * np.pi) if x < 2.9 else None


def _waves_and_squats(seconds: float) -> ActorState:
    """Waves for two and a half seconds, then squats, in one place."""
    up, down = wave(TAU * 1.1 * seconds, 1), squat(TAU * 0.55 * max(0.0, seconds - 2.8), 0.85)
    share = float(np.clip((seconds - 2.4) / 0.4, 0.0, 1.0))
    blend = {name: (1 - share) * getattr(up, name) + share * getattr(down, name) for name in vars(up)}
    return Pose(**blend), (0.45, -6.0), -0.15


def _runs_through(seconds: float) -> ActorState | None:
    """Enters on the right after two seconds and runs out on the left."""
    x = 3.6 - 2.15 * (seconds - 2.0)
    return (run(TAU * x / 1.9, 0.8), (x, -5.4), -0.5 * np.pi + 0.06) if seconds > 2.0 and x > -3.9 else None


def three_people(seed: int = 0, size: tuple[int, int] = (640, 360)) -> Scene:
    """The sample scene: one person walks across and briefly hides another, one waves and squats, one enters and leaves.

    size: W H.
    """
    rng = np.random.default_rng(seed)
    environment = replace(make_environment(rng, Camera(*size, 0.95 * size[0], eye=1.5, pitch=0.09), 9.0), noise=0.7)
    proportions = (
        BodyProportions(1.78, width=1.06),
        BodyProportions(1.66, hips=1.06, shoulders=0.95),
        BodyProportions(1.84, width=0.96, legs=1.02),
    )
    states = (_walks_across, _waves_and_squats, _runs_through)
    appearance = [replace(random_appearance(rng), skirt=0.0) for _ in proportions]
    appearance[1] = replace(appearance[1], shirt=np.array([0.75, 0.16, 0.14]), trousers=np.array([0.12, 0.16, 0.3]))
    actors = tuple(Actor(*parts) for parts in zip(proportions, appearance, states, strict=True))
    return Scene(environment, actors, seed)
