"""A skeleton of one's own, from a training config to results: drawn animals of 12 joints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from command_line import run_command
from drawn_animals import write_animals
from tiny_runs import tiny_hrnet

from pose_track.config.load import load_settings
from pose_track.datasets.labels import PersonLabel
from pose_track.formats.tracks_source import TracksSource
from pose_track.models.codec import Codec
from pose_track.models.metadata import pose_metadata
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import LSP_14
from pose_track.structures.skeleton_record import parse_skeleton
from pose_track.training.config import TrainingConfig
from pose_track.training.joint_coverage import check_coverage
from pose_track.training.tasks import build_network, build_task
from pose_track.weights.load import save_weights

NAMES = [
    "nose", "left_ear", "right_ear", "withers", "croup", "tail_tip", "left_elbow", "right_elbow",
    "left_fore_hoof", "right_fore_hoof", "left_hind_hoof", "right_hind_hoof",
]  # fmt: skip
SKELETON: dict[str, Any] = {
    "name": "made_horse",
    "joints": NAMES,
    "edges": [
        ["nose", "left_ear"], ["nose", "right_ear"], ["nose", "withers"], ["withers", "croup"], ["croup", "tail_tip"],
        ["withers", "left_elbow"], ["withers", "right_elbow"], ["left_elbow", "left_fore_hoof"],
        ["right_elbow", "right_fore_hoof"], ["croup", "left_hind_hoof"], ["croup", "right_hind_hoof"],
    ],
    "sigmas": [0.03, 0.04, 0.04, 0.08, 0.08, 0.06, 0.07, 0.07, 0.05, 0.05, 0.05, 0.05],
    "colours": [
        [255, 255, 0], [255, 160, 0], [160, 255, 0], [255, 255, 255], [200, 200, 200], [255, 0, 255], [255, 80, 80],
        [80, 80, 255], [255, 0, 0], [0, 0, 255], [255, 120, 0], [0, 200, 255],
    ],
}  # fmt: skip
HORSE = parse_skeleton(SKELETON)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn animals, and a skeleton file with other names for their joints."""
    root = tmp_path_factory.mktemp("animals")
    write_animals(root, "animals", 4, seed=0, joints=NAMES)
    (root / "made_horse.yaml").write_text(yaml.safe_dump(SKELETON))
    return root


def write_config(root: Path, **values: Any) -> Path:
    source = {"annotations": str(root / "animals.json"), "images": str(root / "animals")}
    pose = {"skeleton": "made_horse.yaml", "input_size": [64, 64], **values.pop("pose", {})}
    common = {"task": "pose", "train": [source], "val": source, "pose": pose}
    loop = {"epochs": 1, "batch_size": 4}
    path = root / "horse.yaml"
    path.write_text(yaml.safe_dump({**common, "loop": loop, "hardware": {"device": "cpu"}, **values}))
    return path


def load_config(root: Path, **values: Any) -> TrainingConfig:
    return load_settings(TrainingConfig, write_config(root, **values))


@pytest.fixture
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, tiny_hrnet)


def test_from_bundled_weights_to_tracks(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The weights state the skeleton, and so do the results, which need no file of it."""
    run, weights = tmp_path / "run", tmp_path / "run" / "weights.safetensors"
    caplog.set_level("INFO")
    assert run_command("train", write_config(root, init_weights="bundled"), "--out", run) == 0
    taken, new, *_ = (message for message in caplog.messages if "bundled" in message)
    assert taken.endswith("nose, left_elbow, right_elbow")
    assert all(name in new for name in set(NAMES) - {"nose", "left_elbow", "right_elbow"})

    boxes = [f"{n},-1,10,10,140,100,0.9\n" for n in range(1, 5)]
    (tmp_path / "boxes.txt").write_text("".join(boxes))
    detector = ("--detector.name", "recorded", "--detector.boxes", tmp_path / "boxes.txt")
    out = tmp_path / "out"
    assert run_command("track", root / "animals", "--out", out, "--pose.weights", weights, *detector) == 0
    assert {path.name for path in (out / "animals").iterdir()} == {"tracks.jsonl", "annotated.mp4"}
    tracks = out / "animals" / "tracks.jsonl"
    assert TracksSource(tracks).skeleton == HORSE

    assert run_command("finish", tracks, tmp_path / "finished.jsonl") == 0
    assert TracksSource(tmp_path / "finished.jsonl").skeleton == HORSE
    assert run_command("convert", tracks, tmp_path / "a.json", "--to", "posetrack18") == 2
    assert run_command("convert", tracks, tmp_path / "a.json", "--to", "coco") == 0
    skeleton = ("--skeleton", root / "made_horse.yaml")
    assert run_command("convert", tmp_path / "a.json", tmp_path / "a.csv", "--to", "csv", *skeleton) == 0


@pytest.mark.usefixtures("tiny_networks")
def test_metrics_name_what_they_are_measured_by(root: Path) -> None:
    """Without shoulders and hips that is the box."""
    task = build_task(load_config(root), "cpu")
    metrics = task.evaluate(task.network)
    assert next(iter(metrics)) == "pck_box"
    assert metrics.keys() >= {"pck_box_nose", "pck_box_fore_hoof"}


@pytest.mark.usefixtures("tiny_networks")
def test_the_flip_exchanges_the_pairs_of_the_file(root: Path) -> None:
    always = {"augmentation": {"flip_chance": 1.0, "scale": 0.0, "rotation_chance": 0.0, "half_body_chance": 1.0}}
    flipped, plain = (
        build_task(load_config(root, pose=pose), "cpu").data.sample(0, 0)
        for pose in (always, {"augmentation": {**always["augmentation"], "flip_chance": 0.0}})
    )
    mirrored = plain.target[HORSE.flip_indices][:, :, ::-1]
    peaks = [maps.reshape(12, -1).argmax(axis=1) for maps in (flipped.target, mirrored)]
    columns = [peak % 16 for peak in peaks]
    assert np.abs(columns[0] - columns[1]).max() <= 1


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize(
    ("renamed", "named"),
    [
        (NAMES[1:], r"labels none|label only 1 of the 12 .*\(nose\)"),
        (NAMES, r"labels none of the joints of made_horse"),
        (NAMES[5:], "label only 5 of the 12"),
    ],
)
def test_too_few_joints_stop_the_run(root: Path, tmp_path: Path, renamed: list[str], named: str) -> None:
    data = json.loads((root / "animals.json").read_text())
    data["categories"][0]["keypoints"] = [f"part {name}" if name in renamed else name for name in NAMES]
    path = tmp_path / "renamed.json"
    path.write_text(json.dumps(data))
    source = {"annotations": str(path), "images": str(root / "animals")}
    with pytest.raises(ValueError, match=named):
        build_task(load_config(root, train=[source]), "cpu")


def people(*labelled: str) -> list[PersonLabel]:
    visibility = np.array([2 * (name in labelled) for name in NAMES])
    return [PersonLabel("a.png", np.zeros((12, 2)), visibility, np.array([0.0, 0, 9, 9]))]


def test_joints_may_come_from_several_data_sets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    check_coverage([people(*NAMES[:4]), people(*NAMES[3:7])], HORSE)
    warning, pairs, halves = caplog.messages
    assert all(name in warning for name in NAMES[7:])
    assert "left_elbow and right_elbow" in pairs
    assert "half-body" in halves
    with pytest.raises(ValueError, match="label only 4 of the 12"):
        check_coverage([people(*NAMES[:4]), people(*NAMES[2:4])], HORSE)


@pytest.mark.usefixtures("tiny_networks")
def test_joint_weights_need_such_joints(root: Path) -> None:
    skeleton = {"name": "fish", "joints": ["nose", "tail_tip"]}
    with pytest.raises(ValueError, match=r"use_joint_weights .*fish"):
        build_task(load_config(root, pose={"skeleton": skeleton, "use_joint_weights": True}), "cpu")


@pytest.mark.usefixtures("tiny_networks")
def test_the_same_joints_are_loaded_strictly(root: Path, tmp_path: Path) -> None:
    """Another skeleton's weights start a run, but are not measured as if they were this one's."""
    path = tmp_path / "lsp.safetensors"
    torch.manual_seed(7)
    save_weights(tiny_hrnet(14), path, pose_metadata("tiny", LSP_14, Codec("gaussian", (64, 64))))
    same, other = (load_config(root, init_weights=str(path), pose={"skeleton": name}) for name in ("lsp_14", "coco_17"))
    assert build_network(same).final_layer.out_channels == 14
    assert build_network(other, new_head=True).final_layer.out_channels == 17
    with pytest.raises(ValueError, match=r"lsp\.safetensors.*lsp_14.*coco_17"):
        build_network(other)
