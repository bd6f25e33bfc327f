"""The examples of docs/python.md, run one after the other on some frames of the sample."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose_track import open_video
from pose_track.video.writer import VideoWriter

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.DOTALL)
NUM_FRAMES = 9


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    with open_video(ROOT / "data/sample/three_people.mp4") as video:
        return [frame.image for frame, _ in zip(video, range(NUM_FRAMES), strict=False)]


class Camera:
    """Gives the images as `cv2.VideoCapture` does, then no more."""

    def __init__(self, images: list[np.ndarray]) -> None:
        self._images = iter(images)

    def read(self) -> tuple[bool, np.ndarray | None]:
        image = next(self._images, None)
        return image is not None, None if image is None else np.ascontiguousarray(image[..., ::-1])


def test_every_example_runs(
    images: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    shown: list[np.ndarray] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: Camera(images))
    monkeypatch.setattr(cv2, "imshow", lambda name, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: -1)
    with VideoWriter(tmp_path / "clip.mp4", images[0].shape[1], images[0].shape[0], 25) as writer:
        for number, image in enumerate(images):
            writer.write(image, number / 25)
    names: dict[str, Any] = {"images": images}
    outputs = []
    for example in EXAMPLES:
        exec(compile(example, "docs/python.md", "exec"), names)
        outputs.append(capsys.readouterr().out)
    assert len(EXAMPLES) == 7
    assert len(shown) == NUM_FRAMES
    assert "True" in outputs[0]  # somebody was confirmed
    assert names["table"]["joint"].nunique() == names["tracker"].skeleton.num_joints
    assert [people.frame_index for people in names["results"]] == list(range(NUM_FRAMES))
    assert len(names["results"][-1]) >= 2
    assert len(outputs[-1].splitlines()) == NUM_FRAMES
