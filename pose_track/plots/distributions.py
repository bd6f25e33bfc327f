"""Where people are, and how sure their joints are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pose_track.plots.person_series import PersonSeries
from pose_track.structures.arrays import Float64Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELLS = 64  # along the longer side of the image


def plot_heatmap(
    axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str], size: tuple[int | None, int | None]
) -> None:
    """How often joints are at each place of the image; without joints, the middle of the lower edge of the boxes.

    size: width and height of the image in pixels; None for the extent of the places.
    """
    places = np.concatenate([np.zeros((0, 2)), *(_places(person, joints) for person in people)])
    places = places[np.isfinite(places).all(axis=1)]
    extent = places.max(axis=0, initial=1)
    width, height = (float(known or found) for known, found in zip(size, extent, strict=True))
    cell = max(width, height) / _CELLS
    bins = (np.arange(0, height + cell, cell), np.arange(0, width + cell, cell))
    counts, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins)
    image = axes.imshow(counts, extent=(0, bins[1][-1], bins[0][-1], 0), cmap="viridis", interpolation="nearest")
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)", xlim=(0, width), ylim=(height, 0))
    axes.figure.colorbar(image, ax=axes, label="poses")


def _places(person: PersonSeries, joints: Sequence[str]) -> Float64Array:
    """(M, 2) the places of a person."""
    if not joints:
        x1, _, x2, y2 = person.boxes.T
        return np.stack([(x1 + x2) / 2, y2], axis=1)
    return np.concatenate([person.joint(joint) for joint in joints])


def plot_scores(axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str]) -> None:
    """The scores of joints, of all joints without names: median, quartiles, and the range from 5 to 95 per cent."""
    if not people:
        return
    names = list(joints) or list(people[0].skeleton.joint_names)
    columns = [
        np.concatenate([person.joint_scores[:, person.skeleton.index(name)] for person in people]) for name in names
    ]
    known = [column[np.isfinite(column)] for column in columns]
    axes.boxplot(known, orientation="horizontal", whis=(5, 95), showfliers=False, widths=0.6)
    axes.set_yticks(range(1, len(names) + 1), names)
    axes.invert_yaxis()
    axes.set(xlabel="joint score", xlim=(0, 1))
