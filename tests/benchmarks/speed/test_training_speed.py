"""How fast training is, and tools/benchmark.py, which tells it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from made_coco import write_set
from made_runs import POSE, load_tool, tiny_hrnet, write_config
from made_tasks import Numbers, Point, number_task
from torch import Tensor

from pose_track.benchmarks.speed.training import Speed, describe_machine, measure_in_turn, training_speed
from pose_track.models.hrnet import NETWORKS
from pose_track.training.config import LoopOptions
from pose_track.training.loop import Trainer
from pose_track.training.optimizer import OptimizerOptions


class Slow(Numbers):
    """Each sample takes a hundredth of a second."""

    def sample(self, index: int, seed: int) -> Point:
        time.sleep(0.01)
        return super().sample(index, seed)


def square(output: Tensor, targets: Tensor) -> Tensor:
    return (output - targets).square().mean()


def trainer(folder: Path, data: Numbers | None = None, epochs: float = 4) -> Trainer:
    options = LoopOptions(epochs=epochs, batch_size=4)
    return Trainer(number_task(square, data), options, OptimizerOptions(), folder)


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def test_steps_that_wait_for_their_data(tmp_path: Path) -> None:
    found = training_speed(trainer(tmp_path, Slow()), num_steps=3)
    assert 0 < found.samples_per_second < 100
    assert 0.1 < found.data_wait < 1


def test_measured_steps_are_those_of_the_run(tmp_path: Path) -> None:
    measured, whole = trainer(tmp_path / "a"), trainer(tmp_path / "b")
    training_speed(measured, num_steps=2)
    assert measured.step == 3
    training_speed(measured, num_steps=4)
    whole.run()
    assert measured.step == whole.step == 8
    assert torch.equal(*(t.network.get_parameter("weight").detach() for t in (measured, whole)))
    assert not (tmp_path / "a").exists()


def test_the_warm_up_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(tmp_path)
    step = run.train_step

    def slow_at_first(batch: Any) -> Tensor:
        time.sleep(0.5 if run.step < 2 else 0)
        return step(batch)

    monkeypatch.setattr(run, "train_step", slow_at_first)
    assert training_speed(run, num_steps=4, num_warmup=2).samples_per_second > 16


@pytest.mark.parametrize(("num_steps", "message"), [(8, "8 steps after 1 .* has 8 left"), (0, "0 steps after 1")])
def test_steps_that_there_are_not(tmp_path: Path, num_steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training_speed(trainer(tmp_path), num_steps)


def test_the_two_take_turns() -> None:
    turns = iter(range(1, 7))
    found = measure_in_turn(lambda: Speed(next(turns), 0.5), lambda: next(turns), 3)
    assert found.ours == [(1, 0.5), (3, 0.5), (5, 0.5)]
    assert found.theirs == [2, 4, 6]
    assert found.summary() == {"samples_per_second": 3, "data_wait": 0.5, "theirs": 4, "ratio": 0.75}
    assert set(measure_in_turn(lambda: Speed(1, 0), None, 1).summary()) == {"samples_per_second", "data_wait"}
    with pytest.raises(ValueError, match="rounds must be 1 or more, got 0"):
        measure_in_turn(lambda: Speed(1, 0), None, 0)


def test_what_a_figure_depends_on() -> None:
    found = describe_machine(Fabric(accelerator="cpu", devices=1, precision="bf16-mixed"))
    assert found["processor"]
    assert found["cores"] >= 1
    assert found["threads"] == torch.get_num_threads()
    assert (found["gpu"], found["precision"]) == (None, "bf16-mixed")
    assert json.loads(json.dumps(found)) == found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    write_set(root, 4)
    return root


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setitem(NETWORKS, "hrnet_compact", tiny_hrnet)
    threads = torch.get_num_threads()
    yield load_tool("benchmark")
    torch.set_num_threads(threads)


def test_the_tool(tmp_path: Path, made: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", str(write_config(tmp_path, POSE, made)), "--steps", "2", "--rounds", "2"]
    assert tool.main(words) == 0
    line, _ = capsys.readouterr().out.splitlines()
    assert line.endswith("% of the time waiting for data")
    against = ["--against", python("print('samples_per_second: 0.001')"), "--json", str(tmp_path / "found.json")]
    assert tool.main([*words, *against, "--loop.batch_size", "1"]) == 0
    assert "theirs 0.001 samples a second; ours is " in capsys.readouterr().out
    text = (tmp_path / "found.json").read_text()
    found = json.loads(text)
    assert found["ratio"] == pytest.approx(found["samples_per_second"] / 0.001)
    assert found["each"]["theirs"] == [0.001, 0.001]
    assert len(found["each"]["ours"]) == 2
    assert (found["settings"]["loop.batch_size"], found["workers"], found["steps"]) == (1, 0, 2)
    assert (found["machine"]["threads"], found["machine"]["precision"]) == (1, "32-true")
    assert str(made) not in text
    assert {path.name for path in tmp_path.iterdir()} == {"run.yaml", "found.json"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", python("raise SystemExit(3)")], "ended with code 3"),
        (["--against", python("")], "printed no line 'samples_per_second: X'"),
        (["--against", "no_such_program"], "no_such_program"),
        (["--steps", "0"], "0 steps after 1 cannot be measured"),
        (["--rounds", "0"], "rounds must be 1 or more"),
        (["--hardware.thread", "1"], "did you mean 'hardware.threads'"),
    ],
)
def test_the_tool_tells_what_is_wrong_in_one_line(
    tmp_path: Path, made: Path, tool: ModuleType, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(write_config(tmp_path, POSE, made))
    assert tool.main(["train", config, "--steps", "1", "--rounds", "1", *words]) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line
