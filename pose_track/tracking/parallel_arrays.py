"""Parallel arrays whose rows are selected and appended as tracks end and start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from pose_track.structures.arrays import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class ParallelArrays:
    """Base of dataclasses whose fields are arrays of the same length, or other ParallelArrays of that length."""

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    def __getitem__(self, keep: BoolArray | IntArray) -> Self:
        """The rows selected by a boolean mask or by indices."""
        return type(self)(*[getattr(self, name)[keep] for name in self.__dataclass_fields__])

    def __add__(self, other: Self) -> Self:
        """The rows of both. If one has no rows, the result is the other, whatever the shapes of its rows."""
        if not len(self) or not len(other):
            return self if len(self) else other
        pairs = [(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__]
        return type(self)(*[_concatenate(a, b) for a, b in pairs])


def _concatenate(a: Any, b: Any) -> Any:
    return a + b if isinstance(a, ParallelArrays) else np.concatenate([a, b])
