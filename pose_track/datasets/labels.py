"""What annotation files say of a picture and of a person, whatever their format."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """One labelled person. joints: (K, 2) pixels in the skeleton's order; visibility: (K,) 0 not labelled,
    1 hidden, 2 seen; box: (4,) x1 y1 x2 y2; image_id: as the file names the picture, 0 where it does not; head_size:
    the length in pixels that PCKh measures by, NaN where the file tells none."""

    file_name: str
    joints: NDArray[np.float64]
    visibility: NDArray[np.int64]
    box: NDArray[np.float64]
    image_id: int = 0
    head_size: float = math.nan


@dataclass(frozen=True, eq=False)
class ImageLabel:
    """One picture's boxes. width, height: in pixels; boxes: (N, 4) x1 y1 x2 y2 of people; ignore: (M, 4) of regions
    that count neither way; exhaustive: whether every person is labelled; source: which collection it is from, "" where
    not told."""

    file_name: str
    width: int
    height: int
    boxes: NDArray[np.float64]
    ignore: NDArray[np.float64]
    exhaustive: bool
    source: str
