"""What is found of a data set on disk, and what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from made_posetrack import make_data
from make_video import make_video, numbered_image

from pose_track.benchmarks.posetrack.dataset import EDITIONS, Clip, check_data

YEARS = ("2017", "2018", "2021")


def only(root: Path, year: str = "2018") -> Clip:
    (clip,) = check_data(root, year, "val").clips
    return clip


@pytest.mark.parametrize("year", YEARS)
def test_what_there_is_is_counted(year: str, tmp_path: Path) -> None:
    make_data(tmp_path, year, num_frames=6, unlabelled=(2, 3))
    data = check_data(tmp_path, year, "val")
    assert data.counts == {"sequences": 2, "frames": 12, "labelled frames": 8, "people": 6}
    assert data.summary().splitlines()[0].endswith(": 2 sequences, 12 frames, 8 labelled frames, 6 people")
    assert [clip.name for clip in data.clips] == ["a", "b"]
    for clip in data.clips:
        assert (clip.fault, clip.missing, clip.num_frames) == ("", (), 6)
        assert clip.source == tmp_path / "images" / "val" / clip.name


def test_21_is_2021_and_its_annotations_may_lie_as_in_2018(tmp_path: Path) -> None:
    make_data(tmp_path, "2018")
    assert check_data(tmp_path, "21", "val").year == "2021"


def test_other_counts_than_known_ones_are_a_note(tmp_path: Path) -> None:
    make_data(tmp_path, "2017")
    assert (
        "note: others counted 50 sequences, 2,607 labelled frames, 18,536 people"
        in check_data(tmp_path, "2017", "val").summary()
    )


def test_pictures_that_are_not_listed_are_frames_too(tmp_path: Path) -> None:
    make_data(tmp_path, names=("a",), num_frames=6, listed=(1, 3))
    clip = only(tmp_path)
    assert clip.truth is not None
    assert (len(clip.truth), clip.num_frames) == (2, 6)
    assert clip.image_names == tuple(f"{i:06d}.jpg" for i in range(6))


def test_missing_pictures_are_counted_and_named(tmp_path: Path) -> None:
    make_data(tmp_path, num_frames=6)
    (tmp_path / "images/val/a/000002.jpg").unlink()
    (tmp_path / "images/val/a/000004.jpg").unlink()
    data = check_data(tmp_path, "2018", "val")
    assert data.clips[0].fault == f"2 of 6 pictures are missing from {str(tmp_path / 'images/val/a')!r}"
    assert data.clips[1].fault == ""
    assert "missing: 2 pictures of 1 sequences, such as images/val/a/000002.jpg" in data.summary()
    assert "posetrack.net" in data.summary()


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a folder without pictures"])
def test_missing_folders(left: str, tmp_path: Path) -> None:
    make_data(tmp_path, num_frames=6)
    folder = tmp_path / "images/val/b"
    shutil.rmtree(folder)
    if left != "nothing":
        folder.mkdir()
    if left == "a folder without pictures":
        (folder / "readme.txt").write_text("coming soon")
    data = check_data(tmp_path, "2018", "val")
    assert data.clips[1].fault.startswith("6 of 6 pictures are missing")
    assert "missing: 6 pictures of 1 sequences, such as images/val/b/000000.jpg" in data.summary()


def test_nothing_to_track_tells_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.json files in .*annotations/val'; data/README\.md .*posetrack"):
        check_data(tmp_path, "2018", "val")
    with pytest.raises(FileNotFoundError, match=r"posetrack_data/val' or .*annotations/val'"):
        check_data(tmp_path, "21", "val")
    make_data(tmp_path)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(
        ValueError, match=r"none of 2 sequences can be tracked; a: 5 of 5 pictures are .*posetrack\.net"
    ):
        check_data(tmp_path, "2018", "val")


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_a_video_stands_for_a_folder(suffix: str, tmp_path: Path) -> None:
    make_data(tmp_path, names=("a",), num_frames=5)
    shutil.rmtree(tmp_path / "images/val/a")
    make_video(tmp_path / f"images/val/a{suffix}", 5, codec="mpeg4")
    clip = only(tmp_path)
    assert (clip.source, clip.image_names, clip.num_frames) == (tmp_path / f"images/val/a{suffix}", (), 5)


def test_pictures_come_before_a_video(tmp_path: Path) -> None:
    make_data(tmp_path, names=("a",))
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
def test_names_of_pictures_never_leave_the_root(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    folder = make_data(root)
    for outside in (tmp_path, tmp_path / "x"):
        outside.mkdir(exist_ok=True)
        cv2.imwrite(str(outside / "000000.jpg"), numbered_image(0))
    text = (folder / "a.json").read_text()
    notes = json.loads(text)
    for image in notes["images"]:
        image["file_name"] = name
    (folder / "a.json").write_text(json.dumps(notes))
    a, b = check_data(root, "2018", "val").clips
    assert "must be a path below the data set's folder" in a.fault
    assert repr(name) in a.fault
    assert (a.source, b.fault) == (None, "")


def test_pictures_of_a_sequence_lie_in_one_folder(tmp_path: Path) -> None:
    folder = make_data(tmp_path)
    (folder / "a.json").write_text(
        (folder / "a.json").read_text().replace("images/val/a/000003", "images/val/b/000003")
    )
    assert "must have its pictures in one folder" in check_data(tmp_path, "2018", "val").clips[0].fault


@pytest.mark.parametrize("text", ['{"images": [', "[]", "{}", '{"images": [], "annotations": [], "categories": []}'])
def test_a_broken_annotation_file_is_a_fault_of_its_sequence(text: str, tmp_path: Path) -> None:
    folder = make_data(tmp_path)
    (folder / "a.json").write_text(text)
    a, b = check_data(tmp_path, "2018", "val").clips
    assert a.fault
    assert b.fault == ""


def test_files_of_another_year_are_refused(tmp_path: Path) -> None:
    make_data(tmp_path, "2017")
    with pytest.raises(ValueError, match=r"a\.json is in the layout of 2017; give another --year"):
        check_data(tmp_path, "2018", "val")
    make_data(tmp_path / "newer", "2018")
    with pytest.raises(ValueError, match=r"a\.json is in the layout of 2018 and 2021; give another --year"):
        check_data(tmp_path / "newer", "2017", "val")


def test_every_edition_has_a_layout_that_can_be_written() -> None:
    assert {edition.layout for edition in EDITIONS.values()} == {"posetrack17", "posetrack18"}
