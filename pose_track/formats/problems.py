"""Problems in a file: errors by default, or, if lenient, collected while the invalid parts are left out."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class Problems:
    """Collects what readers find wrong.

    lenient: whether to go on without the invalid parts.
    messages: all problems so far; each names file, frame and person as far as known.
    """

    def __init__(self, lenient: bool = False) -> None:
        self.lenient = lenient
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Raises ValueError(message) unless lenient; then the caller leaves out the invalid part and goes on."""
        if not self.lenient:
            raise ValueError(message)
        self.messages.append(message)

    def log_summary(self, limit: int = 5) -> None:
        """Log the first `limit` messages as warnings, and the number of the others."""
        for message in self.messages[:limit]:
            logger.warning("left out: %s", message)
        if len(self.messages) > limit:
            logger.warning("left out: %d more", len(self.messages) - limit)
