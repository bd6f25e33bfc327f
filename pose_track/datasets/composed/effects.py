"""Changes of light and blur, noise and compression of a shot."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pose_track.datasets.augment import add_noise, compress, motion_kernel
from pose_track.structures.arrays import ImageArray

Span = tuple[int, int]
"""First and last frame."""


@dataclass(frozen=True)
class Effects:
    """What happens to the images of a shot.

    light: frames over which the brightness passes to `gain` times as much, and stays; None for none.
    blur: frames with a motion blur of `blur_length` pixels; None for none.
    noise: standard deviation in grey levels, 0 for none.
    jpeg_quality: 1 to 100; None for no compression.
    seed: of the noise.
    """

    light: Span | None = None
    gain: float = 1.0
    blur: Span | None = None
    blur_length: float = 1.0
    noise: float = 0.0
    jpeg_quality: int | None = None
    seed: int = 0

    def apply(self, image: ImageArray, index: int) -> ImageArray:
        """The image of frame `index`, changed."""
        if self.light is not None:
            share = np.clip((index - self.light[0]) / max(1, self.light[1] - self.light[0]), 0, 1)
            image = np.asarray(cv2.convertScaleAbs(image, alpha=float(self.gain**share)), np.uint8)
        if self.blur is not None and self.blur[0] <= index <= self.blur[1]:
            image = np.asarray(cv2.filter2D(image, -1, motion_kernel(self.blur_length, 0.2)), np.uint8)
        if self.noise > 0:
            image = add_noise(image, self.noise, np.random.default_rng([self.seed, index]))
        return image if self.jpeg_quality is None else compress(image, self.jpeg_quality)


def random_effects(rng: np.random.Generator, num_frames: int) -> Effects:
    """A change of light, a spell of blur, noise and compression."""
    light, blur = (int(rng.uniform(0.1, 0.6) * num_frames) for _ in range(2))
    return Effects(
        light=(light, min(num_frames - 1, light + int(rng.integers(1, 15)))),
        gain=float(rng.choice([rng.uniform(0.45, 0.7), rng.uniform(1.3, 1.7)])),
        blur=(blur, min(num_frames - 1, blur + int(rng.integers(6, 20)))),
        blur_length=float(rng.uniform(5, 13)),
        noise=float(rng.uniform(2, 9)),
        jpeg_quality=int(rng.integers(18, 50)),
        seed=int(rng.integers(1 << 30)),
    )
