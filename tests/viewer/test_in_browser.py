"""The viewer in a real browser: looking, moving in time, and mending."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from make_video import make_video, read_number
from viewer_pages import (
    NUM_FRAMES,
    ids_at,
    opened,
    picture,
    shown,
    two_walkers,
    viewer_process,
    wait_shown,
    write_tracks,
)

from pose_track.viewer.open_content import open_content
from pose_track.viewer.server import ViewerServer


@pytest.fixture
def page(browser: Any, result: Path) -> Any:
    with ViewerServer(open_content(result)) as server, opened(browser, server.url) as page:
        yield page


def edits(result: Path) -> list[dict[str, Any]]:
    lines = (result / "edits.jsonl").read_text().splitlines()
    return [values for line in lines if "op" in (values := json.loads(line))]


def select(page: Any, *ids: int) -> None:
    for n, track_id in enumerate(ids):
        page.locator(f'#people li[data-id="{track_id}"]').click(modifiers=["Shift"] if n else [])


def wait_saved(page: Any, text: str) -> None:
    page.wait_for_selector(f'#status:text("Saved: {text}")', timeout=20_000)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def test_each_frame_has_its_own_image(page: Any) -> None:
    assert page.locator("h1").inner_text() == "clip"
    for key, expected in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("Shift+ArrowRight", 12),
        ("ArrowLeft", 11),
        ("End", 59),
    ):
        page.keyboard.press(key)
        wait_shown(page, expected)
        assert read_number(picture(page)) == expected
    assert page.locator("#frame").input_value() == "59"
    assert page.locator("#seconds").input_value() == "5.900"


def test_jumps_to_a_frame_and_to_a_time(page: Any) -> None:
    for field, value, expected in (("#frame", "37", 37), ("#seconds", "1.42", 14), ("#frame", "999", 59)):
        page.locator(field).fill(value)
        page.keyboard.press("Enter")
        wait_shown(page, expected)
        assert read_number(picture(page)) == expected


def test_plays_to_the_end_at_the_chosen_speed(page: Any) -> None:
    page.select_option("#speed", "2")
    page.evaluate("""() => {
      const app = poseTrackViewer;
      app.seen = [];
      new MutationObserver(() => app.seen.push([performance.now(), app.shown]))
        .observe(document.body, { attributeFilter: ["data-shown"] });
    }""")
    page.keyboard.press("Space")
    page.wait_for_selector('#play:text("Pause")')
    wait_shown(page, NUM_FRAMES - 1)
    seen = page.evaluate("poseTrackViewer.seen")
    positions = [position for _, position in seen]
    assert positions == sorted(positions)
    assert seen[-1][0] - seen[0][0] > 2000  # 5.9 seconds of video at double speed; a busy machine takes longer
    assert page.locator("#play").inner_text().endswith("Play")


def test_playing_without_the_browsers_decoder(browser: Any, tmp_path: Path) -> None:
    """An AVI, which browsers do not play, is shown image by image."""
    video = make_video(tmp_path / "clip.avi", 30, "mpeg4")
    write_tracks(tmp_path / "clip" / "tracks.jsonl", two_walkers()[:30], video)
    content = open_content(tmp_path / "clip")
    assert not content.description()["playable"]
    with ViewerServer(content) as server, opened(browser, server.url) as page:
        page.keyboard.press("Space")
        wait_shown(page, 29)
        assert read_number(picture(page)) == 29


def test_what_is_played_is_what_is_shown(page: Any) -> None:
    """Stopped somewhere, the exact image of that frame replaces the one that was played."""
    page.keyboard.press("Space")
    for _ in range(2):
        page.wait_for_timeout(600)
        played = page.evaluate("poseTrackViewer.player.playing")
        page.keyboard.press("Space")
        position = page.evaluate("poseTrackViewer.shown")
        page.wait_for_timeout(300)
        assert played
        assert page.evaluate("poseTrackViewer.shown") == position
        assert read_number(picture(page)) == position
        page.keyboard.press("Space")
    assert position > 2


def test_zoom_and_pan(page: Any) -> None:
    start = page.evaluate("poseTrackViewer.stage.scale")
    x, y = page.evaluate("poseTrackViewer.stage.clientPlace([50, 40])")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert page.evaluate("poseTrackViewer.stage.scale") > 1.5 * start
    assert page.evaluate("poseTrackViewer.stage.clientPlace([50, 40])") == pytest.approx([x, y], abs=1)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=3)
    page.mouse.up()
    assert page.evaluate("poseTrackViewer.stage.clientPlace([50, 40])") == pytest.approx([x + 60, y + 30], abs=1)
    page.keyboard.press("0")
    assert page.evaluate("poseTrackViewer.stage.scale") == start


def test_the_timeline_jumps_and_selects(page: Any) -> None:
    box = page.locator("#timeline canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 40 / (NUM_FRAMES - 1), box["y"] + 24 + 9)
    wait_shown(page, 40)
    assert page.evaluate("[...poseTrackViewer.selected]") == [1]
    page.get_by_role("tab", name="Curves").click()
    page.locator(".legend", has_text="1 left elbow").wait_for()  # it is drawn once the records are there
    assert page.locator(".legend").inner_text() == "1 left elbow"


def test_a_click_in_the_picture_selects(page: Any) -> None:
    page.mouse.click(*page.evaluate("poseTrackViewer.stage.clientPlace([150, 60])"))
    assert page.evaluate("[...poseTrackViewer.selected]") == [2]
    page.locator('[data-op="several"]').click()
    page.mouse.click(*page.evaluate("poseTrackViewer.stage.clientPlace([30, 60])"))
    assert page.evaluate("[...poseTrackViewer.selected]") == [2, 1]
    page.keyboard.press("Escape")
    assert page.evaluate("[...poseTrackViewer.selected]") == []


def test_merge_undo_and_redo(page: Any, result: Path) -> None:
    before = (result / "tracks.jsonl").read_bytes()
    select(page, 2, 3)
    page.locator('[data-op="merge"]').click()
    wait_saved(page, "merge 2,3")
    assert ids_at(page, 50) == [1, 2]
    assert page.locator("#people li").count() == 2
    page.keyboard.press("Control+z")
    wait_saved(page, "no edits")
    assert ids_at(page, 50) == [1, 3]
    page.locator("#redo").click()
    wait_saved(page, "merge 2,3")
    assert ids_at(page, 50) == [1, 2]
    assert [edit["op"] for edit in edits(result)] == ["merge", "undo", "redo"]
    assert (result / "tracks.jsonl").read_bytes() == before
    assert sorted(path.name for path in result.iterdir()) == ["edits.jsonl", "tracks.jsonl"]


def test_swap_from_a_frame_on_and_over_a_span(page: Any, result: Path) -> None:
    select(page, 1, 3)
    page.evaluate("poseTrackViewer.seek(40)")
    wait_shown(page, 40)
    page.locator('[data-op="swap"]').click()
    wait_saved(page, "swap 1,3@40")
    place = "poseTrackViewer.results[0].records.person({}, 1).joint(0)[0]"
    assert page.evaluate(place.format(39)) == pytest.approx(69)
    assert page.evaluate(place.format(40)) == pytest.approx(150)
    page.keyboard.press("Control+z")
    wait_saved(page, "no edits")
    page.locator('[data-op="span-first"]').click()
    page.evaluate("poseTrackViewer.seek(45)")
    wait_shown(page, 45)
    page.locator('[data-op="span-last"]').click()
    page.locator('[data-op="swap-span"]').click()
    wait_saved(page, "swap 1,3@40-45")
    assert [round(page.evaluate(place.format(n))) for n in (39, 40, 45, 46)] == [69, 150, 150, 76]


def test_split_rename_and_delete(page: Any, result: Path) -> None:
    select(page, 1)
    page.evaluate("poseTrackViewer.seek(20)")
    wait_shown(page, 20)
    page.locator('[data-op="split"]').click()
    wait_saved(page, "split 1@20")
    assert (ids_at(page, 19), ids_at(page, 20)) == ([1, 2], [2, 4])
    page.once("dialog", lambda dialog: dialog.accept("Ann"))
    page.locator('[data-op="rename"]').click()
    wait_saved(page, "rename 1=Ann")
    assert page.locator('#people li[data-id="1"] strong').inner_text() == "Ann"
    select(page, 4)
    page.locator('[data-op="delete"]').click()
    wait_saved(page, "delete 4")
    assert ids_at(page, 40) == [3]
    assert page.locator("#edits li").all_text_contents() == ["split 1@20", "rename 1=Ann", "delete 4"]


def test_a_joint_is_dragged_and_hidden(page: Any, result: Path) -> None:
    select(page, 2)
    page.keyboard.press("m")
    nose = page.evaluate("poseTrackViewer.results[0].records.person(0, 2).joint(0)")
    start = page.evaluate(f"poseTrackViewer.stage.clientPlace({nose})")
    end = page.evaluate(f"poseTrackViewer.stage.clientPlace([{nose[0]} - 20, {nose[1]} + 10])")
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()
    wait_saved(page, "move-joint 2@0:nose")
    (edit,) = edits(result)
    assert edit["op"] == "move_joint"
    assert [edit["x"], edit["y"]] == pytest.approx([nose[0] - 20, nose[1] + 10], abs=0.5)
    moved = page.evaluate("poseTrackViewer.results[0].records.person(0, 2).joint(0)")
    assert moved == pytest.approx([edit["x"], edit["y"]], abs=0.01)
    page.mouse.click(*end)
    page.locator('[data-op="hide-joint"]').click()
    wait_saved(page, "hide-joint 2@0:nose")
    assert not page.evaluate("poseTrackViewer.results[0].records.person(0, 2).has(0)")
    assert page.evaluate("poseTrackViewer.results[0].records.person(1, 2).has(0)")


def test_an_edit_that_does_not_fit_is_refused(page: Any, result: Path) -> None:
    page.evaluate("poseTrackViewer.edit({op: 'merge', ids: [1, 77]})")
    page.wait_for_selector('#status.error:text("nobody has the id 77")')
    assert not (result / "edits.jsonl").exists()
    assert ids_at(page, 0) == [1, 2]


def test_nothing_is_lost_when_the_server_is_killed(browser: Any, result: Path) -> None:
    with viewer_process(result) as (url, process), opened(browser, url) as page:
        select(page, 2, 3)
        page.locator('[data-op="merge"]').click()
        wait_saved(page, "merge 2,3")
        process.send_signal(signal.SIGKILL)
        process.wait()
        page.evaluate("poseTrackViewer.edit({op: 'delete', id: 1})")
        page.wait_for_selector('#status.error:text("pose-track view has ended")')
    with viewer_process(result) as (url, _), opened(browser, url) as page:
        assert ids_at(page, 50) == [1, 2]
        page.keyboard.press("Control+z")
        wait_saved(page, "no edits")
        assert ids_at(page, 50) == [1, 3]


def test_two_results_and_their_differences(browser: Any, result: Path, tmp_path: Path) -> None:
    other = [{1: (30 + index, 60), 2: (150 + 15 * (index == 10), 64)} for index in range(NUM_FRAMES)]
    write_tracks(tmp_path / "other" / "tracks.jsonl", other, tmp_path / "clip.mp4")
    with ViewerServer(open_content(result, tmp_path / "other")) as server, opened(browser, server.url) as page:
        assert page.locator("h1").inner_text() == "A clip, B other"
        page.get_by_role("tab", name="Differences").click()
        texts = page.locator("#differences li").all_inner_texts()
        assert texts == ["2: nose 15 pixels apart\nframe 10"]
        page.locator("#differences li").first.click()
        wait_shown(page, 10)
        page.locator("#distance").fill("20")
        page.keyboard.press("Enter")
        page.wait_for_selector('#differences li:text("None.")')
        for layout in ("beside", "0", "1", "over"):
            page.select_option("#layout", layout)
            page.wait_for_timeout(50)
        assert page.locator("#people li").count() == 5


def test_works_on_a_phone_and_in_the_dark(browser: Any, result: Path) -> None:
    with ViewerServer(open_content(result)) as server:
        for theme, background in (("light", "rgb(245, 246, 248)"), ("dark", "rgb(20, 22, 26)")):
            with opened(browser, f"{server.url}?theme={theme}", 390, 844) as page:
                assert page.evaluate("document.documentElement.scrollWidth") == 390
                assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
                page.get_by_title("One frame on").click()
                wait_shown(page, 1)


def test_without_a_video(browser: Any, tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.jsonl", two_walkers(), "gone.mp4")
    with ViewerServer(open_content(tmp_path)) as server, opened(browser, server.url) as page:
        page.keyboard.press("End")
        wait_shown(page, NUM_FRAMES - 1)
        assert ids_at(page, shown(page)) == [1, 3]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_signals_end_the_command(result: Path, number: signal.Signals, code: int) -> None:
    with viewer_process(result) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(20) == code


def test_people_without_joints_are_boxes(browser: Any, tmp_path: Path) -> None:
    """MOTChallenge has boxes only."""
    lines = [f"{frame + 1},4,{20 + frame},30,40,80,1,1,1\n" for frame in range(10)]
    (tmp_path / "gt.txt").write_text("".join(lines))
    with ViewerServer(open_content(tmp_path / "gt.txt")) as server, opened(browser, server.url) as page:
        page.evaluate("poseTrackViewer.setStyle('ids', false); poseTrackViewer.stage.draw()")
        place = page.evaluate("poseTrackViewer.stage.clientPlace([20, 70])")  # on the left side of the box
        clip = {"x": place[0] - 3, "y": place[1], "width": 6, "height": 1}
        assert page.screenshot(clip=clip) != page.screenshot(clip={**clip, "x": place[0] + 40})
        page.mouse.click(place[0] + 30, place[1])
        assert page.evaluate("[...poseTrackViewer.selected]") == [4]


def test_an_edit_outlives_the_browser(browser: Any, result: Path) -> None:
    with ViewerServer(open_content(result)) as server:
        with opened(browser, server.url) as page:
            select(page, 1)
            page.locator('[data-op="delete"]').click()
            wait_saved(page, "delete 1")
        with opened(browser, server.url) as page:
            assert ids_at(page, 0) == [2]
            assert page.locator("#undo").is_enabled()


def test_faults_are_marked(browser: Any, result: Path) -> None:
    path = result / "tracks.jsonl"
    with path.open("a") as file:
        file.write('{"type":"fault","message":"its data is damaged","frame":30}\n')
        file.write('{"type":"fault","message":"the disk is full","after_frame":59}\n')
    with ViewerServer(open_content(result)) as server, opened(browser, server.url) as page:
        assert page.locator("#hint").inner_text().startswith("Faults: 2")
        assert page.locator("#hint").get_attribute("title").splitlines() == [
            "frame 30: its data is damaged",
            "frame 59: the disk is full",
        ]
        box = page.locator("#timeline canvas").bounding_box()
        x = box["x"] + box["width"] * 30 / (NUM_FRAMES - 1)
        clip = {"x": x - 2, "y": box["y"] + 15, "width": 4, "height": 5}
        end = time.monotonic() + 20
        while page.screenshot(clip=clip) == page.screenshot(clip={**clip, "x": x + 30}):
            assert time.monotonic() < end, "no mark on the timeline"
            page.wait_for_timeout(50)


FPS_OF = """async (seconds) => {
  const stamps = [];
  await new Promise((done) => {
    const next = (now) => {
      stamps.push(now);
      if (now - stamps[0] > 1000 * seconds) done(); else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return (1000 * (stamps.length - 1)) / (stamps.at(-1) - stamps[0]);
}"""


@pytest.mark.slow
def test_thousands_of_frames_with_20_people_are_smooth(browser: Any, tmp_path: Path) -> None:
    """The picture with its people is drawn within a frame of the screen, and the page keeps up while it plays."""
    frames = [{n + 1: (n * 9 + frame % 20, 40 + 2 * n) for n in range(20)} for frame in range(5000)]
    write_tracks(tmp_path / "tracks.jsonl", frames, "gone.mp4", fps=60)
    with ViewerServer(open_content(tmp_path)) as server, opened(browser, server.url) as page:
        drawing = """(() => {
          const start = performance.now();
          for (let n = 0; n < 100; n++) poseTrackViewer.stage.draw();
          poseTrackViewer.stage.context.getImageData(0, 0, 1, 1);
          return (performance.now() - start) / 100;
        })()"""
        assert page.evaluate(drawing) < 16
        page.evaluate("poseTrackViewer.play()")
        fps, shown_at = page.evaluate(FPS_OF, 5), page.evaluate("poseTrackViewer.shown")
        print(f"{fps:.1f} frames of the screen a second; {shown_at} frames of the video in 5 seconds")
        assert fps > 30
        assert shown_at > 200
