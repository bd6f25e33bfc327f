"""One file that needs neither a server nor the network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from command_line import run_command
from make_video import make_video, read_number
from viewer_pages import NUM_FRAMES, ids_at, opened, picture, two_walkers, wait_shown, write_tracks

from pose_track.viewer.export import export_page
from pose_track.viewer.open_content import open_content


@pytest.mark.parametrize("beside", [False, True])
def test_the_file_shows_every_frame_exactly(browser: Any, result: Path, tmp_path: Path, beside: bool) -> None:
    out = tmp_path / "sent" / "clip #1.html"
    out.parent.mkdir()
    export_page(open_content(result), out, video_beside=beside)
    assert sorted(path.name for path in out.parent.iterdir()) == ["clip #1.html", "clip #1.mp4"][: 1 + beside]
    for path in (result / "tracks.jsonl", tmp_path / "clip.mp4"):
        path.unlink()  # the file needs neither
    with opened(browser, out.as_uri()) as page:
        for position in (0, 1, 2, 31, 30, 58, 59, 17):
            page.evaluate(f"poseTrackViewer.seek({position})")
            wait_shown(page, position)
            assert read_number(picture(page)) == position
        assert ids_at(page, 50) == [1, 3]
        assert page.get_by_role("button", name="Undo").is_hidden()
        assert page.locator("#people img").first.get_attribute("src").startswith("data:image/jpeg")


PAUSE_LATE = """() => {  // a busy page: the browser plays on, and the scripts do not hear of it
  const end = performance.now() + 250;
  while (performance.now() < end);
  poseTrackViewer.pause();
}"""


def test_playing_shows_each_frame_with_its_people(browser: Any, result: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.html"
    export_page(open_content(result), out)
    with opened(browser, out.as_uri()) as page:
        page.evaluate("poseTrackViewer.seek(40)")
        wait_shown(page, 40)
        page.keyboard.press("Space")
        page.wait_for_timeout(700)
        page.evaluate(PAUSE_LATE)
        page.wait_for_function("poseTrackViewer.frames.get(poseTrackViewer.shown) !== null")
        position = page.evaluate("poseTrackViewer.shown")
        assert 40 < position < NUM_FRAMES
        assert read_number(picture(page)) == position


def test_nothing_is_loaded_from_elsewhere(browser: Any, result: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.html"
    export_page(open_content(result), out)
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    page.wait_for_selector("body[data-ready]")
    page.close()
    assert {re.split("[:;]", address)[0] for address in asked} <= {"file", "data", "blob"}
    assert [address for address in asked if address.startswith("file")] == [out.as_uri()]


def test_names_cannot_end_the_script(browser: Any, tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.jsonl", two_walkers(), "gone.mp4")
    content = open_content(tmp_path)
    content.edit({"op": "rename", "id": 1, "name": "</script><img src=x onerror=alert(1)>"})
    out = tmp_path / "page.html"
    export_page(content, out)
    with opened(browser, out.as_uri()) as page:
        assert page.locator('#people li[data-id="1"] strong').inner_text().startswith("</script><img")
        assert page.locator("#people img[src=x]").count() == 0


def test_an_avi_becomes_a_video_that_browsers_play(browser: Any, tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.avi", 20, "mpeg4")
    write_tracks(tmp_path / "clip" / "tracks.jsonl", two_walkers()[:20], video)
    export_page(open_content(tmp_path / "clip"), tmp_path / "out.html")
    with opened(browser, (tmp_path / "out.html").as_uri()) as page:
        page.keyboard.press("End")
        wait_shown(page, 19)
        assert read_number(picture(page)) == 19


def test_the_command(result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.html"
    assert run_command("view", result, "--export", out) == 0
    assert "out.html" in capsys.readouterr().out
    assert out.stat().st_size > 10_000
    assert run_command("view", result, "--export", out) == 2
    assert "exists" in capsys.readouterr().err
    assert run_command("view", result, "--export", out, "--overwrite") == 0
    assert not (result / "edits.jsonl").exists()
