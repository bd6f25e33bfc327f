"""A long video of people who walk to and fro, made in little time: drawn and encoded once, then repeated."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pose_track.datasets.figures.appearance import random_appearance
from pose_track.datasets.figures.body import Build, Pose
from pose_track.datasets.figures.camera import Camera
from pose_track.datasets.figures.clip import FPS, Actor, Scene, Where
from pose_track.datasets.figures.motions import TAU, walk
from pose_track.datasets.figures.scene import make_stage
from pose_track.video.writer import VideoWriter

LOOP = 250  # frames that are drawn
_DRAWN = (640, 360)  # they are enlarged from this: drawing takes most of the time
_REACH = 1.6  # metres to either side
_STRIDES = 8  # in a loop, so that its end is as its beginning


def soak_video(path: Path, num_frames: int, size: tuple[int, int], num_people: int = 3) -> int:
    """Make a video of at least so many frames, and tell how many there are: whole loops of LOOP, or of fewer frames.

    path: an mp4; size: w, h in pixels. Memory does not grow with the number of frames. Raises ValueError for a number
    below 1, OSError where it cannot be written.
    """
    for name, number in {"frames": num_frames, "width": size[0], "height": size[1], "people": num_people}.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number!r}")
    num_drawn = min(LOOP, num_frames)
    repeats = -(-num_frames // num_drawn)
    once = path.with_name(f"once-{path.name}")
    scene = walkers_scene(num_people, num_drawn)
    with VideoWriter(once, *size, Fraction(FPS)) as writer:
        for shot, _ in scene.frames(num_drawn):
            writer.write(np.asarray(cv2.resize(shot.image, size), np.uint8))
    repeat_video(once, path, repeats)
    once.unlink()
    return num_drawn * repeats


def walkers_scene(num_people: int, num_frames: int, seed: int = 0) -> Scene:
    """People who walk to and fro, each at a depth of its own; after so many frames all is as at the beginning."""
    rng = np.random.default_rng(seed)
    stage = make_stage(rng, Camera(*_DRAWN, 0.95 * _DRAWN[0], eye=1.5, pitch=0.09), 9.0)
    actors = []
    for number in range(num_people):
        part = _Walk(number / num_people, -4.5 - 0.9 * number, num_frames / FPS)
        actors.append(Actor(Build(float(rng.uniform(1.6, 1.9))), random_appearance(rng), part))
    return Scene(stage, tuple(actors), seed)


class _Walk:
    """To and fro once in `period` seconds. start: where in that, in [0, 1); depth: z in metres."""

    def __init__(self, start: float, depth: float, period: float) -> None:
        self._start, self._depth, self._period = start, depth, period

    def __call__(self, seconds: float) -> Where:
        turn = TAU * (seconds / self._period + self._start)
        pose: Pose = walk(_STRIDES * turn, 0.9)
        return pose, (_REACH * float(np.sin(turn)), self._depth), float(np.copysign(0.5 * np.pi, np.cos(turn)))


def repeat_video(source: Path, target: Path, repeats: int) -> None:
    """The same video again and again, without encoding it again: its packets are copied and their times moved on."""
    with av.open(str(target), "w") as output:
        stream, shift = None, 0
        for _ in range(repeats):
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                stream = output.add_stream_from_template(video) if stream is None else stream
                for packet in container.demux(video):
                    if packet.pts is None or packet.dts is None:  # the end
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    output.mux(packet)
                shift += video.duration or 0
