"""Times of the frames of a live source."""

from __future__ import annotations

from fractions import Fraction

_MAX_AHEAD = 10  # seconds by which a timestamp may run ahead of the clock from one frame to the next


class LiveClock:
    """Turns timestamps of a live source into strictly increasing times, in seconds since its first frame.

    Where a timestamp is missing, goes back or jumps ahead, and after `restart`, the time that has passed on the
    computer's clock counts instead, at least `step` (seconds).

    >>> clock = LiveClock(Fraction(1, 25))
    >>> frames = [(Fraction(7), 100.0), (Fraction(15, 2), 100.6), (None, 101.0), (Fraction(2), 101.5)]
    >>> [round(float(clock.seconds(timestamp, received)), 3) for timestamp, received in frames]
    [0.0, 0.5, 0.9, 1.4]
    """

    def __init__(self, step: Fraction) -> None:
        self._least_step = step
        self._time = Fraction(0)
        self._last: tuple[Fraction | None, float] | None = None

    def restart(self) -> None:
        """Timestamps begin anew."""
        if self._last is not None:
            self._last = None, self._last[1]

    def seconds(self, timestamp: Fraction | None, received: float) -> Fraction:
        """The time of the next frame. timestamp: seconds on the clock of the source; received: by `time.monotonic`."""
        if self._last is not None:
            self._time += self._step(*self._last, timestamp, received)
        self._last = timestamp, received
        return self._time

    def _step(
        self, last: Fraction | None, last_received: float, timestamp: Fraction | None, received: float
    ) -> Fraction:
        passed = Fraction(received) - Fraction(last_received)
        if timestamp is not None and last is not None and 0 < timestamp - last <= passed + _MAX_AHEAD:
            return timestamp - last
        return max(passed, self._least_step)
