"""Which threads of `Prefetcher` are at work; the progress bar has one of its own."""

from __future__ import annotations

import threading


def num_ahead() -> int:
    return sum(thread.name.startswith("ahead") for thread in threading.enumerate())
