"""docs/own_data.md, as a user follows it: its files and its commands, on drawn animals, shortened."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from command_line import run_command
from drawn_animals import JOINTS, write_animals, write_video
from tiny_runs import ROOT

from pose_track.config.load import load_settings
from pose_track.structures.arrays import Float64Array
from pose_track.training.checkpoint import load_checkpoint
from pose_track.training.config import TrainingConfig
from pose_track.training.tasks import build_task

SMALL_POSE = {"loop.epochs": "8", "loop.batch_size": "4"}
SMALL_BOXES = {
    "detector.canvas": "192",
    "detector.augmentation.long_side": "[140, 240]",
    "loop.epochs": "4",
    "loop.batch_size": "4",
}
COMMON = {"loop.evaluate_every": "99", "hardware.threads": "1", "hardware.device": "cpu"}


class Page(NamedTuple):
    """files: the content of each by name; commands: without the name of the program."""

    files: dict[str, str]
    commands: list[list[str]]


def read_page() -> Page:
    text = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
    blocks = dict.fromkeys(re.findall(r"```(yaml|bash)\n(.*?)```", text, re.DOTALL))
    files = {content.split()[1]: content for kind, content in blocks if kind == "yaml"}
    lines = [line for kind, content in blocks if kind == "bash" for line in content.splitlines()]
    return Page(files, [shlex.split(line)[1:] for line in lines])


def settings(values: dict[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in (f"--{key}", value)]


def shortened(command: list[str]) -> list[str]:
    """A command of the page with the settings of a smaller and shorter run."""
    if command[0] != "train" or "--resume" in command:
        return command
    return [*command, *settings(SMALL_BOXES if "horse_boxes.yaml" in command else SMALL_POSE), *settings(COMMON)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the data, the page's files, and what its commands wrote."""
    root = tmp_path_factory.mktemp("own_data")
    write_animals(root / "data", "train", 40, seed=0)
    write_animals(root / "data", "val", 10, seed=1)
    np.save(root / "truth.npy", write_video(root / "horse.mp4"))
    page, threads = read_page(), torch.get_num_threads()
    for name, content in page.files.items():
        (root / name).write_text(content, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for command in page.commands:
            assert run_command(*shortened(command)) == 0, command
    yield root
    torch.set_num_threads(threads)


def test_the_page_has_every_step() -> None:
    page = read_page()
    assert list(page.files) == ["horse_skeleton.yaml", "horse.yaml", "horse_boxes.yaml", "horse_track.yaml"]
    assert [command[0] for command in page.commands] == ["train", "train", "evaluate-pose", "train", "track"]


def metrics_of(folder: Path, **changes: str) -> dict[str, float]:
    """The metrics of the network that a run of horse.yaml starts from."""
    config = load_settings(TrainingConfig, folder / "horse.yaml", {**SMALL_POSE, **COMMON, **changes})
    task = build_task(config, "cpu")
    return task.evaluate(task.network.eval())


def test_the_network_learns_its_joints(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = metrics_of(folder)["pck_box"]
    after = metrics_of(folder, init_weights="runs/horse/weights.safetensors")
    assert before < 0.15
    assert after["pck_box"] > 0.4
    assert min(after["pck_box_nose"], after["pck_box_withers"], after["pck_box_tail_base"]) > 0.7


def test_the_run_is_resumed_with_its_settings(folder: Path) -> None:
    state = load_checkpoint(folder / "runs" / "horse" / "checkpoint.pt")
    assert state["epoch"] == float(SMALL_POSE["loop.epochs"])
    assert state["settings"]["loop.batch_size"] == int(SMALL_POSE["loop.batch_size"])


def test_the_animal_is_tracked(folder: Path) -> None:
    lines = (folder / "results" / "horse" / "tracks.jsonl").read_text().splitlines()
    header, *frames = map(json.loads, lines)
    assert header["joint_names"] == list(JOINTS)
    people = {frame["frame"]: frame["people"] for frame in frames if "people" in frame}
    truth: Float64Array = np.load(folder / "truth.npy")
    assert len(people) == len(truth)
    tracked = {frame: found[0] for frame, found in people.items() if len(found) == 1}
    assert len(tracked) >= 0.9 * len(truth)
    assert {person["track_id"] for person in tracked.values()} == {1}
    trunk = [JOINTS.index(name) for name in ("nose", "withers", "tail_base")]
    errors = [np.array(person["joints"])[trunk, :2] - truth[frame, trunk] for frame, person in tracked.items()]
    assert np.median(np.linalg.norm(errors, axis=-1)) < 8  # pixels, of an animal 90 pixels long
    assert (folder / "results" / "horse" / "annotated.mp4").stat().st_size > 0
