"""The names of the pictures of a folder, from the records to the exports."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from command_line import run_command
from formats.track_files import frame, header
from make_video import numbered_image
from stub_stages import stub_stages

import pose_track.build.stages
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.skeleton import COCO_17

NAMES = ["shot_0001.png", "shot_0002.png", "shot_0010.png", "shot_0011.png"]


def _write_named_tracks(path: Path) -> None:
    """Frames of a folder of images; nobody is in the first."""
    with TracksWriter(path, header(COCO_17, "shots")) as writer:
        for index, name in enumerate(NAMES):
            writer.write(replace(frame(COCO_17, index, [1, 2][: 2 * index]), image_name=name))


def test_each_picture_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings, profile: stub_stages(settings))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shots").mkdir()
    for number, name in enumerate(NAMES):
        cv2.imwrite(str(tmp_path / "shots" / name), numbered_image(number))
    assert run_command("track", "shots", "--no-render") == 0
    out = tmp_path / "runs" / "shots"
    _, *records = [json.loads(line) for line in (out / "tracks.jsonl").read_text().splitlines()]
    assert [record["image_name"] for record in records] == NAMES
    images = json.loads((out / "tracks.posetrack18.json").read_text())["images"]
    assert [image["file_name"].rpartition("/")[2] for image in images] == NAMES
    frames = json.loads((out / "tracks.posetrack17.json").read_text())["annolist"]
    assert [frame["image"][0]["name"].rpartition("/")[2] for frame in frames] == NAMES
    assert run_command("finish", out / "tracks.jsonl", "finished.jsonl") == 0
    finished = [json.loads(line) for line in (tmp_path / "finished.jsonl").read_text().splitlines()[1:]]
    assert [record["image_name"] for record in finished if "frame" in record] == NAMES
    assert run_command("link", "--pred", out / "tracks.jsonl", "--out", "linked") == 0
    linked = [json.loads(line) for line in (tmp_path / "linked" / "tracks.jsonl").read_text().splitlines()[1:]]
    assert [record["image_name"] for record in linked] == NAMES


@pytest.mark.parametrize(("to", "key"), [("alphapose", "image_id"), ("coco", "file_name"), ("csv", "image")])
def test_exports_name_the_picture_of_each_person(tmp_path: Path, to: str, key: str) -> None:
    _write_named_tracks(tmp_path / "tracks.jsonl")
    assert run_command("convert", tmp_path / "tracks.jsonl", tmp_path / "out", "--to", to) == 0
    with (tmp_path / "out").open(newline="") as file:
        people = list(csv.DictReader(file)) if to == "csv" else json.load(file)
    assert {person[key] for person in people} == set(NAMES[1:])  # frame 0 shows nobody


def test_image_ids_agree_between_all_files(tmp_path: Path) -> None:
    _write_named_tracks(tmp_path / "tracks.jsonl")
    ids = {}
    for to in ("coco", "coco-dataset", "posetrack18"):
        assert run_command("convert", tmp_path / "tracks.jsonl", tmp_path / to, "--to", to) == 0
        content = json.loads((tmp_path / to).read_text())
        if to == "coco":
            ids[to] = {person["file_name"]: person["image_id"] for person in content}
        else:
            names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
            ids[to] = {names[person["image_id"]]: person["image_id"] for person in content["annotations"]}
    assert ids["coco"] == ids["coco-dataset"] == ids["posetrack18"] == {NAMES[n]: n for n in (1, 2, 3)}
