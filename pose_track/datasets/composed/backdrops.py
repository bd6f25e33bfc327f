"""Photographs without people, as scenes of composed clips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.synthetic.camera import Camera
from pose_track.structures.arrays import ImageArray

_MIN_ASPECT = 1.2  # width over height
_MIN_MEAN, _MIN_CONTRAST = 70, 20  # grey levels; people in front of night or fog would look pasted
_MIN_COLOUR = 4  # mean difference between the channels in grey levels; people are in colour
_TRIES = 20  # photographs drawn before one that is dark, flat or grey is accepted


class Backdrops:
    """Draws photographs in which nobody is labelled, each group (camera) as often as another.

    labels: of any images; only exhaustively labelled, wide ones without people or ignore regions are used.
    sources: the collections to choose from; () for all.

    Raises ValueError if none is left; `draw` raises as `ImageStore.read`.
    """

    def __init__(self, images: ImageStore, labels: Sequence[ImageLabel], sources: Sequence[str]) -> None:
        self._images = images
        groups: dict[str, list[str]] = defaultdict(list)
        for label in labels:
            is_empty = label.exhaustive and not len(label.boxes) and not len(label.ignore)
            group = label.group or label.file_name
            is_wanted = not sources or label.source in sources
            if is_empty and is_wanted and label.width >= _MIN_ASPECT * label.height:
                groups[group].append(label.file_name)
        self._groups = list(groups.values())
        if not groups:
            raise ValueError(
                f"{images.path}: no wide image without people in {list(sources) or 'any source'}; give other ones"
            )

    def draw(self, rng: np.random.Generator, camera: Camera) -> ImageArray:
        """A random photograph in daylight, mirrored or not. camera: has no influence, for a photograph has its own."""
        for _ in range(_TRIES):
            group = self._groups[int(rng.integers(len(self._groups)))]
            image = self._images.read(group[int(rng.integers(len(group)))])
            if _is_in_daylight(image):
                break
        return np.ascontiguousarray(image[:, ::-1]) if rng.random() < 0.5 else image


def _is_in_daylight(image: ImageArray) -> bool:
    """Whether an image is neither dark nor flat nor grey."""
    sparse = image[::4, ::4].astype(np.int64)
    is_clear = sparse.mean() >= _MIN_MEAN and sparse.std() >= _MIN_CONTRAST
    return bool(is_clear and np.ptp(sparse, axis=2).mean() >= _MIN_COLOUR)
