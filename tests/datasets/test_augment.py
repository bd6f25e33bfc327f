from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing, motion_kernel

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]
ALL_DEGRADATIONS: dict[str, Any] = {
    "blur_chance": 1.0, "low_resolution_chance": 1.0, "noise_chance": 1.0, "jpeg_chance": 1.0,
}  # fmt: skip


def gradient_image(height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth colour image that differs everywhere."""
    ys, xs = np.mgrid[:height, :width]
    return np.stack([60 + 2 * xs, 40 + 3 * ys, 220 - xs - ys], axis=2).astype(np.uint8)


def changed(change: Augmentation, seed: int = 0) -> np.ndarray:
    image = gradient_image()
    after = change(image, np.random.default_rng(seed))
    np.testing.assert_array_equal(image, gradient_image())  # the input is unchanged
    assert after.shape == image.shape
    assert after.dtype == np.uint8
    return after


@pytest.mark.parametrize("change", [ColourJitter(), Degradation(), Degradation(blur_length=30, noise=99)])
def test_defaults_change_nothing(change: Augmentation) -> None:
    for seed in range(5):
        np.testing.assert_array_equal(changed(change, seed), gradient_image())


@pytest.mark.parametrize("name", [field.name for field in fields(ColourJitter)])
def test_every_colour_option_has_an_effect(name: str) -> None:
    value = {"offset": 30.0, "grey_chance": 1.0}.get(name, 0.4)
    assert (changed(ColourJitter(**{name: value})) != gradient_image()).any()


def test_gain_and_offset_are_uniform() -> None:
    ratio = changed(ColourJitter(gain=0.3)) / gradient_image()
    assert ratio.std() < 0.02
    moved = changed(ColourJitter(offset=20)).astype(int) - gradient_image()
    assert np.ptp(moved) == 0
    assert 0 < abs(moved[0, 0, 0]) <= 20


def test_channel_gains_differ() -> None:
    ratio = changed(ColourJitter(channel_gain=0.3)) / gradient_image()
    assert ratio.std(axis=(0, 1)).max() < 0.02
    assert np.ptp(ratio.mean(axis=(0, 1))) > 0.05


def test_a_grey_image_has_the_mean_of_the_channels() -> None:
    grey = changed(ColourJitter(grey_chance=1))
    assert (grey == grey[:, :, :1]).all()
    assert np.abs(grey[:, :, 0] - gradient_image().mean(axis=2)).max() <= 0.51


def test_colours_do_not_wrap_around() -> None:
    white, black = np.full((4, 4, 3), 250, np.uint8), np.full((4, 4, 3), 5, np.uint8)
    for seed in range(20):
        for image in (white, black):
            after = ColourJitter(gain=0.5, offset=60)(image, np.random.default_rng(seed)).astype(int)
            assert abs(int(after.mean()) - int(image.mean())) < 190


@pytest.mark.parametrize("name", list(ALL_DEGRADATIONS))
def test_every_degradation_has_an_effect(name: str) -> None:
    noisy = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    after = Degradation(**{name: 1.0})(noisy, np.random.default_rng(0))
    assert (after != noisy).any()


@pytest.mark.parametrize(
    ("name", "mild", "strong"),
    [("blur_length", 2.0, 15.0), ("low_resolution", 0.9, 0.1), ("noise", 1.0, 60.0), ("jpeg_quality", 98, 1)],
)
def test_every_strength_has_an_effect(name: str, mild: float, strong: float) -> None:
    chance = {"blur_length": "blur_chance", "jpeg_quality": "jpeg_chance"}.get(name, f"{name}_chance")
    grain = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)

    def error(value: float) -> float:
        change = Degradation(**{chance: 1.0, name: value})  # type: ignore[arg-type]
        changes = [change(grain, np.random.default_rng(seed)).astype(float) - grain for seed in range(8)]
        return float(np.abs(changes).mean())

    assert error(strong) > 1.5 * error(mild)


def test_degradation_keeps_positions() -> None:
    """A bright dot keeps its centre of mass."""
    ys, xs = np.mgrid[:65, :65]
    dot = np.repeat((250 * np.exp(-((xs - 30) ** 2 + (ys - 34) ** 2) / 50))[:, :, None], 3, axis=2).astype(np.uint8)
    for seed in range(10):
        change = Degradation(**ALL_DEGRADATIONS | {"noise_chance": 0.0, "jpeg_quality": 60, "low_resolution": 0.5})
        light = change(dot, np.random.default_rng(seed))[:, :, 0].astype(float)
        light[light < 8] = 0  # compression artefacts far away
        centre = np.array([(xs * light).sum(), (ys * light).sum()]) / light.sum()
        assert np.abs(centre - (30, 34)).max() < 0.25


def test_motion_blurs_in_all_directions() -> None:
    dot = np.zeros((33, 33, 3), np.uint8)
    dot[16, 16] = 255
    change = Degradation(blur_chance=1, blur_length=15)
    streaks = [change(dot, np.random.default_rng(seed))[:, :, 0] > 0 for seed in range(40)]
    wider = [np.ptp(np.nonzero(streak), axis=1) for streak in streaks]
    assert {int(np.sign(x - y)) for y, x in wider} >= {-1, 1}
    assert max(map(max, wider)) > 9  # type: ignore[type-var]


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.floats(1, 40), st.floats(0, 2 * np.pi))
def test_motion_kernel_keeps_brightness_and_position(length: float, angle: float) -> None:
    kernel = motion_kernel(length, angle)
    reach = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-4)
    assert abs((kernel.sum(axis=0) * reach).sum()) < 0.2
    assert abs((kernel.sum(axis=1) * reach).sum()) < 0.2
    assert len(kernel) < length + 3


def test_erasing_changes_only_the_returned_region() -> None:
    fills = set()
    for seed in range(30):
        image = gradient_image()
        region = Erasing(chance=1)(image, np.random.default_rng(seed))
        assert region is not None
        outside = np.ones(image.shape[:2], bool)
        outside[region] = False
        np.testing.assert_array_equal(image[outside], gradient_image()[outside])
        inside = image[region].reshape(-1, 3)
        assert (image[region] != gradient_image()[region]).any()
        fills.add("colour" if (inside == inside[0]).all() else "noise" if np.ptp(inside) > 230 else "region")
    assert fills == {"colour", "noise", "region"}


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.01, 0.6), st.floats(1, 10), st.integers(3, 60), st.integers(3, 60))
def test_erased_rectangles_fit(seed: int, area: float, aspect: float, height: int, width: int) -> None:
    image = gradient_image(height, width)
    region = Erasing(1, (area, area), aspect)(image, np.random.default_rng(seed))
    assert region is not None
    sides = [s.stop - s.start for s in region]
    assert all(s.start >= 0 and side >= 1 for s, side in zip(region, sides, strict=True))
    assert region[0].stop <= height
    assert region[1].stop <= width
    assert np.prod(sides) <= max(area * height * width + 1, max(sides))


def test_options_of_erasing_have_an_effect() -> None:
    def sides(seed: int, **options: Any) -> tuple[int, int] | None:
        region = Erasing(**options)(gradient_image(), np.random.default_rng(seed))
        return region and (region[0].stop - region[0].start, region[1].stop - region[1].start)

    assert {sides(seed, chance=0.5) is None for seed in range(20)} == {True, False}
    small, large = sides(0, chance=1, area=(0.01, 0.02)), sides(0, chance=1, area=(0.3, 0.4))
    assert small is not None
    assert large is not None
    assert np.prod(large) > 5 * np.prod(small)
    for seed in range(10):
        square, free = sides(seed, chance=1, aspect=1), sides(seed, chance=1, aspect=4)
        assert square is not None
        assert free is not None
        assert square[0] == square[1]
        assert square != free
        assert max(free) <= 4 * (min(free) + 1)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (ColourJitter, {"gain": 1.0}), (ColourJitter, {"channel_gain": -0.1}), (ColourJitter, {"offset": 256}),
        (ColourJitter, {"grey_chance": 1.1}),
        (Degradation, {"blur_chance": -0.1}), (Degradation, {"low_resolution_chance": 2}),
        (Degradation, {"noise_chance": 2}), (Degradation, {"jpeg_chance": 2}), (Degradation, {"blur_length": 0}),
        (Degradation, {"low_resolution": 0}), (Degradation, {"noise": -1}), (Degradation, {"jpeg_quality": 0}),
        (Erasing, {"chance": 2}), (Erasing, {"area": (0.2, 0.1)}), (Erasing, {"area": (0, 0.1)}),
        (Erasing, {"aspect": 0.5}), (ColourJitter, {"gain": float("nan")}),
    ],
)  # fmt: skip
def test_values_out_of_range(options: type, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        options(**change)
