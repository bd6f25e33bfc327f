"""A detector that imitates the features of another while it is trained."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_coco import write_images
from tiny_runs import DETECTOR, write_config
from tiny_tasks import SMALL
from tiny_teacher import FEATURES, write_teacher

from pose_track.config.load import load_settings
from pose_track.models.centre import CentreNet
from pose_track.runtime.intermediate_outputs import IntermediateOutputs
from pose_track.training import tasks
from pose_track.training.config import TrainingConfig
from pose_track.training.imitation import ImitatingNet
from pose_track.training.loop import Task, Trainer
from pose_track.weights.load import load_weights, save_weights


@pytest.fixture
def teacher(tmp_path: Path) -> IntermediateOutputs:
    return IntermediateOutputs(write_teacher(tmp_path / "teacher.onnx"), FEATURES, 64, threads=1)


@pytest.fixture
def imitating(teacher: IntermediateOutputs) -> ImitatingNet:
    torch.manual_seed(0)
    return ImitatingNet(CentreNet(**SMALL), teacher, 64)


def test_the_output_is_the_networks_own(imitating: ImitatingNet) -> None:
    x = torch.randn(2, 3, 64, 64)
    output, loss = imitating.eval()(x)
    assert torch.equal(output, imitating.network(x))
    assert loss.ndim == 0


def test_training_brings_the_features_closer(imitating: ImitatingNet) -> None:
    """The loss reaches the trunk and every projection."""
    optimizer, x = torch.optim.Adam(imitating.parameters(), 0.01), torch.randn(4, 3, 64, 64)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = imitating(x)[1]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.7
    assert losses[-1] < 0.6 * losses[0]
    trained = [imitating.network.trunk.conv1, *imitating.projections]
    assert all(layer.weight.grad.abs().sum() > 0 for layer in trained)


def test_a_copy_shares_the_teacher(imitating: ImitatingNet) -> None:
    assert len(imitating.state_dict()) == len(imitating.network.state_dict()) + len(FEATURES)
    copy.deepcopy(imitating)(torch.randn(2, 3, 64, 64))


@pytest.mark.parametrize("names", [FEATURES[::-1], FEATURES[:3]], ids=["another order", "too few"])
def test_features_of_other_sizes_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    teacher = IntermediateOutputs(write_teacher(tmp_path / "teacher.onnx"), names, 64)
    with pytest.raises(ValueError, match=r"features .*\(8, 8\)"):
        ImitatingNet(CentreNet(**SMALL), teacher, 64)


# As a training task


def detector_task(folder: Path, monkeypatch: pytest.MonkeyPatch, **teacher: Any) -> Task:
    monkeypatch.setattr(tasks, "centre_compact", lambda: CentreNet(**SMALL))
    (folder / "people.json").write_text(json.dumps(write_images(folder / "images", 4)))
    values = {"model": str(write_teacher(folder / "teacher.onnx")), "features": list(FEATURES), **teacher}
    base = {**DETECTOR, "detector": {**DETECTOR["detector"], "teacher": values}}
    return tasks.build_task(load_settings(TrainingConfig, write_config(folder, base, folder), {}), "cpu")


def trained(folder: Path, task: Task) -> Trainer:
    config = load_settings(TrainingConfig, folder / "run.yaml", {})
    return Trainer(task, config.loop, config.optimizer, folder / "out")


def test_the_result_is_a_network_without_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = detector_task(tmp_path, monkeypatch)
    trainer = trained(tmp_path, task)
    assert "ap50" in trainer.run()
    save_weights(trainer.result, tmp_path / "weights.safetensors")
    load_weights(CentreNet(**SMALL), tmp_path / "weights.safetensors")


def test_a_run_resumes_with_its_projections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = detector_task(tmp_path, monkeypatch)
    trainer = trained(tmp_path, task)
    trainer.run()
    resumed = trained(tmp_path, detector_task(tmp_path, monkeypatch))
    resumed.resume()
    assert resumed.step == trainer.step
    for name, value in trainer.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_the_weight_of_the_imitation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    light, heavy = (detector_task(tmp_path, monkeypatch, weight=weight) for weight in (1.0, 3.0))
    output = torch.zeros(1, 5, 8, 8), torch.tensor(0.5)
    targets = torch.zeros(1, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 8), torch.ones(1, 8, 8)
    assert heavy.loss(output, *targets) - light.loss(output, *targets) == pytest.approx(1.0)


def test_a_tensor_that_the_teacher_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"teacher\.onnx.*stride_9"):
        detector_task(tmp_path, monkeypatch, features=["stride_9", *FEATURES[1:]])
