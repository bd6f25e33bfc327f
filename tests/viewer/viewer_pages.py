"""Small results for the viewer, its process, and what its page shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from make_video import HEIGHT, WIDTH

from pose_track.formats.tracks_writer import TracksWriter
from pose_track.results.open_result import open_result
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17

NUM_FRAMES, FPS = 60, 10.0

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
TRUTH = SAMPLE / "annotations" / "val" / "three_people.json"


def write_perfect_result(folder: Path) -> Path:
    """The ground truth of the sample as a result; returns its folder."""
    truth = open_result(TRUTH)
    header = {
        "version": "0", "source": str(SAMPLE / "three_people.mp4"), "fps": 25.0, "width": 640, "height": 360,
        "skeleton": truth.skeleton.name, "joint_names": list(truth.skeleton.joint_names), "settings": None,
        "weights": None,
    }  # fmt: skip
    folder.mkdir()
    with TracksWriter(folder / "tracks.jsonl", header) as writer:
        for people in truth:
            writer.write(people)
    return folder


def person_at(x: float, y: float) -> np.ndarray:
    """(17, 2) joints of a standing person, 40 pixels wide and 80 high, with the middle at x y."""
    rows = np.array([0, -1, 1, -2, 2, -8, 8, -12, 12, -14, 14, -6, 6, -7, 7, -7, 7], float)
    heights = np.array([-34, -36, -36, -35, -35, -22, -22, -8, -8, 4, 4, 2, 2, 20, 20, 38, 38], float)
    return np.stack([x + 1.3 * rows, y + heights], axis=1)


def write_tracks(
    path: Path, frames: list[dict[int, tuple[float, float]]], source: Path | str, fps: float = FPS
) -> Path:
    """A tracks.jsonl with the people {id: (x, y)} of each frame."""
    header = {
        "version": "0", "source": str(source), "fps": fps, "width": WIDTH, "height": HEIGHT, "skeleton": COCO_17.name,
        "joint_names": list(COCO_17.joint_names), "settings": None, "weights": None,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with TracksWriter(path, header) as writer:
        for index, people in enumerate(frames):
            writer.write(tracked(index, people, fps))
    return path


def tracked(index: int, people: dict[int, tuple[float, float]], fps: float = FPS) -> TrackedPoses:
    joints = np.array([person_at(*place) for place in people.values()]).reshape(-1, 17, 2)
    boxes = (
        np.concatenate([joints.min(axis=1) - 4, joints.max(axis=1) + 4], axis=1) if len(joints) else np.zeros((0, 4))
    )
    scores = np.full(len(joints), 0.9)
    poses = Poses(joints, np.full(joints.shape[:2], 0.8), boxes, scores, COCO_17)  # type: ignore[arg-type]
    return TrackedPoses(index, index / fps, poses, np.array(list(people), np.int64))


def two_walkers() -> list[dict[int, tuple[float, float]]]:
    """Person 1 walks to the right; person 2 stands, and is person 3 from frame 30 on."""
    return [{1: (30 + index, 60), (2 if index < 30 else 3): (150, 64)} for index in range(NUM_FRAMES)]


@contextmanager
def viewer_process(*arguments: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of `pose-track view`."""
    words = [sys.executable, "-m", "pose_track", "view", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait()


def shown(page: Any) -> int:
    """The position on screen."""
    return int(page.locator("body").get_attribute("data-shown"))


def wait_shown(page: Any, position: int) -> None:
    page.wait_for_selector(f'body[data-shown="{position}"]', timeout=20_000)


SIZED = """() => {
  const canvas = poseTrackViewer.stage.canvas;
  return canvas.width === Math.round(canvas.parentElement.getBoundingClientRect().width * devicePixelRatio);
}"""


@contextmanager
def opened(browser: Any, url: str, width: int = 1280, height: int = 800) -> Iterator[Any]:
    """A page of the viewer that is ready; fails on errors of its scripts."""
    page = browser.new_page(viewport={"width": width, "height": height})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    page.wait_for_function(SIZED, timeout=20_000)
    yield page
    page.close()
    assert errors == []


def picture(page: Any) -> np.ndarray:
    """The video as it is drawn on the canvas, without people."""
    page.evaluate("poseTrackViewer.stage.fit(); poseTrackViewer.setStyle('onlySelected', true)")
    corners = page.evaluate(f"[[0, 0], [{WIDTH}, {HEIGHT}]].map((place) => poseTrackViewer.stage.clientPlace(place))")
    page.evaluate("""() => {
      for (const key of ["skeleton", "boxes", "ids"]) poseTrackViewer.setStyle(key, false);
      poseTrackViewer.stage.draw();
    }""")
    (left, top), (right, bottom) = corners
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return np.asarray(cv2.imdecode(np.frombuffer(page.screenshot(clip=clip), np.uint8), cv2.IMREAD_COLOR))


def ids_at(page: Any, position: int) -> list[int]:
    page.evaluate(f"poseTrackViewer.results[0].records.load(Math.floor({position} / 256))")
    ids = page.evaluate(f"poseTrackViewer.results[0].records.at({position}).map((person) => person.id)")
    return sorted(ids)
