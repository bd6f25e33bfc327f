"""Augmentations that leave the labels in place: lighting, video degradation and erased rectangles.

Images are (H, W, 3) uint8 RGB. All randomness comes from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pose_track.datasets.images import decode_image
from pose_track.datasets.options import check_fractions, check_unit_interval, option
from pose_track.structures.arrays import Float32Array, ImageArray

Region = tuple[slice, slice]  # rows and columns

_GREY = np.full((3, 3), 1 / 3)


@dataclass(frozen=True)
class ColourJitter:
    """Random brightness and colour. Raises ValueError for values out of range."""

    gain: float = option(0.0, "Largest change of the brightness, as a fraction of it.")
    channel_gain: float = option(0.0, "Largest change of red, green and blue each, as a fraction.")
    offset: float = option(0.0, "Largest shift of all channels, in grey levels (0 to 255).")
    grey_chance: float = option(0.0, "Probability of a greyscale image.")

    def __post_init__(self) -> None:
        check_fractions(self, "gain", "channel_gain")
        check_unit_interval(self, "grey_chance")
        if not 0 <= self.offset <= 255:
            raise ValueError(f"offset must be between 0 and 255 grey levels, got {self.offset!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """The image with its colours changed."""
        gains = (1 + self.gain * rng.uniform(-1, 1)) * (1 + self.channel_gain * rng.uniform(-1, 1, 3))
        offset = np.full((3, 1), self.offset * rng.uniform(-1, 1))
        mixing = _GREY * gains if rng.random() < self.grey_chance else np.diag(gains)
        return np.asarray(cv2.transform(image, np.hstack([mixing, offset]).astype(np.float32)), np.uint8)


@dataclass(frozen=True)
class Degradation:
    """Random degradation as by cameras and codecs: motion blur, low resolution, noise and compression.

    Raises ValueError for values out of range.
    """

    blur_chance: float = option(0.0, "Probability of motion blur.")
    low_resolution_chance: float = option(0.0, "Probability of low resolution.")
    noise_chance: float = option(0.0, "Probability of noise.")
    jpeg_chance: float = option(0.0, "Probability of JPEG compression.")
    blur_length: float = option(9.0, "Longest motion blur, in pixels.")
    low_resolution: float = option(0.4, "Smallest size that the image is reduced to, as a fraction, and enlarged from.")
    noise: float = option(15.0, "Largest standard deviation of the brightness noise, in grey levels.")
    jpeg_quality: int = option(25, "Lowest JPEG quality, 1 to 100.")

    def __post_init__(self) -> None:
        check_unit_interval(self, "blur_chance", "low_resolution_chance", "noise_chance", "jpeg_chance")
        ranges = {"blur_length": (1, 99), "low_resolution": (0.05, 1), "noise": (0, 128), "jpeg_quality": (1, 100)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {getattr(self, name)!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> ImageArray:
        """The degraded image. The order is that of a camera: blur, resolution, noise, compression."""
        if rng.random() < self.blur_chance:
            kernel = motion_kernel(rng.uniform(1, self.blur_length), rng.uniform(0, np.pi))
            image = np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
        if rng.random() < self.low_resolution_chance:
            image = _reduce_resolution(image, rng.uniform(self.low_resolution, 1))
        if rng.random() < self.noise_chance:
            image = add_noise(image, rng.uniform(0, self.noise), rng)
        if rng.random() < self.jpeg_chance:
            image = compress(image, int(rng.integers(self.jpeg_quality, 101)))
        return image


def motion_kernel(length: float, angle: float) -> Float32Array:
    """A square convolution kernel of sum 1 that blurs along a straight line about the centre.

    Args:
        length: of the line in pixels.
        angle: in radians, 0 along x.

    >>> (60 * motion_kernel(3, 0)).round().tolist()
    [[0.0, 0.0, 0.0], [20.0, 20.0, 20.0], [0.0, 0.0, 0.0]]
    """
    reach = int(np.ceil((length - 1) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    along = (np.arange(60) + 0.5) / 60 * length - length / 2
    cells = np.rint(along[:, None] * [np.sin(angle), np.cos(angle)]).astype(np.int64) + reach
    np.add.at(kernel, tuple(cells.clip(0, 2 * reach).T), 1 / 60)
    return kernel


def _reduce_resolution(image: ImageArray, factor: float) -> ImageArray:
    """The image reduced to a fraction of its size and enlarged again."""
    height, width = image.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def add_noise(image: ImageArray, deviation: float, rng: np.random.Generator) -> ImageArray:
    """The image with Gaussian noise of its brightness; video codecs remove most colour noise."""
    noise = rng.standard_normal(image.shape[:2], np.float32) * np.float32(deviation)
    return np.asarray(cv2.add(image, cv2.cvtColor(noise, cv2.COLOR_GRAY2RGB), dtype=cv2.CV_8U), np.uint8)


def compress(image: ImageArray, quality: int) -> ImageArray:
    """The image after JPEG encoding and decoding."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return decode_image(data.tobytes(), "a compressed training image")


@dataclass(frozen=True)
class Erasing:
    """Random erasing: a rectangle filled with one colour, with noise, or with another region of the image.

    Zhong et al., "Random Erasing Data Augmentation", AAAI 2020. Raises ValueError for values out of range.
    """

    chance: float = option(0.0, "Probability of an erased rectangle.")
    area: tuple[float, float] = option((0.02, 0.15), "Range of the rectangle's area, as fractions of the image.")
    aspect: float = option(3.0, "Largest ratio of the rectangle's sides.")

    def __post_init__(self) -> None:
        check_unit_interval(self, "chance")
        low, high = self.area
        if not 0 < low <= high < 1:
            raise ValueError(f"area must be two fractions between 0 and 1, the smaller first, got {list(self.area)}")
        if not self.aspect >= 1:
            raise ValueError(f"aspect must be at least 1, got {self.aspect!r}")

    def __call__(self, image: ImageArray, rng: np.random.Generator) -> Region | None:
        """Erase a rectangle of the image in place; returns its region, or None if nothing was erased."""
        if rng.random() >= self.chance:
            return None
        size = self._draw_size(image.shape[:2], rng)
        region = _draw_region(image, size, rng)
        fill = rng.integers(3)
        if fill == 0:
            image[region] = rng.integers(0, 256, 3)
        elif fill == 1:
            image[region] = rng.integers(0, 256, (*size, 3), np.uint8)
        else:  # upside down, so that it shows no upright person
            image[region] = image[_draw_region(image, size, rng)][::-1].copy()
        return region

    def _draw_size(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
        """Height and width of the rectangle."""
        area = rng.uniform(*self.area) * shape[0] * shape[1]
        ratio = np.exp(rng.uniform(-1, 1) * np.log(self.aspect))
        height, width = np.sqrt(area * ratio), np.sqrt(area / ratio)
        return int(np.clip(height, 1, shape[0])), int(np.clip(width, 1, shape[1]))


def _draw_region(image: ImageArray, size: tuple[int, int], rng: np.random.Generator) -> Region:
    """A random region of `size`, height and width, in the image."""
    top, left = (int(rng.integers(0, limit - side + 1)) for limit, side in zip(image.shape, size, strict=False))
    return slice(top, top + size[0]), slice(left, left + size[1])
