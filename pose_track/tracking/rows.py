"""Parallel arrays of which a few rows are taken and others appended, as tracks come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

Chosen = NDArray[np.bool_] | NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Base of dataclasses whose fields are arrays of the same length, or Rows again."""

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    def __getitem__(self, keep: Chosen) -> Self:
        """The rows selected by a boolean mask or by indices."""
        return type(self)(*[getattr(self, name)[keep] for name in self.__dataclass_fields__])

    def __add__(self, other: Self) -> Self:
        """The rows of both; where one has none, the other, whatever the shapes of its rows."""
        if not len(self) or not len(other):
            return self if len(self) else other
        return type(self)(*[_joined(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__])


def _joined(a: Any, b: Any) -> Any:
    return a + b if isinstance(a, Rows) else np.concatenate([a, b])
