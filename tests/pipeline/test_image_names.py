"""The names of the pictures of a folder, from the records to the exports."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from command_line import run_command
from make_video import numbered_image
from stub_stages import stub_stages

import pose_track.build.stages

NAMES = ["shot_0001.png", "shot_0002.png", "shot_0010.png", "shot_0011.png"]


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
    assert run_command("convert", out / "tracks.jsonl", "poses.json", "--to", "alphapose") == 0
    people = json.loads((tmp_path / "poses.json").read_text())
    assert {person["image_id"] for person in people} == set(NAMES[1:])  # frame 0 shows nobody
