"""A person's random appearance: skin, hair and clothes."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from pose_track.datasets.synthetic.body import Array, BodyProportions

_SKIN = np.array([
    [0.96, 0.80, 0.70], [0.90, 0.72, 0.60], [0.82, 0.62, 0.48], [0.66, 0.46, 0.34],
    [0.45, 0.30, 0.21], [0.30, 0.20, 0.15],
])  # fmt: skip
_HAIR = np.array([
    [0.06, 0.05, 0.05], [0.12, 0.08, 0.06], [0.26, 0.16, 0.09], [0.45, 0.30, 0.16],
    [0.72, 0.58, 0.36], [0.55, 0.53, 0.51],
])  # fmt: skip


@dataclass(frozen=True)
class Appearance:
    """Skin, hair and clothes. Colours are (3,) RGB in [0, 1].

    shirt_second: second colour of a patterned shirt.
    sleeve, leg: how far down the limb the cloth reaches: 0 none, 1 elbow or knee, 2 wrist or ankle.
    loose: metres between cloth and body.
    skirt: length in metres, 0 for trousers.
    hair: "short", "long", "bun" or "bald".
    pattern: "plain", "stripes", "blocks", "print" or "open".
    tucked: whether the shirt is tucked in.
    wrinkle_seed: of the cloth's folds.
    """

    skin: Array
    hair_colour: Array
    shirt: Array
    shirt_second: Array
    trousers: Array
    shoes: Array
    sleeve: float
    leg: float
    loose: float
    skirt: float
    hair: str
    pattern: str
    tucked: bool
    wrinkle_seed: int


def cloth_colour(rng: np.random.Generator) -> Array:
    """(3,) a random colour of clothes: often dark or grey, sometimes bright."""
    kind = rng.random()
    if kind < 0.45:
        hsv = (rng.random(), rng.uniform(0.0, 0.25), rng.uniform(0.04, 0.95))
    elif kind < 0.7:
        hsv = (rng.uniform(0.55, 0.68), rng.uniform(0.3, 0.8), rng.uniform(0.15, 0.6))
    else:
        hsv = (rng.random(), rng.uniform(0.4, 0.95), rng.uniform(0.3, 0.95))
    return np.array(colorsys.hsv_to_rgb(*hsv))


def _interpolate(table: Array, rng: np.random.Generator) -> Array:
    """(3,) a random colour between two neighbouring rows of a table."""
    at = rng.uniform(0, len(table) - 1)
    low = int(at)
    return np.asarray(table[low] + (at - low) * (table[min(low + 1, len(table) - 1)] - table[low]))


def random_appearance(rng: np.random.Generator) -> Appearance:
    """A random appearance."""
    return Appearance(
        skin=_interpolate(_SKIN, rng),
        hair_colour=_interpolate(_HAIR, rng),
        shirt=cloth_colour(rng),
        shirt_second=cloth_colour(rng),
        trousers=cloth_colour(rng) * rng.uniform(0.5, 1.0),
        shoes=np.full(3, rng.uniform(0.03, 0.95)) if rng.random() < 0.7 else cloth_colour(rng),
        sleeve=float(rng.choice([0.12, 0.6, 0.7, 1.5, 1.95, 1.97], p=[0.12, 0.25, 0.15, 0.08, 0.2, 0.2])),
        leg=float(rng.choice([0.5, 0.85, 1.5, 1.9, 1.93], p=[0.15, 0.15, 0.08, 0.32, 0.3])),
        loose=float(rng.uniform(0.004, 0.02)),
        skirt=float(rng.uniform(0.35, 0.85)) if rng.random() < 0.13 else 0.0,
        hair=str(rng.choice(["short", "long", "bun", "bald"], p=[0.5, 0.28, 0.14, 0.08])),
        pattern=str(rng.choice(["plain", "stripes", "blocks", "print", "open"], p=[0.45, 0.15, 0.1, 0.15, 0.15])),
        tucked=bool(rng.random() < 0.3),
        wrinkle_seed=int(rng.integers(1 << 30)),
    )


def random_proportions(rng: np.random.Generator) -> BodyProportions:
    """Random body proportions; one person in ten is a child."""
    if rng.random() < 0.1:
        height = rng.uniform(1.05, 1.5)
        return BodyProportions(height, 0.97, rng.uniform(0.95, 1.12), 0.97, 0.97, 1.0 + 0.35 * (1.6 - height))
    return BodyProportions(
        height=float(np.clip(rng.normal(1.71, 0.09), 1.48, 2.0)),
        legs=float(np.clip(rng.normal(1.0, 0.025), 0.94, 1.06)),
        width=float(np.clip(rng.normal(1.04, 0.12), 0.84, 1.45)), shoulders=float(rng.uniform(0.9, 1.1)),
        hips=float(rng.uniform(0.92, 1.1)), head=float(rng.uniform(0.96, 1.04)),
    )  # fmt: skip
