"""A long synthetic video of people who walk back and forth: a loop is drawn and encoded once, then repeated."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pose_track.datasets.synthetic.appearance import random_appearance
from pose_track.datasets.synthetic.body import BodyProportions, Pose
from pose_track.datasets.synthetic.camera import Camera
from pose_track.datasets.synthetic.clip import FPS, Actor, ActorState, Scene
from pose_track.datasets.synthetic.motions import TAU, walk
from pose_track.datasets.synthetic.scene import make_environment
from pose_track.video.local_files import file_url
from pose_track.video.writer import VideoWriter

LOOP = 250  # frames drawn
_DRAWN_SIZE = (640, 360)  # enlarged afterwards, since drawing takes most of the time
_REACH = 1.6  # distance walked to either side, metres
_STRIDES = 8  # in a loop; a whole number, so that the loop closes


def make_long_video(path: Path, num_frames: int, size: tuple[int, int], num_people: int = 3) -> int:
    """Write a video of at least `num_frames` frames, and return its number of frames.

    The video consists of whole loops of LOOP frames, or of one shorter loop. Memory does not grow with its length.

    path: an mp4 file.
    size: (w, h) in pixels.

    Raises ValueError for a number below 1, OSError where the file cannot be written.
    """
    for name, number in {"frames": num_frames, "width": size[0], "height": size[1], "people": num_people}.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number!r}")
    num_drawn = min(LOOP, num_frames)
    repeats = -(-num_frames // num_drawn)
    loop = path.with_name(f"loop-{path.name}")
    scene = walking_scene(num_people, num_drawn)
    with VideoWriter(loop, *size, Fraction(FPS)) as writer:
        for shot, _ in scene.frames(num_drawn):
            writer.write(np.asarray(cv2.resize(shot.image, size), np.uint8))
    repeat_video(loop, path, repeats)
    loop.unlink()
    return num_drawn * repeats


def walking_scene(num_people: int, num_frames: int, seed: int = 0) -> Scene:
    """People who walk back and forth, each at a different depth; the motion repeats after `num_frames` frames."""
    rng = np.random.default_rng(seed)
    environment = make_environment(rng, Camera(*_DRAWN_SIZE, 0.95 * _DRAWN_SIZE[0], eye=1.5, pitch=0.09), 9.0)
    actors = []
    for number in range(num_people):
        motion = _BackAndForth(number / num_people, -4.5 - 0.9 * number, num_frames / FPS)
        actors.append(Actor(BodyProportions(float(rng.uniform(1.6, 1.9))), random_appearance(rng), motion))
    return Scene(environment, tuple(actors), seed)


class _BackAndForth:
    """Walks to one side and back. start: phase at time 0, in [0, 1); depth: z in metres; period: seconds."""

    def __init__(self, start: float, depth: float, period: float) -> None:
        self._start, self._depth, self._period = start, depth, period

    def __call__(self, seconds: float) -> ActorState:
        phase = TAU * (seconds / self._period + self._start)
        pose: Pose = walk(_STRIDES * phase, 0.9)
        return pose, (_REACH * float(np.sin(phase)), self._depth), float(np.copysign(0.5 * np.pi, np.cos(phase)))


def repeat_video(source: Path, target: Path, repeats: int) -> None:
    """Write a video several times in sequence. Packets are copied with shifted timestamps; nothing is encoded again."""
    with av.open(file_url(target), "w") as output:
        stream, shift = None, 0
        for _ in range(repeats):
            with av.open(file_url(source)) as container:
                video = container.streams.video[0]
                stream = output.add_stream_from_template(video) if stream is None else stream
                for packet in container.demux(video):
                    if packet.pts is None or packet.dts is None:  # the end
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    output.mux(packet)
                shift += video.duration or 0
