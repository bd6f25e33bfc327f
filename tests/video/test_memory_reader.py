"""Images in memory, lists of images and patterns."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_video import numbered_image, read_number

from pose_track.video.reader import open_video

IMAGES = np.stack([numbered_image(number) for number in range(5)])


@pytest.mark.parametrize("given", [lambda: IMAGES, lambda: list(IMAGES), lambda: tuple(IMAGES), lambda: iter(IMAGES)])
def test_arrays_and_iterables(given: Callable[[], object]) -> None:
    with open_video(given(), fps=10) as reader:  # type: ignore[arg-type]
        assert (reader.info.width, reader.info.height, reader.info.fps) == (192, 128, 10)
        frames = list(reader)
    assert [(read_number(frame.image), frame.pts_seconds) for frame in frames] == [(n, n / 10) for n in range(5)]


def test_an_iterable_is_read_as_it_comes() -> None:
    taken = []

    def images():  # type: ignore[no-untyped-def]
        for number in range(10**9):
            taken.append(number)
            yield numbered_image(number % 256)

    with open_video(images(), end_seconds=0.2, stride=2) as reader:
        assert [frame.index for frame in reader] == [0, 2, 4]
    assert len(taken) == 6
    assert reader.info.num_frames_from_header is None


# what is no video, and what the error says
@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([], "at least one"),
        (IMAGES[:0], "at least one"),
        (IMAGES / 255, r"image 0: .*float64.*\(image \* 255\)"),
        (IMAGES[0], "image 0: image is grey"),
        ([IMAGES[0], "a.png"], "image 1: .*not str"),
        ([IMAGES[0], IMAGES[0][:64]], "192x64"),
        ([np.zeros((0, 9, 3), np.uint8)], r"\(0, 9, 3\)"),
    ],
)
def test_other_images_are_refused(images: object, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said), open_video(images) as reader:  # type: ignore[arg-type]
        list(reader)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"a{number}.png"), numbered_image(number)[..., ::-1])
    cv2.imwrite(str(tmp_path / "b3.jpg"), numbered_image(3)[..., ::-1])
    return tmp_path


def test_a_list_of_images_keeps_its_order(folder: Path) -> None:
    with open_video([folder / "a10.png", str(folder / "a1.png")], fps=Fraction(5)) as reader:
        frames = list(reader)
    assert [(read_number(frame.image), frame.pts_seconds, frame.image_name) for frame in frames] == [
        (10, 0.0, "a10.png"),
        (1, 0.2, "a1.png"),
    ]
    assert reader.info.source == "2 images"


@pytest.mark.parametrize(
    ("pattern", "expected"), [("a*.png", [1, 2, 10]), ("a?.png", [1, 2]), ("[ab]*", [1, 2, 10, 3]), ("**/b*", [3])]
)
def test_a_pattern_in_natural_order(pattern: str, expected: list[int], folder: Path) -> None:
    with open_video(f"{folder}/{pattern}") as reader:
        assert [read_number(frame.image) for frame in reader] == expected
    assert reader.info.source == f"{folder}/{pattern}"


def test_a_pattern_without_images(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"c\*\.png"):
        open_video(f"{folder}/c*.png")
