"""The threads of `Prefetcher` that run; the progress bar has a thread of its own."""

from __future__ import annotations

import threading


def num_prefetch_threads() -> int:
    return sum(thread.name.startswith("prefetch") for thread in threading.enumerate())
