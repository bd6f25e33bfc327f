"""Changes of a training picture that leave its labels where they are: other light, what video does to pictures, and
rectangles in front of it. Pictures are (H, W, 3) uint8 RGB; all chance comes from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.images import decode_image
from pose_track.structures.frames import ImageArray

Region = tuple[slice, slice]  # rows and columns

_GREY = np.full((3, 3), 1 / 3)


def check_chances(options: object, *names: str) -> None:
    """Raise ValueError where one of the named values is not between 0 and 1."""
    for name in names:
        if not 0 <= getattr(options, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {getattr(options, name)!r}")


def check_shares(options: object, *names: str) -> None:
    """Raise ValueError where one of the named values is not at least 0 and below 1."""
    for name in names:
        if not 0 <= getattr(options, name) < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {getattr(options, name)!r}")


@dataclass(frozen=True)
class ColourJitter:
    """Other light and other colours.

    gain: largest change of the brightness, as a share of it; channel_gain: the same of red, green and blue each;
    offset: largest change in grey levels; grey_chance: of a picture without colour. Raises ValueError for values out
    of range.
    """

    gain: float = 0.0
    channel_gain: float = 0.0
    offset: float = 0.0
    grey_chance: float = 0.0

    def __post_init__(self) -> None:
        check_shares(self, "gain", "channel_gain")
        check_chances(self, "grey_chance")
        if not 0 <= self.offset <= 255:
            raise ValueError(f"offset must be between 0 and 255 grey levels, got {self.offset!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """The picture in other colours."""
        gains = (1 + self.gain * rng.uniform(-1, 1)) * (1 + self.channel_gain * rng.uniform(-1, 1, 3))
        offset = np.full((3, 1), self.offset * rng.uniform(-1, 1))
        mixing = _GREY * gains if rng.random() < self.grey_chance else np.diag(gains)
        painted: ImageArray = np.asarray(cv2.transform(image, np.hstack([mixing, offset]).astype(np.float32)), np.uint8)
        return painted


@dataclass(frozen=True)
class Degradation:
    """What cameras and codecs do to a frame: motion blur, low resolution, noise and compression, each with its chance.

    blur_length: longest path of a point in pixels; low_resolution: smallest size, as a share, that the picture is
    brought down to and enlarged from; noise: largest deviation of a pixel's brightness in grey levels; jpeg_quality:
    lowest. Raises ValueError for values out of range.
    """

    blur_chance: float = 0.0
    low_resolution_chance: float = 0.0
    noise_chance: float = 0.0
    jpeg_chance: float = 0.0
    blur_length: float = 9.0
    low_resolution: float = 0.4
    noise: float = 15.0
    jpeg_quality: int = 25

    def __post_init__(self) -> None:
        check_chances(self, "blur_chance", "low_resolution_chance", "noise_chance", "jpeg_chance")
        ranges = {"blur_length": (1, 99), "low_resolution": (0.05, 1), "noise": (0, 128), "jpeg_quality": (1, 100)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {getattr(self, name)!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """The picture as a worse camera would have it, in the order in which that happens."""
        if rng.random() < self.blur_chance:
            kernel = motion_kernel(rng.uniform(1, self.blur_length), rng.uniform(0, np.pi))
            image = np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
        if rng.random() < self.low_resolution_chance:
            image = _lose_detail(image, rng.uniform(self.low_resolution, 1))
        if rng.random() < self.noise_chance:
            image = _add_noise(image, rng.uniform(0, self.noise), rng)
        if rng.random() < self.jpeg_chance:
            image = _compress(image, int(rng.integers(self.jpeg_quality, 101)))
        return image


def motion_kernel(length: float, angle: float) -> NDArray[np.float32]:
    """The weights, of sum 1, that smear a point along a straight line about its place.

    length: of the line in pixels; angle: in radians, 0 along x.

    >>> (60 * motion_kernel(3, 0)).round().tolist()
    [[0.0, 0.0, 0.0], [20.0, 20.0, 20.0], [0.0, 0.0, 0.0]]
    """
    reach = int(np.ceil((length - 1) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    along = (np.arange(60) + 0.5) / 60 * length - length / 2
    place = np.rint(along[:, None] * [np.sin(angle), np.cos(angle)]).astype(np.int64) + reach
    np.add.at(kernel, tuple(place.clip(0, 2 * reach).T), 1 / 60)
    return kernel


def _lose_detail(image: ImageArray, share: float) -> ImageArray:
    """The picture brought down to a share of its size and enlarged again."""
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def _add_noise(image: ImageArray, deviation: float, rng: np.random.Generator) -> ImageArray:
    """Noise of the brightness alone: of the noise in colours, video keeps little."""
    noise = rng.standard_normal(image.shape[:2], np.float32) * np.float32(deviation)
    return np.asarray(cv2.add(image, cv2.cvtColor(noise, cv2.COLOR_GRAY2RGB), dtype=cv2.CV_8U), np.uint8)


def _compress(image: ImageArray, quality: int) -> ImageArray:
    """The picture written and read as a JPEG file."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return decode_image(data.tobytes(), "a picture made for training")


@dataclass(frozen=True)
class Erasing:
    """A rectangle painted over, as if something stood in front (Zhong et al., "Random Erasing Data Augmentation", AAAI
    2020): with one colour, with noise, or with another part of the picture.

    chance: of such a rectangle; area: range of its share of the picture; aspect: largest ratio of its sides. Raises
    ValueError for values out of range.
    """

    chance: float = 0.0
    area: tuple[float, float] = (0.02, 0.15)
    aspect: float = 3.0

    def __post_init__(self) -> None:
        check_chances(self, "chance")
        low, high = self.area
        if not 0 < low <= high < 1:
            raise ValueError(f"area must be two shares between 0 and 1, the smaller first, got {list(self.area)}")
        if not self.aspect >= 1:
            raise ValueError(f"aspect must be at least 1, got {self.aspect!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> Region | None:
        """Paint over a rectangle of the picture itself; returns which, None where none."""
        if rng.random() >= self.chance:
            return None
        sides = self._draw_sides(image.shape[:2], rng)
        region = _draw_place(image, sides, rng)
        fill = rng.integers(3)
        if fill == 0:
            image[region] = rng.integers(0, 256, 3)
        elif fill == 1:
            image[region] = rng.integers(0, 256, (*sides, 3), np.uint8)
        else:  # upside down, so that it shows nobody as people are
            image[region] = image[_draw_place(image, sides, rng)][::-1].copy()
        return region

    def _draw_sides(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
        """Height and width of the rectangle."""
        area = rng.uniform(*self.area) * shape[0] * shape[1]
        ratio = np.exp(rng.uniform(-1, 1) * np.log(self.aspect))
        height, width = np.sqrt(area * ratio), np.sqrt(area / ratio)
        return int(np.clip(height, 1, shape[0])), int(np.clip(width, 1, shape[1]))


def _draw_place(image: ImageArray, sides: tuple[int, int], rng: np.random.Generator) -> Region:
    """A rectangle of that height and width somewhere in the picture."""
    top, left = (int(rng.integers(0, whole - side + 1)) for whole, side in zip(image.shape, sides, strict=False))
    return slice(top, top + sides[0]), slice(left, left + sides[1])
