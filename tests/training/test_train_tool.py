"""tools/train.py from its words to its files, on data sets of four pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from made_coco import write_set
from made_runs import DETECTOR, POSE, SMALL, load_tool, tiny_hrnet, write_config

import pose_track.training.tasks
from pose_track.datasets.coco import load_boxes, load_coco_people
from pose_track.datasets.images import ImageStore
from pose_track.models.centre import CentreNet
from pose_track.models.hrnet import NETWORKS
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training.checkpoint import load_checkpoint
from pose_track.weights.identify import recognise
from pose_track.weights.load import load_weights


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    write_set(root, 4)
    return root


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The tool, with tiny networks."""
    monkeypatch.setitem(NETWORKS, "hrnet_compact", tiny_hrnet)
    monkeypatch.setattr(pose_track.training.tasks, "centre_compact", lambda: CentreNet(**SMALL))
    threads = torch.get_num_threads()
    yield load_tool("train")
    torch.set_num_threads(threads)


def test_a_keypoint_network(tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write_config(tmp_path, POSE, made), tmp_path / "runs" / "a"
    assert tool.main([str(config), "--out", str(out), "--loop.seed", "5", "--loop.epochs=2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("pck ")
    assert printed.endswith(f" -> {out / 'weights.safetensors'}\n")
    names = ["checkpoint.pt", "log.csv", "pictures", "tensorboard", "weights.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == names
    with (out / "log.csv").open() as file:
        assert [(row["step"], row["epoch"]) for row in csv.DictReader(file)] == [("2", "1.0"), ("4", "2.0")]
    notes = load_weights(tiny_hrnet(15), out / "weights.safetensors")
    settings = json.loads(notes["settings"])
    assert (notes["task"], settings["pose.input_size"], settings["loop.seed"]) == ("pose", [32, 64], 5)
    assert 0 <= float(notes["pck"]) <= 1
    assert str(made) not in str(notes)  # where the data lay is nobody's business
    found = recognise(out / "weights.safetensors")
    assert (found.origin, found.num_joints, found.skeleton) == ("pose_track", 15, "posetrack_15")
    assert (found.input_size, found.kind, found.sigma, found.logits) == ((32, 64), "plain", 2, False)
    assert notes["network"] == "hrnet_compact"


def test_a_detector(tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    config, out = write_config(tmp_path, DETECTOR, made), tmp_path / "out"
    assert tool.main([str(config), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("ap50 ")
    notes = load_weights(CentreNet(**SMALL), out / "weights.safetensors")
    assert notes["task"] == "detector"
    assert "ap50_all" in notes


def test_a_run_goes_on_only_as_it_began(
    tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(write_config(tmp_path, POSE, made)), "--out", str(tmp_path / "out")]
    assert tool.main([*words, "--resume"]) == 0  # nothing there yet: begins
    before = (tmp_path / "out" / "weights.safetensors").read_bytes()
    capsys.readouterr()

    assert tool.main(words) == 2
    remedy = "give --resume to go on with it, or another --out"
    assert capsys.readouterr().err == f"error: {tmp_path / 'out'} holds a checkpoint; {remedy}\n"
    assert tool.main([*words, "--resume", "--pose.augmentation.rotation", "3"]) == 2
    assert "(its pose.augmentation.rotation was 45.0, now it is 3.0)" in capsys.readouterr().err
    assert tool.main([*words, "--resume", "--optimizer.learning_rate", "1"]) == 2
    assert "(its optimizer.learning_rate was 0.001, now it is 1.0)" in capsys.readouterr().err
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == before

    assert tool.main([*words, "--resume", "--loop.evaluate_every", "3"]) == 0  # at its end: only measured
    assert load_checkpoint(tmp_path / "out" / "checkpoint.pt")["step"] == 2
    assert "pck " in capsys.readouterr().out
    assert tool.main([*words, "--resume", "--loop.epochs", "2"]) == 0
    assert load_checkpoint(tmp_path / "out" / "checkpoint.pt")["step"] == 4


def test_the_folder_is_named_after_the_config(
    tmp_path: Path, made: Path, tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tool.main([str(write_config(tmp_path, POSE, made)), "--loop.evaluate_every", "9"]) == 0
    assert (tmp_path / "runs" / "run" / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--val.annotations", "none.json"], "no annotation file none.json"),
        (["--val.images", "none"], "no images at none; give a folder, a zip file or an uncompressed tar file"),
        (["--train", "[{annotations: none.json, images: images}]"], "no annotation file none.json"),
        (["--init_weights", "none.pth"], "there is no weights file 'none.pth'"),
        (["--init_trunk", "none.pth"], "there is no weights file 'none.pth'"),
        (["--pose.skeleton", "coco_17", "--pose.metric", "pckh"], "pckh cannot be measured"),
        (["--loop.batch_size", "5"], "4 samples do not fill one batch of 5; lower batch_size"),
        (["--hardware.device", "cuda"], "'cuda' was asked for but PyTorch finds no CUDA device here"),
        (["--loop.sed", "5"], "'loop.sed' is not a setting; did you mean 'loop.seed'?"),
        (["--loop.seed"], "--loop.seed needs a value"),
        (["again"], "'again' is neither an option nor a --section.setting"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    tmp_path: Path,
    made: Path,
    tool: ModuleType,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert tool.main([str(write_config(tmp_path, POSE, made)), *words]) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line
    assert not list(tmp_path.glob("runs/*/checkpoint.pt"))


def test_a_missing_config(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["none.yaml"]) == 2
    assert "there is no settings file 'none.yaml'" in capsys.readouterr().err


@pytest.fixture
def one_broken(tmp_path: Path, made: Path) -> Path:
    """The config of a run on four pictures of which the second is broken, measured on whole ones."""
    write_set(tmp_path, 4)
    (tmp_path / "images" / "1.png").write_bytes(b"broken")
    val = {"annotations": str(made / "people.json"), "images": str(made / "images")}
    return write_config(tmp_path, {**POSE, "val": val}, tmp_path)


def test_a_broken_picture_ends_the_run(one_broken: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([str(one_broken), "--out", str(one_broken.parent / "out")]) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert "1.png: not a picture that OpenCV reads" in line


def test_or_another_stands_in_for_it(one_broken: Path, tool: ModuleType) -> None:
    out = one_broken.parent / "out"
    assert tool.main([str(one_broken), "--out", str(out), "--loop.on_broken", "skip"]) == 0
    with (out / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["broken"]) == 1


def test_drawn_figures_are_a_data_set(tmp_path: Path) -> None:
    load_tool("make_figures").main(["--out", str(tmp_path), "--images", "2", "--seed", "6"])
    people = load_coco_people(tmp_path / "figures.json", POSETRACK_15)
    pictures, store = load_boxes(tmp_path / "figures.json"), ImageStore(tmp_path / "images")
    assert [picture.file_name for picture in pictures] == ["000006.jpg", "000007.jpg"]
    assert all(store.read(p.file_name).shape == (p.height, p.width, 3) for p in pictures)
    assert {picture.source for picture in pictures} == {"figures"}
    assert 0 < len(people) <= sum(len(picture.boxes) for picture in pictures) <= 7
    for person in people:
        seen = person.joints[person.visibility > 0]
        assert (seen > person.box[:2] - 12).all()
        assert (seen < person.box[2:] + 12).all()
