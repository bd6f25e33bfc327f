"""`pose-track train`, from its arguments to its files, on data sets of four images."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import run_command
from tiny_coco import write_coco_dataset
from tiny_runs import DETECTOR, POSE, SMALL, tiny_hrnet, write_config

import pose_track.training.tasks
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.datasets.coco import load_boxes, load_coco_people
from pose_track.datasets.images import ImageStore
from pose_track.models.centre import CentreNet
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training.checkpoint import load_checkpoint
from pose_track.utils.folder_lock import LOCK_FILES, locked_folder
from pose_track.weights.identify import identify_weights
from pose_track.weights.load import load_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_coco_dataset(root, 4)
    return root


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(NETWORKS, "hrnet_compact", tiny_hrnet)
    monkeypatch.setattr(pose_track.training.tasks, "centre_compact", lambda: CentreNet(**SMALL))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_keypoint_network(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write_config(tmp_path, POSE, data), tmp_path / "runs" / "a"
    assert run_command("train", str(config), "--out", str(out), "--loop.seed", "5", "--loop.epochs=2") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("pck ")
    assert printed.endswith(f" -> {out / 'weights.safetensors'}\n")
    names = ["checkpoint.pt", "config.yaml", "images", "log.csv", "tensorboard", "weights.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == names
    with (out / "log.csv").open() as file:
        assert [(row["step"], row["epoch"]) for row in csv.DictReader(file)] == [("2", "1.0"), ("4", "2.0")]
    metadata = load_weights(tiny_hrnet(15), out / "weights.safetensors")
    settings = json.loads(metadata["settings"])
    assert (metadata["task"], settings["pose.input_size"], settings["loop.seed"]) == ("pose", [32, 64], 5)
    assert 0 <= float(metadata["pck"]) <= 1
    assert str(data) not in str(metadata)  # no paths of the data
    identified = identify_weights(out / "weights.safetensors")
    assert (identified.naming, identified.num_joints, identified.skeleton) == ("pose_track", 15, POSETRACK_15)
    assert (identified.input_size, identified.heatmap_type, identified.sigma) == ((32, 64), "gaussian", 2)
    assert metadata["network"] == "hrnet_compact"


def test_one_run_at_a_time_in_a_folder(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write_config(tmp_path, POSE, data), tmp_path / "run"
    with locked_folder(out):
        assert run_command("train", str(config), "--out", str(out)) == EXIT_ERROR
        assert {path.name for path in out.iterdir()} == set(LOCK_FILES)
    (line,) = capsys.readouterr().err.splitlines()
    assert str(out) in line
    assert str(os.getpid()) in line


def test_a_detector(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write_config(tmp_path, DETECTOR, data), tmp_path / "out"
    assert run_command("train", str(config), "--out", str(out)) == 0
    assert capsys.readouterr().out.startswith("ap50 ")
    metadata = load_weights(CentreNet(**SMALL), out / "weights.safetensors")
    assert metadata["task"] == "detector"
    assert "ap50_all" in metadata


def test_a_resumed_run_keeps_its_settings(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(write_config(tmp_path, POSE, data)), "--out", str(tmp_path / "out")]
    assert run_command("train", *arguments, "--resume") == 0  # there is no checkpoint yet: starts
    before = (tmp_path / "out" / "weights.safetensors").read_bytes()
    capsys.readouterr()

    assert run_command("train", *arguments) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "out") in error
    assert "--resume" in error
    assert run_command("train", *arguments, "--resume", "--pose.augmentation.rotation", "3") == 2
    assert "(its pose.augmentation.rotation was 45.0, now it is 3.0)" in capsys.readouterr().err
    assert run_command("train", *arguments, "--resume", "--optimizer.learning_rate", "1") == 2
    assert "(its optimizer.learning_rate was 0.001, now it is 1.0)" in capsys.readouterr().err
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == before

    assert (
        run_command("train", *arguments, "--resume", "--loop.evaluate_every", "3") == 0
    )  # already at its end: only evaluates
    assert load_checkpoint(tmp_path / "out" / "checkpoint.pt")["step"] == 2
    assert "pck " in capsys.readouterr().out
    assert run_command("train", *arguments, "--resume", "--loop.epochs", "2") == 0
    assert load_checkpoint(tmp_path / "out" / "checkpoint.pt")["step"] == 4


@pytest.mark.parametrize("content", ["cut off", "a foreign class", "another program's"])
def test_resuming_from_a_foreign_checkpoint(
    content: str, tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PyTorch's own errors say how to load a file so that code in it runs."""
    out = tmp_path / "out"
    arguments = [write_config(tmp_path, POSE, data), "--out", out]
    assert run_command("train", *arguments) == 0
    checkpoint = out / "checkpoint.pt"
    if content == "cut off":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    else:
        torch.save({"step": 1, "path": Path("a")} if "class" in content else [1, 2], checkpoint)
    capsys.readouterr()
    assert run_command("train", "--resume", out) == EXIT_ERROR
    printed = "".join(capsys.readouterr())
    assert len(printed.splitlines()) == 1
    assert str(checkpoint) in printed
    assert "weights_only" not in printed


def test_resuming_needs_the_folder_alone(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From another working folder, without the config and without the initial weights."""
    first, second = tmp_path / "first", tmp_path / "second"
    config = write_config(tmp_path, POSE)  # its data are relative to the working folder
    monkeypatch.chdir(data)
    assert run_command("train", config, "--out", first) == 0
    changes = ["--optimizer.learning_rate", "0.01", "--init_weights", first / "weights.safetensors"]
    assert run_command("train", config, "--out", second, *changes) == 0
    config.unlink()
    (first / "weights.safetensors").unlink()
    (second / "weights.safetensors").unlink()

    monkeypatch.chdir(tmp_path)
    assert run_command("train", "--resume", "second", "--loop.epochs", 2, "--hardware.threads", 2) == 0
    checkpoint = load_checkpoint(second / "checkpoint.pt")
    assert (checkpoint["step"], checkpoint["settings"]["optimizer.learning_rate"]) == (4, 0.01)
    assert run_command("train", "--out", "second", "--resume") == 0  # at its end, which the folder has noted
    assert (second / "weights.safetensors").exists()

    capsys.readouterr()
    assert run_command("train", "--resume", "second", "--optimizer.learning_rate", "0.02") == 2
    assert "(its optimizer.learning_rate was 0.01, now it is 0.02)" in capsys.readouterr().err
    assert load_checkpoint(second / "checkpoint.pt")["step"] == 4


def test_a_run_that_ended_before_its_first_checkpoint_is_started(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    assert run_command("train", write_config(tmp_path, POSE, data), "--out", out) == 0
    (out / "checkpoint.pt").unlink()
    assert run_command("train", "--resume", out) == 0
    assert load_checkpoint(out / "checkpoint.pt")["step"] == 2
    assert run_command("train", "--resume", tmp_path / "run.yaml", "--out", out) == 0  # the config after --resume


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--resume DIR"),
        (["--out", "runs/a"], "--resume DIR"),
        (["--resume"], "--resume DIR"),
        (["--resume", "runs/a"], "runs/a has no config.yaml"),
        (["--resume", "--out", "runs/a"], "runs/a has no config.yaml"),
        (["--resume", "runs/a", "--out", "runs/b"], "runs/a and --out runs/b"),
    ],
)
def test_no_run_to_resume(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("train", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_the_folder_is_named_after_the_config(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("train", str(write_config(tmp_path, POSE, data)), "--loop.evaluate_every", "9") == 0
    assert (tmp_path / "runs" / "run" / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--val.annotations", "none.json"], "no annotation file none.json"),
        (["--val.images", "none"], "no images at none"),
        (["--train", "[{annotations: none.json, images: images}]"], "no annotation file none.json"),
        (["--init_weights", "none.pth"], "there is no weights file 'none.pth'"),
        (["--init_trunk", "none.pth"], "there is no weights file 'none.pth'"),
        (["--pose.skeleton", "coco_17", "--pose.metric", "pckh"], "pckh"),
        (["--loop.batch_size", "5"], "batch_size"),
        (["--hardware.device", "cuda"], "'cuda'"),
        (["--loop.sed", "5"], "did you mean 'loop.seed'"),
        (["--loop.seed"], "--loop.seed needs a value"),
        (["again"], "'again'"),
    ],
)
def test_errors_are_one_line(
    tmp_path: Path,
    data: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run_command("train", str(write_config(tmp_path, POSE, data)), *arguments) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line
    assert not list(tmp_path.glob("runs/*/checkpoint.pt"))


def test_a_missing_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train", "none.yaml") == 2
    assert "there is no settings file 'none.yaml'" in capsys.readouterr().err


@pytest.mark.parametrize(("base", "left_out"), [(POSE, "keypoints"), (DETECTOR, "all")])
def test_labels_of_nobody_name_their_file(
    tmp_path: Path, base: dict[str, Any], left_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = write_coco_dataset(tmp_path, 4)
    data = json.loads(labels.read_text())
    for annotation in data["annotations"]:
        annotation.pop("keypoints")
    kept = data["annotations"] if left_out == "keypoints" else []
    labels.write_text(json.dumps(data | {"annotations": kept}))
    assert run_command("train", write_config(tmp_path, base, tmp_path), "--out", tmp_path / "out") == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert "people.json" in line


@pytest.fixture
def one_broken(tmp_path: Path, data: Path) -> Path:
    """The config of a run on four images, the second broken; the validation images are not."""
    write_coco_dataset(tmp_path, 4)
    (tmp_path / "images" / "1.png").write_bytes(b"broken")
    val = {"annotations": str(data / "people.json"), "images": str(data / "images")}
    return write_config(tmp_path, {**POSE, "val": val}, tmp_path)


def test_a_broken_image_ends_the_run(one_broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train", str(one_broken), "--out", str(one_broken.parent / "out")) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert "1.png" in line


def test_a_broken_image_is_replaced(one_broken: Path) -> None:
    out = one_broken.parent / "out"
    assert run_command("train", str(one_broken), "--out", str(out), "--loop.on_broken", "skip") == 0
    with (out / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["broken"]) == 1


def test_make_figures(tmp_path: Path) -> None:
    assert run_command("make-figures", "--out", tmp_path, "--images", 2, "--seed", 6) == 0
    people = load_coco_people(tmp_path / "figures.json", POSETRACK_15)
    images, store = load_boxes(tmp_path / "figures.json"), ImageStore(tmp_path / "images")
    assert [image.file_name for image in images] == ["000006.jpg", "000007.jpg"]
    assert all(store.read(p.file_name).shape == (p.height, p.width, 3) for p in images)
    assert {image.source for image in images} == {"figures"}
    assert 0 < len(people) <= sum(len(image.boxes) for image in images) <= 7
    for person in people:
        seen = person.joints[person.visibility > 0]
        assert (seen > person.box[:2] - 12).all()
        assert (seen < person.box[2:] + 12).all()
