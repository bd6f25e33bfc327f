"""What is wrong in a file: an error at once, or, where one is lenient, noted, left out and counted."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


class Problems:
    """Where readers take what is wrong. messages: all so far, each naming file, frame and person as far as known."""

    def __init__(self, lenient: bool = False) -> None:
        self.lenient = lenient
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Raises ValueError(message) unless lenient; then the caller leaves out what is at fault and goes on."""
        if not self.lenient:
            raise ValueError(message)
        self.messages.append(message)

    def summarise(self, most: int = 5) -> None:
        """Warn of the first so many, and of how many there are."""
        for message in self.messages[:most]:
            logger.warning("left out: %s", message)
        if len(self.messages) > most:
            logger.warning("left out: %d more", len(self.messages) - most)
