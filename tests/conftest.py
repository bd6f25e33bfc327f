"""Fixtures for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from pose_track.utils.cache_dir import VARIABLE


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
