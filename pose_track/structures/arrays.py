"""Array types. Each name has one meaning throughout the package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[np.generic]
FloatingArray = NDArray[np.floating[Any]]
"""Floats of any precision."""
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ImageArray = NDArray[np.uint8]
"""(H, W, 3) RGB unless the function says otherwise."""
