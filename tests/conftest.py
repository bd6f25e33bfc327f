"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pose_track.utils.cache_dir import VARIABLE


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks are compiled once a session, and nothing is kept in the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield
