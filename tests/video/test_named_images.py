"""Where the images that a pose file names are looked for."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest
from make_video import make_video, numbered_image, read_number

from pose_track.video.named_images import NamedImages
from pose_track.video.paths import VIDEO_SUFFIXES, path_below, video_beside
from pose_track.video.pyav_reader import PyAvReader
from pose_track.video.source import DecodeError


def put(path: Path, number: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), numbered_image(number))
    return path


def numbers(root: Path, frames: dict[int, str], name: str = "seq") -> list[int]:
    """The numbers in the images of frames. frames: image name by frame index."""
    with NamedImages(root, name) as images:
        return [read_number(images.read(image_name, index)) for index, image_name in frames.items()]


@pytest.mark.parametrize("place", ["images/val/seq/000003.png", "000003.png", "seq/000003.png"])
def test_image_is_found_by_name(tmp_path: Path, place: str) -> None:
    put(tmp_path / place, 3)
    assert numbers(tmp_path, {7: "images/val/seq/000003.png"}) == [3]
    assert numbers(tmp_path, {7: r"images\val\seq\000003.png"}) == [3]


def test_full_name_comes_first(tmp_path: Path) -> None:
    for number, place in enumerate(["a/1.png", "1.png", "seq/1.png"]):
        put(tmp_path / place, number)
    assert numbers(tmp_path, {0: "a/1.png"}) == [0]


@pytest.mark.parametrize("name", ["", "images/seq/00000001.jpg"])
def test_video_stands_in_for_images(tmp_path: Path, name: str) -> None:
    make_video(tmp_path / "seq.mp4", 9)
    (tmp_path / "seq.json").write_text("{}")
    assert numbers(tmp_path, {0: name, 2: name, 3: name, 8: name}) == [0, 2, 3, 8]


def test_images_without_names_are_those_of_the_folder(tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path / "seq" / f"{number}.png", number)
    assert numbers(tmp_path, {1: "", 3: ""}) == [1, 3]
    with pytest.raises(FileNotFoundError):  # the folder does not stand in for a named image
        numbers(tmp_path, {1: "9.png"})


def test_error_names_every_path_that_was_tried(tmp_path: Path) -> None:
    put(tmp_path / "seq" / "1.png")
    tried = ", ".join(str(tmp_path / place) for place in ("a/2.png", "2.png", "seq/2.png", "seq.mp4"))
    with pytest.raises(FileNotFoundError, match=re.escape(tried)):
        numbers(tmp_path, {1: "a/1.png", 2: "a/2.png"})


def test_video_is_too_short(tmp_path: Path) -> None:
    make_video(tmp_path / "seq.mp4", 3)
    with pytest.raises(ValueError, match=r"'seq' .*frame 5"):
        numbers(tmp_path, {2: "", 5: ""})


@pytest.mark.parametrize("name", ["../1.png", "a/../../1.png", "/etc/1.png", r"..\1.png", r"C:\1.png", "a/.."])
def test_image_name_never_leaves_the_root(tmp_path: Path, name: str) -> None:
    put(tmp_path / "1.png")
    (tmp_path / "root").mkdir()
    with pytest.raises(ValueError, match="must be a path below"):
        numbers(tmp_path / "root", {0: name})


def test_sequence_name_never_leaves_the_root(tmp_path: Path) -> None:
    make_video(tmp_path / "seq.mp4", 2)
    (tmp_path / "root").mkdir()
    for image_name in ("", "1.png"):
        with pytest.raises(ValueError, match=r"got '\.\."):
            numbers(tmp_path / "root", {0: image_name}, name="../seq")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="gone"):
        NamedImages(tmp_path / "gone", "seq")


def test_damaged_image(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"not an image")
    with pytest.raises(DecodeError, match=r"1\.png"):
        numbers(tmp_path, {0: "1.png"})


def test_video_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(tmp_path / "seq.mp4", 3)
    closed: list[PyAvReader] = []
    monkeypatch.setattr(PyAvReader, "close", lambda reader: closed.append(reader))
    assert numbers(tmp_path, {0: ""}) == [0]
    assert len(closed) == 1


def test_paths(tmp_path: Path) -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in VIDEO_SUFFIXES)
    assert path_below(Path("a"), "./b.png") == Path("a/b.png")
    assert video_beside(Path()) is None  # has no name
    (tmp_path / "seq.webm").touch()
    assert video_beside(tmp_path / "seq") == tmp_path / "seq.webm"
    assert video_beside(tmp_path / "other") is None
