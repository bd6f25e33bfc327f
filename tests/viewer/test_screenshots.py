"""How the viewer looks, at two widths, light and dark.

With VIEWER_SCREENSHOTS=docs the pictures of docs/viewer.md are made anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from viewer_pages import TRUTH, opened, wait_shown

from pose_track.viewer.content import Content
from pose_track.viewer.open_content import open_content
from pose_track.viewer.server import ViewerServer

CASES = {
    # name: width, height, theme, tab, script
    "viewer": (1100, 680, "light", "People", "poseTrackViewer.select(1); poseTrackViewer.select(2, true)"),
    "viewer_errors": (1100, 680, "dark", "Errors", ""),
    "viewer_curves": (1100, 680, "light", "Curves", "poseTrackViewer.select(1); poseTrackViewer.select(3, true)"),
    "viewer_phone": (390, 760, "dark", "People", ""),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.environ.get("VIEWER_SCREENSHOTS", tmp_path))


def mistaken(perfect: Path) -> Content:
    """A result with a person missed for a while, a switch of ids and a name."""
    content = open_content(perfect, truth=TRUTH)
    content.edit({"op": "swap", "ids": [1, 2], "from": 70, "to": 95})
    content.edit({"op": "delete", "id": 2, "from": 110, "to": 125})
    content.edit({"op": "rename", "id": 3, "name": "Ann"})
    return content


@pytest.mark.parametrize("name", CASES)
def test_looks(browser: Any, perfect: Path, folder: Path, name: str) -> None:
    width, height, theme, tab, script = CASES[name]
    content = mistaken(perfect) if tab == "Errors" else open_content(perfect)
    with ViewerServer(content) as server, opened(browser, f"{server.url}?theme={theme}", width, height) as page:
        page.evaluate("poseTrackViewer.seek(72)")
        wait_shown(page, 72)
        page.get_by_role("tab", name=tab).click()
        page.evaluate(script)
        for picture in page.locator("#people img").all() if tab == "People" else ():
            picture.evaluate("async (image) => { while (!image.src) await new Promise((r) => setTimeout(r, 20)); }")
        page.wait_for_timeout(200)
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        if "VIEWER_SCREENSHOTS" in os.environ:
            from PIL import Image

            Image.open(path).quantize(200).save(path, optimize=True)
        image = cv2.imread(str(path))
        assert image.shape == (height, width, 3)
        corner = image[-3, 3].astype(int).sum()
        assert corner < 100 if theme == "dark" else corner > 650
        stage = page.locator("#stage").bounding_box()
        left, top, right, bottom = (
            round(value)
            for value in (stage["x"], stage["y"], stage["x"] + stage["width"], stage["y"] + stage["height"])
        )
        assert len(np.unique(image[top:bottom, left:right].reshape(-1, 3), axis=0)) > 150  # the video and its people
