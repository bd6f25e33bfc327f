"""A Lite-HRNet from `pose-track train` to its weights, another head on them, and joints of the whole body."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from command_line import run_command
from tiny_coco import write_coco_dataset
from tiny_runs import POSE, write_config

from pose_track.structures.skeleton import COCO_WHOLEBODY_133, POSETRACK_15
from pose_track.weights.identify import identify_weights, load_hrnet


@pytest.fixture(autouse=True)
def same_number_of_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_from_the_command_to_weights_and_a_new_head(tmp_path: Path) -> None:
    write_coco_dataset(tmp_path, 4)
    config = {**POSE, "pose": {"input_size": [32, 64], "network": "lite_hrnet_18"}}
    first, second = tmp_path / "first", tmp_path / "second"
    assert run_command("train", write_config(tmp_path, config, tmp_path), "--out", first) == 0
    weights = first / "weights.safetensors"
    identified = identify_weights(weights)
    assert (identified.network, identified.naming, identified.skeleton) == ("lite_hrnet_18", "pose_track", POSETRACK_15)
    assert run_command("evaluate-pose", tmp_path / "run.yaml", "--weights", weights) == 0
    options = ("--pose.skeleton", "lsp_14", "--init_weights", weights, "--optimizer.learning_rate", "1e-12")
    assert run_command("train", tmp_path / "run.yaml", "--out", second, *options) == 0
    before, after = (load_hrnet(folder / "weights.safetensors")[0].state_dict() for folder in (first, second))
    name = "stage2.1.fuse_layers.0.1.0.weight"
    torch.testing.assert_close(before[name], after[name], atol=1e-3, rtol=1e-3)
    assert after["final_layer.weight"].shape[0] == 14


def test_joints_that_few_labels_have_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coco_dataset(tmp_path, 2)
    config = {**POSE, "pose": {"input_size": [32, 64], "network": "lite_hrnet_18"}}
    options = ("--pose.skeleton", "coco_wholebody_133", "--out", tmp_path / "out")
    assert run_command("train", write_config(tmp_path, config, tmp_path), *options) == 2
    assert f"label only 13 of the {COCO_WHOLEBODY_133.num_joints} joints" in capsys.readouterr().err
