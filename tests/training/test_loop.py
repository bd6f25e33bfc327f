from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel, PersonLabel
from pose_track.datasets.people import BoxAugmentation, PeopleDataset
from pose_track.datasets.top_down import PoseAugmentation, TopDownDataset
from pose_track.models.centre import CentreNet
from pose_track.models.hrnet import HRNet
from pose_track.skeleton import Skeleton
from pose_track.training.checkpoint import load_checkpoint, save_checkpoint
from pose_track.training.loop import DivergedError, LoopOptions, Task, Trainer, batches, epoch_order, learning_rate_at
from pose_track.training.loss import centre_loss, joints_mse
from pose_track.training.tasks import detector_figures, pose_figures

SMALL: dict[str, Any] = {"widths": (4, 8, 16, 32), "num_modules": (1, 1, 1), "num_blocks": 1}
TORSO = Skeleton("torso", ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
COLOURS = ((255, 60, 60), (60, 255, 60), (60, 60, 255), (255, 255, 60))


def write_torsos(folder: Path, count: int) -> tuple[ImageStore, list[PersonLabel]]:
    """Pictures with a dot of its own colour for each joint."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    people = []
    for number in range(count):
        picture = np.zeros((80, 80, 3), np.uint8)
        joints = np.array([[50, 22], [26, 22], [50, 56], [26, 56]]) + rng.uniform(-8, 8, (4, 2))
        for place, colour in zip(joints.round().astype(int).tolist(), COLOURS, strict=True):
            cv2.circle(picture, place, 5, colour[::-1], -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        people.append(PersonLabel(f"{number}.png", joints, np.full(4, 2), np.array([15.0, 10, 65, 70])))
    return ImageStore(folder), people


def pose_task(folder: Path, augmentation: PoseAugmentation | None = None, seed: int = 0) -> Task:
    images, people = write_torsos(folder, 8)
    torch.manual_seed(seed)
    network = HRNet(4, **SMALL, stem_blocks=1, stem_channels=8)
    data = TopDownDataset(images, people, TORSO, (64, 64), 1.5, augmentation)
    return Task(network, data, joints_mse, lambda net: pose_figures(net, images, people, TORSO, (64, 64)))


def log_rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "log.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_a_keypoint_network_learns_its_pictures(tmp_path: Path) -> None:
    options = LoopOptions(
        num_samples=8 * 120, batch_size=8, learning_rate=1e-2, warmup_samples=80, ema_decay=0.9, evaluate_every=8 * 20
    )
    trainer = Trainer(pose_task(tmp_path / "images"), options, tmp_path / "run")
    assert trainer._figures()["pck"] < 0.5
    figures = trainer.run()
    rows = log_rows(tmp_path / "run")
    assert [row["step"] for row in rows] == [20, 40, 60, 80, 100, 120]
    assert rows[-1]["loss"] < 0.25 * rows[0]["loss"]
    assert figures["pck"] > 0.95
    assert figures == pytest.approx({key: rows[-1][key] for key in figures})
    assert set(figures) == {"pck", "pck_hip", "pck_shoulder"}


def test_a_detector_learns_its_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = []
    for number in range(6):
        picture = rng.integers(0, 60, (128, 128, 3), dtype=np.uint8)
        boxes = np.array([[8, 20, 40, 100], [70, 30, 110, 110]]) + rng.integers(-8, 9, (2, 4))
        for x1, y1, x2, y2 in boxes:
            picture[y1:y2, x1:x2] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        labels.append(ImageLabel(f"{number}.png", 128, 128, boxes.astype(float), np.zeros((0, 4)), True, ""))
    images = ImageStore(tmp_path)
    data = PeopleDataset(images, labels, 128, BoxAugmentation((128, 128), 1.0, 0.5, 0.1, 0.0))
    torch.manual_seed(0)
    task = Task(CentreNet(**SMALL), data, centre_loss, lambda net: detector_figures(net, images, labels, 128))
    options = LoopOptions(
        num_samples=6 * 100, batch_size=6, learning_rate=1e-2, warmup_samples=60, ema_decay=0.9, evaluate_every=6 * 25
    )
    figures = Trainer(task, options, tmp_path / "run").run()
    rows = log_rows(tmp_path / "run")
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]
    assert figures["ap50"] == figures["ap50_all"] > 0.9


OPTIONS = LoopOptions(num_samples=8 * 4, batch_size=4, warmup_samples=8, evaluate_every=8, checkpoint_seconds=0.0)


def interrupted_at(step: int, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    calls = 0

    def count(*arguments: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > step:
            raise KeyboardInterrupt
        return loss(*arguments)

    return count


def assert_equal(a: Any, b: Any) -> None:
    """The same tensors and numbers throughout two nested states, to the last bit."""
    if isinstance(a, Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    else:
        assert a == b


def test_a_resumed_run_ends_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    augmentation = PoseAugmentation(colour=0.2, occlusion_chance=0.5)
    images = tmp_path / "images"
    whole = Trainer(pose_task(images, augmentation), OPTIONS, tmp_path / "whole")
    figures = whole.run()

    task = pose_task(images, augmentation)
    stopped = Trainer(task._replace(loss=interrupted_at(4, task.loss)), OPTIONS, tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert stopped.step == 4
    with (tmp_path / "parts" / "log.csv").open("a") as file:  # as if it had been measured after the last checkpoint
        file.write("6,24,9.9,9,9,9\n")

    resumed = Trainer(pose_task(images, augmentation, seed=1), OPTIONS, tmp_path / "parts")
    resumed.resume()
    assert resumed.step == 4
    assert resumed.run() == figures
    states = [load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "parts")]
    assert states[0].keys() == {"network", "averaged", "optimizer", "step"}
    assert_equal(*states)
    assert (tmp_path / "parts" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()

    finished = Trainer(pose_task(images, augmentation, seed=2), OPTIONS, tmp_path / "parts")
    finished.resume()
    assert finished.run() == figures  # nothing left to train


def test_a_run_begun_again_has_a_new_log(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.csv").write_text("step,other\n99,1\n")
    Trainer(pose_task(tmp_path / "images"), replace(OPTIONS, num_samples=8), tmp_path / "run").run()
    assert [row["step"] for row in log_rows(tmp_path / "run")] == [2]


class Point(NamedTuple):
    image: np.ndarray
    target: np.ndarray


class Numbers:
    """Tiny pictures; the colour tells the index, the target a random number."""

    def __init__(self, length: int = 8) -> None:
        self.length = length
        self.reseed(0)

    def reseed(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Point:
        return Point(np.full((3, 2, 2), index, np.uint8), self.rng.standard_normal(1).astype(np.float32))


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None] * self.weight


def test_batches_do_not_depend_on_where_they_start() -> None:
    options = LoopOptions(num_samples=100, batch_size=3)
    stream = batches(Numbers(), options, 0)
    first = [next(stream) for _ in range(6)]
    for start in (1, 2, 5):
        assert_equal(next(batches(Numbers(), options, start)), first[start])
    indices = [batch[0][:, 0, 0, 0].tolist() for batch in first]
    epochs = [indices[0] + indices[1], indices[2] + indices[3], indices[4] + indices[5]]
    assert all(len(set(epoch)) == 6 for epoch in epochs)  # nothing twice in an epoch
    assert len({tuple(epoch) for epoch in epochs}) == 3  # a new order each time
    assert epochs[0] == epoch_order(8, options.seed, 0)[:6]
    assert epoch_order(8, 1, 0) != epoch_order(8, 0, 0)


def test_too_few_samples_for_a_batch() -> None:
    with pytest.raises(ValueError, match="2 samples do not fill one batch of 3; lower batch_size"):
        next(batches(Numbers(2), LoopOptions(num_samples=100, batch_size=3), 0))


def test_learning_rate() -> None:
    options = LoopOptions(num_samples=1000, batch_size=10, learning_rate=1.0, warmup_samples=100)
    rates = [learning_rate_at(step, options) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=1e-3)  # a tenth of the warm-up is the first step's
    assert np.argmax(rates) == 9
    assert rates[50] == pytest.approx(0.505)  # half way down from 1 to 0.01
    assert rates[100] == pytest.approx(0.01)
    assert (np.diff(rates[9:]) < 0).all()
    assert learning_rate_at(0, replace(options, warmup_samples=0)) == 1.0


def test_averaged_weights_follow_slowly(tmp_path: Path) -> None:
    """The average is that of its definition: after n steps, a share of (1 + n) / (10 + n) of it stays."""
    task = Task(Mean(), Numbers(), lambda out, target: out.mean(), lambda net: {})
    trainer = Trainer(task, LoopOptions(num_samples=40, batch_size=4, learning_rate=0.1, warmup_samples=0), tmp_path)
    trainer.task.network.weight.data.fill_(1.0)  # type: ignore[union-attr, operator]
    expected = None
    for number, batch in zip(range(5), batches(task.data, trainer.options, 0), strict=False):
        trainer.train_step(batch)
        now = task.network.weight.item()  # type: ignore[operator]
        share = (1 + number) / (10 + number)
        expected = now if expected is None else share * expected + (1 - share) * now
    assert trainer.averaged.module.weight.item() == pytest.approx(expected, rel=1e-5)  # type: ignore[operator]
    assert expected != pytest.approx(now, rel=1e-3)


@pytest.mark.parametrize(
    ("what", "loss"),
    [
        ("loss is nan", lambda out, target: out.sum() * float("nan")),
        ("loss is inf", lambda out, target: out.sum().abs() / 0),
        ("gradient is nan", lambda out, target: (out * 0).sum().abs().sqrt()),
    ],
)
def test_a_run_that_diverges_stops(tmp_path: Path, what: str, loss: Callable[..., Tensor]) -> None:
    network = Mean()
    trainer = Trainer(Task(network, Numbers(), loss, lambda net: {}), OPTIONS, tmp_path)
    with pytest.raises(DivergedError, match=f"the {what} at step 0; lower learning_rate"):
        trainer.run()
    assert network.weight.item() == 1
    assert not (tmp_path / "checkpoint.pt").exists()
    assert issubclass(DivergedError, ValueError)  # so that tools tell it in one line


def test_biases_do_not_decay(tmp_path: Path) -> None:
    network = HRNet(2, **SMALL, stem_blocks=1, stem_channels=8)
    trainer = Trainer(Task(network, Numbers(), joints_mse, lambda net: {}), OPTIONS, tmp_path)
    decayed, kept = trainer.optimizer.param_groups
    assert {p.ndim for p in decayed["params"]} == {4}
    assert {p.ndim for p in kept["params"]} == {1}
    assert (decayed["weight_decay"], kept["weight_decay"]) == (OPTIONS.weight_decay, 0)
    assert len(decayed["params"]) + len(kept["params"]) == len(list(network.parameters()))


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"warmup_samples": -1},
        {"ema_decay": 1.0},
        {"num_samples": 3},
    ],
)
def test_options_out_of_range(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(OPTIONS, **change)


def test_a_checkpoint_of_another_network(tmp_path: Path) -> None:
    def trainer(network: nn.Module) -> Trainer:
        return Trainer(Task(network, Numbers(), joints_mse, lambda net: {}), OPTIONS, tmp_path)

    trainer(Mean()).save()
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of another network"):
        trainer(HRNet(2, **SMALL)).resume()
    save_checkpoint(tmp_path / "checkpoint.pt", {"step": 3})
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of another network"):
        trainer(Mean()).resume()


class Unwritable:
    def __reduce__(self) -> str:
        raise OSError("no space left")


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1, "values": torch.arange(3)})
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, {"step": 2, "values": Unwritable()})
    state = load_checkpoint(path)
    assert state["step"] == 1
    assert state["values"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["checkpoint.pt"]


def test_files_that_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_checkpoint(path)
    save_checkpoint(path, {"values": torch.arange(1000)})
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint of this program, or is cut short"):
            load_checkpoint(path)
