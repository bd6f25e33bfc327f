"""Speed of training, and `pose-track benchmark train`."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import run_command
from lightning_fabric import Fabric
from tiny_coco import write_coco_dataset
from tiny_runs import POSE, tiny_hrnet, write_config
from tiny_tasks import NumberData, NumberSample, number_task
from torch import Tensor

from pose_track.benchmarks.speed.training import TrainingSpeed, compare_training, describe_backend, measure_training
from pose_track.models.networks import NETWORKS
from pose_track.training.loop import Trainer
from pose_track.training.options import LoopOptions, OptimizerOptions


class SlowNumbers(NumberData):
    """A data set in which each sample takes 10 ms."""

    def sample(self, index: int, seed: int) -> NumberSample:
        time.sleep(0.01)
        return super().sample(index, seed)


def square(output: Tensor, targets: Tensor) -> Tensor:
    return (output - targets).square().mean()


def trainer(folder: Path, data: NumberData | None = None, epochs: float = 4) -> Trainer:
    options = LoopOptions(epochs=epochs, batch_size=4)
    return Trainer(number_task(square, data), options, OptimizerOptions(), folder)


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_waiting_for_data(tmp_path: Path) -> None:
    speed = measure_training(trainer(tmp_path, SlowNumbers()), num_steps=3)
    assert 0 < speed.samples_per_second < 100
    assert 0.1 < speed.data_wait < 1


def test_measured_steps_are_those_of_the_run(tmp_path: Path) -> None:
    measured, whole = trainer(tmp_path / "a"), trainer(tmp_path / "b")
    measure_training(measured, num_steps=2)
    assert measured.step == 3
    measure_training(measured, num_steps=4)
    whole.run()
    assert measured.step == whole.step == 8
    assert torch.equal(*(t.network.get_parameter("weight").detach() for t in (measured, whole)))
    assert not (tmp_path / "a").exists()


def test_warm_up_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(tmp_path)
    step = run.train_step

    def slow_first_steps(batch: Any) -> Tensor:
        time.sleep(0.5 if run.step < 2 else 0)
        return step(batch)

    monkeypatch.setattr(run, "train_step", slow_first_steps)
    assert measure_training(run, num_steps=4, num_warmup=2).samples_per_second > 16


@pytest.mark.parametrize(("num_steps", "message"), [(8, "8 steps after 1 .* 8 left"), (0, "0 steps after 1")])
def test_too_few_steps(tmp_path: Path, num_steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_training(trainer(tmp_path), num_steps)


def test_comparison_is_interleaved() -> None:
    turns = iter(range(1, 7))
    speeds = compare_training(lambda: TrainingSpeed(next(turns), 0.5), lambda: next(turns), 3)
    assert speeds.measurements == [(1, 0.5), (3, 0.5), (5, 0.5)]
    assert speeds.baseline == [2, 4, 6]
    assert speeds.summary() == {"samples_per_second": 3, "data_wait": 0.5, "baseline": 4, "speedup": 0.75}
    alone = compare_training(lambda: TrainingSpeed(1, 0), None, 1)
    assert set(alone.summary()) == {"samples_per_second", "data_wait"}
    with pytest.raises(ValueError, match=r"rounds .*got 0"):
        compare_training(lambda: TrainingSpeed(1, 0), None, 0)


def test_backend() -> None:
    backend = describe_backend(Fabric(accelerator="cpu", devices=1, precision="bf16-mixed"))
    assert backend["threads"] == torch.get_num_threads()
    assert (backend["device"], backend["gpu"], backend["precision"]) == ("cpu", None, "bf16-mixed")
    assert json.loads(json.dumps(backend)) == backend


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    write_coco_dataset(root, 4)
    return root


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(NETWORKS, "hrnet_compact", tiny_hrnet)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("tiny_network")
def test_command_prints_and_writes(tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", str(write_config(tmp_path, POSE, dataset)), "--steps", "2", "--rounds", "2"]
    assert run_command("benchmark", *words) == 0
    line, _ = capsys.readouterr().out.splitlines()
    assert line.endswith("% of the time waiting for data")
    against = ["--against", python("print('samples_per_second: 0.001')"), "--json", str(tmp_path / "speed.json")]
    assert run_command("benchmark", *words, *against, "--loop.batch_size", "1") == 0
    assert "baseline 0.001 samples a second" in capsys.readouterr().out
    text = (tmp_path / "speed.json").read_text()
    written = json.loads(text)
    assert written["speedup"] == pytest.approx(written["samples_per_second"] / 0.001)
    assert written["rounds"]["baseline"] == [0.001, 0.001]
    assert len(written["rounds"]["samples_per_second"]) == 2
    assert (written["settings"]["loop.batch_size"], written["workers"], written["steps"]) == (1, 0, 2)
    assert (written["backend"]["threads"], written["backend"]["precision"]) == (1, "32-true")
    assert written["machine"]["processor"]
    assert str(dataset) not in text
    assert {path.name for path in tmp_path.iterdir()} == {"run.yaml", "speed.json"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", python("raise SystemExit(3)")], "code 3"),
        (["--against", python("")], "'samples_per_second: X'"),
        (["--against", "no_such_program"], "no_such_program"),
        (["--steps", "0"], "0 steps"),
        (["--rounds", "0"], "rounds"),
        (["--hardware.thread", "1"], "'hardware.threads'"),
    ],
)
@pytest.mark.usefixtures("tiny_network")
def test_errors_are_one_line(
    tmp_path: Path, dataset: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(write_config(tmp_path, POSE, dataset))
    assert run_command("benchmark", "train", config, "--steps", "1", "--rounds", "1", *words) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line
