"""A real headless Chromium, and small results to show in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from make_video import make_video
from viewer_pages import NUM_FRAMES, two_walkers, write_perfect_result, write_tracks

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if path is None:
        pytest.skip(f"needs one of the browsers {', '.join(_CHROMIUMS)}")
    with api.sync_playwright() as playwright:
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A result folder with its video."""
    video = make_video(tmp_path / "clip.mp4", NUM_FRAMES)
    write_tracks(tmp_path / "clip" / "tracks.jsonl", two_walkers(), video)
    return tmp_path / "clip"


@pytest.fixture
def perfect(tmp_path: Path) -> Path:
    """The ground truth of the sample as a result."""
    return write_perfect_result(tmp_path / "three_people")
