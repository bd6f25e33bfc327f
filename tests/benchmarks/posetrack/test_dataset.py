"""Scanning a data set on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from make_video import make_video, numbered_image
from tiny_posetrack import write_posetrack_dataset

from pose_track.benchmarks.posetrack.dataset import EDITIONS, Clip, scan_dataset

YEARS = ("2017", "2018", "2021")


def only(root: Path, year: str = "2018") -> Clip:
    (clip,) = scan_dataset(root, year, "val").clips
    return clip


@pytest.mark.parametrize("year", YEARS)
def test_counts(year: str, tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, year, num_frames=6, unlabelled=(2, 3))
    data = scan_dataset(tmp_path, year, "val")
    assert data.counts == {"sequences": 2, "frames": 12, "labelled frames": 8, "people": 6}
    assert data.summary().splitlines()[0].endswith(": 2 sequences, 12 frames, 8 labelled frames, 6 people")
    assert [clip.name for clip in data.clips] == ["a", "b"]
    for clip in data.clips:
        assert (clip.error, clip.missing, clip.num_frames) == ("", (), 6)
        assert clip.source == tmp_path / "images" / "val" / clip.name


def test_year_21_is_2021_and_may_have_the_folders_of_2018(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, "2018")
    assert scan_dataset(tmp_path, "21", "val").year == "2021"


def test_difference_from_published_counts_is_noted(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, "2017")
    assert (
        "note: others counted 50 sequences, 2,607 labelled frames, 18,536 people"
        in scan_dataset(tmp_path, "2017", "val").summary()
    )


def test_images_that_are_not_annotated_are_frames_too(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, names=("a",), num_frames=6, listed=(1, 3))
    clip = only(tmp_path)
    assert clip.gt is not None
    assert (len(clip.gt), clip.num_frames) == (2, 6)
    assert clip.image_names == tuple(f"{i:06d}.jpg" for i in range(6))


def test_missing_images_are_counted_and_named(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, num_frames=6)
    (tmp_path / "images/val/a/000002.jpg").unlink()
    (tmp_path / "images/val/a/000004.jpg").unlink()
    data = scan_dataset(tmp_path, "2018", "val")
    assert data.clips[0].error == f"2 of 6 images are missing from {str(tmp_path / 'images/val/a')!r}"
    assert data.clips[1].error == ""
    assert "missing: 2 images of 1 sequences, such as images/val/a/000002.jpg" in data.summary()
    assert "posetrack.net" in data.summary()


@pytest.mark.parametrize("remaining", ["nothing", "an empty folder", "a folder without images"])
def test_missing_folders(remaining: str, tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, num_frames=6)
    folder = tmp_path / "images/val/b"
    shutil.rmtree(folder)
    if remaining != "nothing":
        folder.mkdir()
    if remaining == "a folder without images":
        (folder / "readme.txt").write_text("coming soon")
    data = scan_dataset(tmp_path, "2018", "val")
    assert data.clips[1].error.startswith("6 of 6 images are missing")
    assert "missing: 6 images of 1 sequences, such as images/val/b/000000.jpg" in data.summary()


def test_error_says_how_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.json files in .*annotations/val'; data/README\.md .*posetrack"):
        scan_dataset(tmp_path, "2018", "val")
    with pytest.raises(FileNotFoundError, match=r"posetrack_data/val' or .*annotations/val'"):
        scan_dataset(tmp_path, "21", "val")
    write_posetrack_dataset(tmp_path)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(ValueError, match=r"none of 2 sequences can be tracked; a: 5 of 5 images are .*posetrack\.net"):
        scan_dataset(tmp_path, "2018", "val")


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_video_in_place_of_a_folder(suffix: str, tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, names=("a",), num_frames=5)
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / f"images/val/a{suffix}", 5, codec="mpeg4")
    clip = only(tmp_path)
    assert (clip.source, clip.image_names, clip.num_frames) == (tmp_path / f"images/val/a{suffix}", (), 5)


def test_images_have_priority_over_a_video(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, names=("a",))
    make_video(tmp_path / "images/val/a.mp4", 5)
    assert only(tmp_path).source == tmp_path / "images/val/a"


@pytest.mark.parametrize(
    "name",
    [
        "../000000.jpg",
        "images/../../x/000000.jpg",
        "/etc/000000.jpg",
        "C:/x/000000.jpg",
        "\\\\host\\x\\0.jpg",
        "a\\..\\0.jpg",
    ],
)
def test_image_names_cannot_leave_the_root(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    folder = write_posetrack_dataset(root)
    for outside in (tmp_path, tmp_path / "x"):
        outside.mkdir(exist_ok=True)
        cv2.imwrite(str(outside / "000000.jpg"), numbered_image(0))
    text = (folder / "a.json").read_text()
    content = json.loads(text)
    for image in content["images"]:
        image["file_name"] = name
    (folder / "a.json").write_text(json.dumps(content))
    a, b = scan_dataset(root, "2018", "val").clips
    assert "must be a path below" in a.error
    assert repr(name) in a.error
    assert (a.source, b.error) == (None, "")


def test_images_of_a_sequence_are_in_one_folder(tmp_path: Path) -> None:
    folder = write_posetrack_dataset(tmp_path)
    (folder / "a.json").write_text(
        (folder / "a.json").read_text().replace("images/val/a/000003", "images/val/b/000003")
    )
    assert "in one folder" in scan_dataset(tmp_path, "2018", "val").clips[0].error


@pytest.mark.parametrize("text", ['{"images": [', "[]", "{}", '{"images": [], "annotations": [], "categories": []}'])
def test_broken_annotation_file_is_an_error_of_its_sequence(text: str, tmp_path: Path) -> None:
    folder = write_posetrack_dataset(tmp_path)
    (folder / "a.json").write_text(text)
    a, b = scan_dataset(tmp_path, "2018", "val").clips
    assert a.error
    assert b.error == ""


def test_files_of_another_year(tmp_path: Path) -> None:
    write_posetrack_dataset(tmp_path, "2017")
    with pytest.raises(ValueError, match=r"a\.json .* 2017; give another --year"):
        scan_dataset(tmp_path, "2018", "val")
    write_posetrack_dataset(tmp_path / "newer", "2018")
    with pytest.raises(ValueError, match=r"a\.json .* 2018 and 2021; give another --year"):
        scan_dataset(tmp_path / "newer", "2017", "val")


def test_layouts_of_the_editions() -> None:
    assert {edition.layout for edition in EDITIONS.values()} == {"posetrack17", "posetrack18"}
