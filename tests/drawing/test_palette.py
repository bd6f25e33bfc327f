"""Palettes are told apart on dark and on light, and by colour-blind people."""

import numpy as np
import pytest

from pose_track.drawing.palette import HUES, PALETTES, palette_colour, score_colour
from pose_track.structures.arrays import Float64Array

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009,
# severity 1, on linear RGB
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colours: tuple[tuple[int, int, int], ...]) -> Float64Array:
    """(N, 3) linear sRGB."""
    shares = np.array(colours) / 255
    return np.asarray(np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4))


def cielab(rgb: Float64Array) -> Float64Array:
    """(N, 3) L*a*b* of linear sRGB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = np.clip(rgb, 0, 1) @ to_xyz.T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


# palette, least distance of two colours in CIELAB, where 2.3 is just noticed
@pytest.mark.parametrize(("palette", "least"), [("petroff", 25), ("okabe_ito", 16)])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_all_colours_are_told_apart(palette: str, least: float, deficiency: str) -> None:
    colours = cielab(linear(PALETTES[palette]) @ np.array(DEFICIENCIES[deficiency]).T)
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert distances[~np.eye(len(colours), dtype=bool)].min() >= least


def test_default_palette_is_seen_on_black_and_on_white() -> None:
    """By the contrast ratio of WCAG 2; yellow on white, the weakest of pure colours, has 1.07."""
    luminance = linear(PALETTES["petroff"]) @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05)).min() > 2.1
    assert ((luminance + 0.05) / 0.05).min() > 3


def test_hues_of_successive_ids_differ_and_do_not_repeat() -> None:
    colours = np.array([palette_colour(i, HUES) for i in range(1, 61)], float)
    for first in range(0, 50):
        group = colours[first : first + 6]
        distances = np.linalg.norm(group[:, None] - group[None], axis=-1)[~np.eye(6, dtype=bool)]
        assert distances.min() > 45
    assert len({palette_colour(i, HUES) for i in range(1, 201)}) > 190


def test_score_colours_become_brighter() -> None:
    colours = tuple(score_colour(score) for score in np.linspace(0, 1, 20))
    lightness = cielab(linear(colours))[:, 0]
    assert (np.diff(lightness) > 0).all()
