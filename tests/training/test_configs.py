"""The training configs of the project: their settings and their header comments."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from annotation_files import posetrack17_frame, posetrack17_rect, write_json
from command_line import run_command
from scipy.io import savemat
from tiny_coco import write_images
from tiny_runs import ROOT, tiny_hrnet

from pose_track.config.load import load_settings
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.codec import Codec
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import COCO_17
from pose_track.training.config import TrainingConfig
from pose_track.training.optimizer import learning_rate_at
from pose_track.weights.entries.entry import PublishedWeights
from pose_track.weights.zoo import ZOO

FOLDER = ROOT / "configs" / "train"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
COCO = PoseAugmentation(scale=0.35, rotation=45, half_body_chance=0.3)
LITE = PoseAugmentation(scale=0.25, rotation=30, half_body_chance=0.3)
MPII = PoseAugmentation(scale=0.25, rotation=30, half_body_chance=0)


class Recipe(NamedTuple):
    """A published recipe. rates: (epoch, learning rate) at the start, around each milestone, and at the end."""

    network: str
    skeleton: str
    input_size: tuple[int, int]
    sigma: float
    batch_size: int
    augmentation: PoseAugmentation
    rates: tuple[tuple[float, float], ...]


LONG = ((0, 1e-3), (169.99, 1e-3), (170, 1e-4), (199.99, 1e-4), (200, 1e-5), (209.99, 1e-5))
WARMED_UP = ((2, 2e-3), (169.99, 2e-3), (170, 2e-4), (199.99, 2e-4), (200, 2e-5), (209.99, 2e-5))
SHORT = ((0, 1e-4), (9.99, 1e-4), (10, 1e-5), (14.99, 1e-5), (15, 1e-6), (19.99, 1e-6))

PUBLISHED = {
    "coco_lite18_256x192": Recipe("lite_hrnet_18", "coco_17", (192, 256), 2, 512, LITE, WARMED_UP),
    "coco_w32_256x192": Recipe("hrnet_w32", "coco_17", (192, 256), 2, 128, COCO, LONG),
    "coco_w32_256x192_scratch": Recipe("hrnet_w32", "coco_17", (192, 256), 2, 128, COCO, LONG),
    "coco_w32_384x288": Recipe("hrnet_w32", "coco_17", (288, 384), 3, 128, COCO, LONG),
    "coco_w48_256x192": Recipe("hrnet_w48", "coco_17", (192, 256), 2, 128, COCO, LONG),
    "coco_w48_384x288": Recipe("hrnet_w48", "coco_17", (288, 384), 3, 96, COCO, LONG),
    "mpii_w32_256x256": Recipe("hrnet_w32", "mpii_16", (256, 256), 2, 128, MPII, LONG),
    "mpii_w48_256x256": Recipe("hrnet_w48", "mpii_16", (256, 256), 2, 128, MPII, LONG),
    "posetrack17_w48_384x288": Recipe("hrnet_w48", "posetrack_15", (288, 384), 3, 96, COCO, SHORT),
}


def load(stem: str) -> TrainingConfig:
    return load_settings(TrainingConfig, FOLDER / f"{stem}.yaml")


def test_names_of_the_configs() -> None:
    assert {path.stem for path in CONFIGS} == {*PUBLISHED, "pose_compact", "detector_compact"}


@pytest.mark.parametrize("stem", PUBLISHED)
def test_published_recipes(stem: str) -> None:
    recipe, config = PUBLISHED[stem], load(stem)
    pose, loop, optimizer = config.pose, config.loop, config.optimizer
    assert (config.task, pose.network, pose.skeleton.name) == ("pose", recipe.network, recipe.skeleton)
    assert pose.codec == Codec("gaussian", recipe.input_size, recipe.sigma)
    assert (pose.loss, pose.use_joint_weights, pose.flip_test) == ("mse", False, True)
    assert pose.augmentation == recipe.augmentation
    assert loop.batch_size == recipe.batch_size
    assert (optimizer.name, loop.clip_norm, loop.ema_decay, loop.evaluate_every) == ("adam", None, 0, 1)
    length = 149_813 // loop.batch_size * loop.batch_size  # of an epoch of COCO
    num_samples = round(loop.epochs * length)
    rates = [learning_rate_at(round(epoch * length), length, num_samples, optimizer) for epoch, _ in recipe.rates]
    assert rates == pytest.approx([rate for _, rate in recipe.rates])
    assert recipe.rates[-1][0] == loop.epochs - 0.01


@pytest.mark.parametrize("stem", PUBLISHED)
def test_initial_weights(stem: str) -> None:
    """Those of ImageNet, except for the runs from scratch and the fine-tuning from COCO."""
    trunk = load(stem).init_trunk
    if stem in ("coco_w32_256x192_scratch", "coco_lite18_256x192"):
        assert trunk is None
    else:
        of_coco = stem.startswith("posetrack")
        assert str(trunk) == ("hrnet_w48_coco_384x288" if of_coco else f"{load(stem).pose.network}_imagenet")
        assert str(trunk) in ZOO


def header(path: Path) -> str:
    """The comment at the beginning of a config."""
    lines = path.read_text().splitlines()
    return "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])


def commands(path: Path) -> list[list[str]]:
    """The arguments, after `tools/`, of each training or evaluation command in the header."""
    lines = [line.removeprefix("#").strip() for line in header(path).splitlines() if line.startswith("#   ")]
    words = [shlex.split(line.partition("tools/")[2]) for line in lines if line.startswith(("python ", "torchrun "))]
    return [command for command in words if command[0] in ("train.py", "evaluate_pose.py")]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_header(path: Path) -> None:
    """The header has the commands, the location of the data, and the expected metric."""
    text, config = header(path), load_settings(TrainingConfig, path)
    assert {words[1] for words in commands(path)} == {f"configs/train/{path.name}"}
    assert "\n# Data: " in text
    assert "\n# Result: " in text
    files = [source.annotations for source in (*config.train, config.val)]
    guide = (ROOT / "data" / "README.md").read_text()
    for file in files:
        assert file.parts[0] == "data"
        assert f"data/{file.parts[1]}" in text
        assert f"`{file.parts[1]}/`" in guide
    assert (config.init_trunk is not None) == ("downloaded once" in text)


@pytest.mark.parametrize(
    ("path", "words"),
    [pytest.param(path, words, id=shlex.join(words)) for path in CONFIGS for words in commands(path)],
)
def test_commands_fail_only_for_missing_data(
    path: Path, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, tiny_hrnet)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", without_network)
    command = {"train.py": "train", "evaluate_pose.py": "evaluate-pose"}[words[0]]
    assert run_command(command, path, *words[2:], "--hardware.device", "cpu", "--hardware.devices", "1") == 2
    error = capsys.readouterr().err
    missing = ("no annotation file data/", "no images at data/", "there is no weights file '", "cannot fetch hrnet_w")
    assert error.startswith(tuple(f"error: {what}" for what in missing))
    assert not list(tmp_path.iterdir())


def without_network(published: PublishedWeights) -> Path:
    raise ConnectionError(f"cannot fetch {published.name}")


# Runs on data in the layout of data/README.md


def joints_of(annotation: dict[str, Any], count: int) -> np.ndarray:
    """(count, 2) joints in the box of a person of `tiny_coco`."""
    left, top, width, height = annotation["bbox"]
    return np.random.default_rng(0).uniform((left, top), (left + width, top + height), (count, 2))


def write_coco(root: Path) -> None:
    (root / "annotations").mkdir(parents=True)
    for part in ("train2017", "val2017"):
        data = write_images(root / part, 2)
        data["categories"][0]["keypoints"] = list(COCO_17.joint_names)
        for annotation in data["annotations"]:
            keypoints = np.column_stack([joints_of(annotation, 17), np.full(17, 2)])
            annotation |= {"keypoints": keypoints.ravel().tolist(), "area": 2000}
        write_json(root / "annotations" / f"person_keypoints_{part}.json", data)


def write_mpii(root: Path) -> None:
    (root / "annot").mkdir(parents=True)
    data = write_images(root / "images", 2)
    joints = [joints_of(annotation, 16) for annotation in data["annotations"]]
    person = {"center": [41, 41], "scale": 0.3, "joints_vis": [1] * 16}
    people = [{**person, "image": f"{i}.png", "joints": xy.tolist()} for i, xy in enumerate(joints)]
    for part in ("train", "valid"):
        write_json(root / "annot" / f"{part}.json", people)
    heads = np.zeros((2, 2, 2))
    heads[1] = 20  # corners in pixels from 1
    truth = {"pos_gt_src": np.stack(joints, axis=-1), "jnt_missing": np.zeros((16, 2)), "headboxes_src": heads}
    savemat(root / "annot" / "gt_valid.mat", truth)


def write_posetrack17(root: Path) -> None:
    for part in ("train", "val"):
        (root / "annotations" / part).mkdir(parents=True)
        annotations = write_images(root / "images" / "bonn" / part, 2)["annotations"]
        people = [
            posetrack17_rect({k: (*xy,) for k, xy in enumerate(joints_of(annotation, 15).tolist())})
            for annotation in annotations
        ]
        names = [f"images/bonn/{part}/{i}.png" for i in range(2)]
        frames = [posetrack17_frame(name, person) for name, person in zip(names, people, strict=True)]
        write_json(root / "annotations" / part / "1.json", {"annolist": frames})


@pytest.mark.parametrize(
    ("stem", "data", "write", "figure"),
    [
        ("coco_w32_256x192", "coco", write_coco, "AP "),
        ("mpii_w48_256x256", "mpii", write_mpii, "Mean "),
        ("posetrack17_w48_384x288", "posetrack17", write_posetrack17, "pck "),
    ],
)
def test_published_configs_on_tiny_data(
    stem: str,
    data: str,
    write: Callable[[Path], None],
    figure: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, tiny_hrnet)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data" / data)
    torch.save(tiny_hrnet(17).state_dict(), tmp_path / "trunk.pth")
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", lambda published: tmp_path / "trunk.pth")
    short = {"loop.epochs": "1", "loop.batch_size": "2", "loop.workers": "0", "hardware.device": "cpu"}
    words = [f"--{key}={value}" for key, value in short.items()]
    assert run_command("train", FOLDER / f"{stem}.yaml", *words) == 0
    assert capsys.readouterr().out.startswith(figure)
    assert (tmp_path / "runs" / stem / "weights.safetensors").is_file()
