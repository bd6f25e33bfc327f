"""`pose-track live` on a stream whose server is killed and comes back: the gap is recorded, and ids stay right."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from servers.rtsp import RtspServer
from stub_stages import stub_stages

import pose_track.build.stages
import pose_track.sinks.json_lines
from pose_track.config.settings import StageSettings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.pipeline.stages import Stages
from pose_track.structures.frames import Detections, Frame

STAYS = [40.0, 30.0, 80.0, 110.0]  # where somebody stands all the time


def people_after(start_of_second: list[int]) -> Stages:
    """Somebody who stays, and another person from the frame on at which the server was killed."""

    def detect(frame: Frame) -> Detections:
        boxes = [STAYS]
        if start_of_second and frame.index > start_of_second[0] + 5:
            boxes.append([130.0, 30.0, 170.0, 110.0])
        return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32))

    return stub_stages(detect=detect, settings=StageSettings.model_validate({"tracker": {"flow": {"method": "none"}}}))


def test_ids_after_a_lost_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings, profile: people_after(killed))
    first, others = RtspServer(fps=30), []

    def kill_and_restart() -> None:
        first.kill()
        others.append(RtspServer(first.port, 30))

    numbers = count()
    show = pose_track.sinks.json_lines.TracksFile.send

    def send(self: object, result: object) -> None:
        number = next(numbers)
        if number == 20:
            killed.append(result.frame.index)  # type: ignore[attr-defined]
            threading.Thread(target=kill_and_restart).start()
        show(self, result)  # type: ignore[arg-type]

    monkeypatch.setattr(pose_track.sinks.json_lines.TracksFile, "send", send)
    url = first.url.replace("//", "//user:secret@")
    try:
        options = ("--out", str(tmp_path / "runs"), "--jsonl", str(tmp_path / "live.jsonl"), "--max-frames", "70")
        code = run_command("live", url, *options, "--stream.first_backoff_seconds", "0.2", "--no-render")
    finally:
        for server in (first, *others):
            server.kill()
    assert code == 0
    (path,) = (tmp_path / "runs").glob("*/tracks.jsonl")
    _, records = read_tracks(path)
    frames = list(records)
    assert len(frames) == 70
    (damage,) = records.damage
    assert "connection lost" in damage.message
    assert {people.track_ids.tolist()[0] for people in frames if len(people)} == {1}  # who stayed is who they were
    assert {i for people in frames for i in people.track_ids.tolist()} == {1, 2}
    assert "secret" not in path.read_text() + (tmp_path / "live.jsonl").read_text()
    assert json.loads(path.read_text().splitlines()[0])["complete"] is True
    assert Fraction(frames[-1].pts_seconds) > Fraction(70, 30)  # the gap is in the times
