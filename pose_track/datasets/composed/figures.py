"""The people of composed clips, and their choice by the colours of their clothes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np

from pose_track.datasets.composed.options import Clothes
from pose_track.datasets.cutouts import Cutout, Cutouts
from pose_track.structures.arrays import Float64Array, IntArray

Split = Literal["train", "test", "all"]

_TEST_SHARE = 4  # one person in four is in the test split
_TORSO = (0.18, 0.55)  # rows of a standing person, as fractions of the height
_BINS = 6  # of each colour channel
_CANDIDATES = 12  # people among whom the next one in unlike clothes is chosen


class Figure(NamedTuple):
    """A person to be placed. name: the same wherever the person appears; phases: cutouts over one cycle of walking, a
    single one for a photograph; metres: body height."""

    name: str
    phases: tuple[Cutout, ...]
    metres: float


@dataclass(frozen=True, eq=False)
class Cast:
    """The people that clips may show.

    clothes: (N, D) square roots of the colour histograms of their torsos.
    read: index -> figure.
    """

    clothes: Float64Array
    read: Callable[[int], Figure]

    def __len__(self) -> int:
        return len(self.clothes)

    def distances(self, index: int) -> Float64Array:
        """(N,) Hellinger distance of everybody's clothes to those of one person, in [0, 1]."""
        return np.asarray(np.sqrt(np.maximum(0, 1 - self.clothes @ self.clothes[index])))

    def choose(self, rng: np.random.Generator, count: int, clothes: Clothes, used: set[int]) -> list[int]:
        """Indices of `count` people in like or unlike clothes, none of them in `used`.

        Like: a random person, and those who are dressed most alike. Unlike: each the one of some random people whose
        clothes are farthest from those of the ones before. Raises ValueError if there are too few people.
        """
        free = np.array([index for index in range(len(self)) if index not in used], np.int64)
        if len(free) < count:
            raise ValueError(f"{count} people are wanted and {len(free)} of {len(self)} are left; ask for fewer shots")
        first = int(rng.choice(free))
        if clothes == "like":
            return [int(index) for index in free[np.argsort(self.distances(first)[free], kind="stable")[:count]]]
        return self._choose_unlike(rng, first, free, count)

    def _choose_unlike(self, rng: np.random.Generator, first: int, free: IntArray, count: int) -> list[int]:
        chosen, nearest = [first], self.distances(first)
        while len(chosen) < count:
            left = np.setdiff1d(free, chosen)
            candidates = rng.choice(left, min(_CANDIDATES, len(left)), replace=False)
            chosen.append(int(candidates[np.argmax(nearest[candidates])]))
            nearest = np.minimum(nearest, self.distances(chosen[-1]))
        return chosen


def torso_colours(cutout: Cutout) -> Float64Array:
    """(216,) square roots of the histogram of a standing person's torso: six bins of red, green and blue each."""
    rows = slice(*(round(share * len(cutout.alpha)) for share in _TORSO))
    pixels = cutout.image[rows][cutout.alpha[rows] >= 0.5]
    counts = cv2.calcHist([pixels[None]], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3).ravel()
    return np.asarray(np.sqrt(counts / max(counts.sum(), 1)), np.float64)


def is_in_split(name: str, split: Split) -> bool:
    """Whether a person of that name belongs to a split; about one in four to "test".

    >>> sum(is_in_split(f"{number}.jpg", "test") for number in range(1000))
    232
    """
    return split == "all" or (zlib.crc32(name.encode()) % _TEST_SHARE == 0) == (split == "test")


def photographed_people(cutouts: Cutouts, split: Split) -> Cast:
    """The people of a collection of cutouts that belong to the split."""
    outlines = [outline for outline in cutouts.outlines if is_in_split(outline.file_name, split)]
    chosen = Cutouts(cutouts.images, outlines)

    def read(index: int) -> Figure:
        height = 1.6 + 0.2 * (zlib.crc32(outlines[index].file_name.encode()) / 2**32)
        return Figure(outlines[index].file_name, (chosen.read(index),), height)

    return cast_of((chosen.read(index) for index in range(len(chosen))), read)


def cast_of(looks: Iterable[Cutout], read: Callable[[int], Figure]) -> Cast:
    """A cast. looks: a cutout of each figure, for the colours of the clothes."""
    return Cast(np.array([torso_colours(look) for look in looks]), read)
