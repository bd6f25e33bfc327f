"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from pose_track.utils.cache_dir import VARIABLE

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core, which would otherwise start a thread for each core
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use a cache folder of the test session: networks are compiled once, and the user's cache stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """SIGINT has its usual effect, also where the tests were started in the background and ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
