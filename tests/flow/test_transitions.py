"""Hard cuts, dissolves and fades between synthetic images, and what is none of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from flow.synthetic_images import rotation, shift, texture_image
from numpy.typing import NDArray

from pose_track.flow.cuts import thumbnail
from pose_track.flow.transitions import TransitionDetector

SIZE = (256, 144)
FIRST, SECOND = texture_image(SIZE), texture_image(SIZE, seed=1)
BLACK = np.zeros_like(FIRST)
Image = NDArray[np.uint8]


def cuts(images: Iterable[Image]) -> list[int]:
    detector = TransitionDetector()
    return [index for index, image in enumerate(images) if detector.advance(thumbnail(image)).is_cut]


def blend(a: Image, b: Image, share: float) -> Image:
    return np.asarray(a * (1 - share) + b * share, np.uint8)


def noisy(image: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def shot(image: Image, length: int = 30) -> list[Image]:
    return [noisy(image, seed) for seed in range(length)]


def test_a_hard_cut() -> None:
    assert cuts([*shot(FIRST), *shot(SECOND)]) == [30]


@pytest.mark.parametrize("length", [12, 20, 40])
def test_a_dissolve_is_found_in_its_first_half_and_ends(length: int) -> None:
    dissolve = [blend(FIRST, SECOND, (step + 1) / (length + 1)) for step in range(length)]
    found = cuts([*shot(FIRST), *dissolve, *shot(SECOND, 40)])
    assert 30 < found[0] <= 31 + max(length / 2, 6)
    assert found[-1] <= 30 + length + 4
    assert len(found) >= min(length, 12) / 3


def test_a_fade_to_another_scene_is_one_cut() -> None:
    steps = np.linspace(0, 1, 8)
    out, back = [blend(FIRST, BLACK, s) for s in steps], [blend(BLACK, SECOND, s) for s in steps]
    assert len(cuts([*shot(FIRST), *out, *back, *shot(SECOND)])) == 1


def test_a_fade_back_to_the_same_scene_is_none() -> None:
    steps = np.linspace(0, 1, 8)
    dark = [blend(FIRST, BLACK, s) for s in steps]
    assert cuts([*shot(FIRST), *dark, *dark[::-1], *shot(FIRST)]) == []
    assert cuts([*shot(FIRST), BLACK, *shot(FIRST)]) == []


@pytest.mark.parametrize(
    "image_at",
    [
        lambda t: texture_image(SIZE, shift(1.5 * t, 0)),  # the camera pans
        lambda t: texture_image(SIZE, shift(6.0 * t, 0)),
        lambda t: texture_image(SIZE, rotation(0, 1 + 0.01 * t, np.array([128.0, 72.0]))),  # and zooms
        lambda t: blend(FIRST, BLACK, 0.4 + 0.4 * np.sin(t / 4)),  # the light changes
    ],
    ids=["slow pan", "fast pan", "zoom", "light"],
)
def test_what_moves_does_not_dissolve(image_at) -> None:  # type: ignore[no-untyped-def]
    assert cuts(noisy(image_at(t), t) for t in range(40)) == []


def test_the_change_is_that_of_the_step() -> None:
    detector = TransitionDetector()
    detector.advance(thumbnail(FIRST))
    assert detector.advance(thumbnail(FIRST)).amount == pytest.approx(0, abs=1e-5)
    assert detector.advance(thumbnail(texture_image(SIZE, shift(20, 0)))).amount > 0.3


def test_an_image_of_another_size_is_a_cut() -> None:
    assert cuts([FIRST, texture_image((252, 144))]) == [1]
