"""How long results take from the capture of their frame."""

from __future__ import annotations

from collections import deque

import numpy as np

_NUM_KEPT = 20_000  # of the last frames: eleven minutes at 30 frames per second


class Latency:
    """Latencies of the last 20,000 frames, in seconds."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_NUM_KEPT)

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def percentile(self, percent: float) -> float:
        """Seconds within which so many of the results came. Raises IndexError without any."""
        return float(np.percentile(np.array(self._seconds), percent))

    def milliseconds(self) -> dict[str, float]:
        """Median and 95th percentile, rounded to tenths; empty without any result."""
        if not self:
            return {}
        return {name: round(self.percentile(percent) * 1e3, 1) for name, percent in (("median", 50), ("p95", 95))}
