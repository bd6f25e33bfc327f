"""Colours of people, sides and scores."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from pose_track.structures.skeleton import Colour

_GOLDEN_RATIO = 0.618033988749895
_SHADES = ((0.75, 1.0), (1.0, 0.85), (0.5, 1.0))  # pairs of saturation and value, used in turn


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((int(word[:2], 16), int(word[2:4], 16), int(word[4:], 16)) for word in text.split())


# Petroff, "Accessible Color Sequences for Data Visualization", 2021, arXiv:2107.02270, of six colours; Okabe and Ito,
# "Color Universal Design", 2008, without black
PALETTES: dict[str, tuple[Colour, ...]] = {
    "petroff": _colours("5790fc f89c20 e42536 964a8b 9c9ca1 7a21dd"),
    "okabe_ito": _colours("e69f00 56b4e9 009e73 f0e442 0072b2 d55e00 cc79a7"),
}
"""Palettes that colour-blind people tell apart, by name."""

HUES = "hues"
"""The palette without repetition: a hue for every id, which those who see all colours tell apart."""

LEFT, RIGHT, CENTRE = _colours("5790fc f89c20 9c9ca1")
"""Colours of the sides of a person."""

# Viridis without its darkest quarter, which is lost on a dark image
_SCORES = cv2.applyColorMap(np.arange(64, 256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[:, 0, ::-1].tolist()


def palette_colour(number: int, palette: str) -> Colour:
    """RGB colour of a track id, or of a joint, from 0: always the same.

    Those of a palette repeat after its last. Hues advance by the golden ratio, which spreads any run of successive ids
    around the colour circle.

    >>> palette_colour(1, "petroff"), palette_colour(7, "petroff"), palette_colour(7, "hues")
    ((248, 156, 32), (248, 156, 32), (72, 255, 64))
    """
    if palette != HUES:
        colours = PALETTES[palette]
        return colours[number % len(colours)]
    saturation, value = _SHADES[number // 8 % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN_RATIO % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def score_colour(score: float) -> Colour:
    """RGB colour of a score: from blue at 0 to yellow at 1, brighter with the score.

    >>> score_colour(0), score_colour(1)
    ((59, 82, 139), (253, 231, 37))
    """
    red, green, blue = _SCORES[round(min(max(score, 0.0), 1.0) * (len(_SCORES) - 1))]
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """A darker colour, with the channels times `factor`."""
    red, green, blue = (round(channel * factor) for channel in colour)
    return red, green, blue


def is_dark(colour: Colour) -> bool:
    """Whether white text is read better on it than black text (ITU-R BT.601 luma)."""
    return sum(channel * weight for channel, weight in zip(colour, (0.299, 0.587, 0.114), strict=True)) < 128
