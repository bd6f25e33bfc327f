from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tiny_tasks import BLACK, SMALL, Mean, NumberData, assert_equal, number_task, pose_task
from torch import Tensor

from pose_track.datasets.augment import ColourJitter, Erasing
from pose_track.datasets.detection import DetectionAugmentation, DetectionDataset
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.mixture import Mixture
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.centre import CentreNet
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.hrnet import HRNet
from pose_track.training.checkpoint import load_checkpoint, save_checkpoint
from pose_track.training.loader import StepBatchSampler, make_loader
from pose_track.training.loop import DivergedError, Task, Trainer
from pose_track.training.loss import centre_loss, joints_mse, joints_ohkm
from pose_track.training.options import LoopOptions, OptimizerOptions
from pose_track.training.validation import detector_metrics

ADAMW = OptimizerOptions(learning_rate=1e-2, warmup_samples=80)
SHORT = LoopOptions(epochs=2, batch_size=4, checkpoint_seconds=0.0)
AUGMENTED = PoseAugmentation(colour=ColourJitter(gain=0.2), erasing=Erasing(chance=0.5))


def log_rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "log.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_keypoint_network_learns_its_images(tmp_path: Path) -> None:
    options = LoopOptions(epochs=120, batch_size=8, ema_decay=0.9, evaluate_every=20)
    trainer = Trainer(pose_task(tmp_path / "images"), options, ADAMW, tmp_path / "run")
    assert trainer.evaluate()["pck"] < 0.5
    metrics = trainer.run()
    rows = log_rows(tmp_path / "run")
    assert [(row["step"], row["epoch"]) for row in rows] == [(n, n) for n in (20, 40, 60, 80, 100, 120)]
    assert rows[-1]["loss"] < 0.25 * rows[0]["loss"]
    assert rows[0]["learning_rate"] > rows[-1]["learning_rate"]
    assert all(0 <= row["data_wait"] < 1 and row["samples_per_second"] > 0 and row["broken"] == 0 for row in rows)
    assert metrics["pck"] > 0.95
    assert metrics == pytest.approx({key: rows[-1][key] for key in metrics})
    assert set(metrics) == {"pck", "pck_hip", "pck_shoulder"}


@pytest.mark.parametrize("heatmap_type", ["gaussian", "dark", "udp"])
@pytest.mark.parametrize("loss", [joints_mse, joints_ohkm])
def test_every_heatmap_type_and_loss_decreases_in_the_first_steps(
    tmp_path: Path, heatmap_type: HeatmapType, loss: Callable[..., Tensor]
) -> None:
    task = pose_task(tmp_path / "images", heatmap_type=heatmap_type, loss=loss)
    trainer = Trainer(task, LoopOptions(epochs=5, batch_size=8), OptimizerOptions(learning_rate=3e-3), tmp_path / "run")
    batches = make_loader(StepBatchSampler(task.data, 8, 0, range(5)))
    losses = [float(trainer.train_step(batch)) for batch in batches]
    assert losses[2] < losses[0]
    assert losses[-1] < 0.9 * losses[0]


def test_detector_learns_its_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = []
    for number in range(6):
        image = rng.integers(0, 60, (128, 128, 3), dtype=np.uint8)
        boxes = np.array([[8, 20, 40, 100], [70, 30, 110, 110]]) + rng.integers(-8, 9, (2, 4))
        for x1, y1, x2, y2 in boxes:
            image[y1:y2, x1:x2] = 220
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        labels.append(ImageLabel(f"{number}.png", 128, 128, boxes.astype(float), np.zeros((0, 4)), True, ""))
    images = ImageStore(tmp_path)
    augmentation = DetectionAugmentation((128, 128), 1.0, colour=ColourJitter(gain=0.1))
    data = Mixture([(DetectionDataset(images, labels, 128, augmentation), 1.0)])
    torch.manual_seed(0)

    def evaluate(network: torch.nn.Module) -> dict[str, float]:
        return detector_metrics(network, images, labels, 128)

    task = Task(CentreNet(**SMALL), data, centre_loss, evaluate, lambda net: BLACK)
    options = LoopOptions(epochs=100, batch_size=6, ema_decay=0.9, evaluate_every=25)
    metrics = Trainer(task, options, replace(ADAMW, warmup_samples=60), tmp_path / "run").run()
    rows = log_rows(tmp_path / "run")
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]
    assert metrics["ap50"] == metrics["ap50_all"] > 0.9


def trainer_in(folder: Path, seed: int = 0, **task: Any) -> Trainer:
    tiny_task = pose_task(folder.parent / "images", AUGMENTED, seed)._replace(**task)
    return Trainer(tiny_task, SHORT, ADAMW, folder, settings={"pose.sigma": 1.5})


def assert_same_end(one: Path, other: Path) -> None:
    """Assert identical weights, averages and moments, and the same log."""
    states = [load_checkpoint(folder / "checkpoint.pt") for folder in (one, other)]
    assert_equal(*states)
    timed = {"samples_per_second", "data_wait"}
    rows = [[{k: v for k, v in row.items() if k not in timed} for row in log_rows(folder)] for folder in (one, other)]
    assert rows[0] == rows[1]


def test_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path) -> None:
    metrics = trainer_in(tmp_path / "whole").run()

    stopped = trainer_in(tmp_path / "parts")
    step = stopped.train_step

    def interrupted(batch: Any) -> Tensor:
        if stopped.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(batch)

    stopped.train_step = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt, match=r"step 2.*--resume"):
        stopped.run()
    assert load_checkpoint(tmp_path / "parts" / "checkpoint.pt")["step"] == 2
    with (tmp_path / "parts" / "log.csv").open("a") as file:  # as if logged after the last checkpoint
        file.write("3,1.5,9,9,9,9,9,9,9,9\n")

    torch.manual_seed(99)
    resumed = trainer_in(tmp_path / "parts", seed=1)
    resumed.resume()
    assert resumed.step == 2
    assert resumed.run() == metrics
    assert_same_end(tmp_path / "whole", tmp_path / "parts")

    finished = trainer_in(tmp_path / "parts", seed=2)
    finished.resume()
    assert finished.run() == metrics  # no steps are left


KILLED = """
import sys
from pathlib import Path
from test_loop import trainer_in
torch = __import__("torch"); torch.set_num_threads(1)
trainer = trainer_in(Path(sys.argv[1]))
save = trainer.save
def slow_save():
    save()
    print(trainer.step, flush=True)
    if trainer.step == 2: __import__("time").sleep(60)
trainer.save = slow_save
trainer.run()
"""


def test_killed_run_resumes_exactly(tmp_path: Path) -> None:
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the killed process, for the same order of summation
    try:
        folder = tmp_path / "killed"
        paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["1", "2"]
        process.kill()
        assert process.wait() == -signal.SIGKILL
        resumed = trainer_in(folder, seed=1)
        resumed.resume()
        assert resumed.step == 2
        resumed.run()
        trainer_in(tmp_path / "whole").run()
        assert_same_end(tmp_path / "whole", folder)
    finally:
        torch.set_num_threads(threads)


def test_checkpoint_contents(tmp_path: Path) -> None:
    trainer_in(tmp_path / "run").run()
    state = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    keys = {"network", "averaged", "optimizer", "precision", "random", "step", "epoch", "settings", "versions"}
    assert state.keys() == keys
    assert (state["step"], state["epoch"], state["settings"]) == (4, 2.0, {"pose.sigma": 1.5})


def test_restarted_run_has_a_new_log(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.csv").write_text("step,other\n99,1\n")
    Trainer(pose_task(tmp_path / "images"), replace(SHORT, epochs=1), ADAMW, tmp_path / "run").run()
    assert [row["step"] for row in log_rows(tmp_path / "run")] == [2]


def test_images_and_events_are_written(tmp_path: Path) -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    image[:, :, 0] = 255
    trainer_in(tmp_path / "run", draw=lambda net: image).run()
    names = sorted(path.name for path in (tmp_path / "run" / "images").iterdir())
    assert names == ["step_0000002.jpg", "step_0000004.jpg"]
    written = cv2.imread(str(tmp_path / "run" / "images" / names[0]))
    assert written is not None
    assert (written[:, :, 2] > 200).all()  # red, like the input
    events = b"".join(path.read_bytes() for path in (tmp_path / "run" / "tensorboard").iterdir())
    for name in (b"loss", b"pck_hip", b"data_wait", b"predictions"):
        assert name in events


def test_accumulated_step_equals_the_whole_step(tmp_path: Path) -> None:
    """The gradients of micro-batches add up to that of the batch, in a network without batch-norm."""

    def after_one_step(accumulate: int) -> tuple[float, float]:
        task = number_task(lambda out, target: (out - target).square().mean())
        options = LoopOptions(epochs=1, batch_size=8, accumulate=accumulate)
        trainer = Trainer(task, options, OptimizerOptions(learning_rate=0.1), tmp_path)
        loss = trainer.train_step(next(iter(make_loader(StepBatchSampler(task.data, 8, 0, range(1))))))
        return float(loss), float(task.network.weight)  # type: ignore[arg-type]

    for parts in (2, 4, 8):
        assert after_one_step(parts) == pytest.approx(after_one_step(1), rel=1e-6)


def test_averaged_weights_follow_slowly(tmp_path: Path) -> None:
    """The average follows its definition: the decay after n steps is (1 + n) / (10 + n)."""
    task = number_task(lambda out, target: out.mean())
    options = LoopOptions(epochs=5, batch_size=4)
    trainer = Trainer(task, options, OptimizerOptions(learning_rate=0.1), tmp_path)
    expected = None
    for number, batch in enumerate(make_loader(StepBatchSampler(task.data, 4, 0, range(5)))):
        trainer.train_step(batch)
        now = float(task.network.weight)  # type: ignore[arg-type]
        share = (1 + number) / (10 + number)
        expected = now if expected is None else share * expected + (1 - share) * now
    assert float(trainer.averaged.module.weight) == pytest.approx(expected, rel=1e-5)  # type: ignore[arg-type]
    assert expected != pytest.approx(now, rel=1e-3)


@pytest.mark.parametrize("clip", [0.5, None])
def test_large_gradients_are_clipped(tmp_path: Path, clip: float | None) -> None:
    task = number_task(lambda out, target: 1000 * out.mean())
    trainer = Trainer(task, replace(SHORT, clip_norm=clip), ADAMW, tmp_path)
    seen: list[float] = []
    trainer.optimizer.register_step_pre_hook(lambda *_: seen.append(float(task.network.weight.grad.abs())))  # type: ignore[union-attr]
    trainer.train_step(next(iter(make_loader(StepBatchSampler(task.data, 4, 0, range(1))))))
    assert seen[0] == pytest.approx(0.5) if clip else seen[0] > 100


NONFINITE = [
    ("loss is nan", lambda out, target: out.sum() * float("nan")),
    ("loss is inf", lambda out, target: out.sum().abs() / 0),
    ("gradient is nan", lambda out, target: (out * 0).sum().abs().sqrt()),
]


@pytest.mark.parametrize(("what", "loss"), NONFINITE)
def test_diverged_run_stops(tmp_path: Path, what: str, loss: Callable[..., Tensor]) -> None:
    task = number_task(loss)
    with pytest.raises(DivergedError, match=f"{what} at step 0.*learning_rate"):
        Trainer(task, SHORT, ADAMW, tmp_path).run()
    assert float(task.network.weight) == 1  # type: ignore[arg-type]
    assert not (tmp_path / "checkpoint.pt").exists()
    assert issubclass(DivergedError, ValueError)  # so that commands print it in one line


@pytest.mark.parametrize(("what", "loss"), NONFINITE)
def test_nonfinite_step_can_be_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str, loss: Callable[..., Tensor]
) -> None:
    calls = 0

    def once(out: Tensor, target: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return loss(out, target) if calls == 2 else out.mean()

    task = number_task(once)
    trainer = Trainer(task, replace(SHORT, on_nonfinite="skip"), ADAMW, tmp_path)
    trainer.run()
    assert trainer.step == 4
    assert np.isfinite(float(task.network.weight))  # type: ignore[arg-type]
    assert f"{what} at step 1" in caplog.text
    assert log_rows(tmp_path)[0]["nonfinite"] == 1


def test_broken_images_are_counted(tmp_path: Path) -> None:
    data = NumberData(8, broken=(3,))
    with pytest.raises(FileNotFoundError, match="no image 3"):
        Trainer(number_task(lambda out, target: out.mean(), data), SHORT, ADAMW, tmp_path / "stop").run()
    task = number_task(lambda out, target: out.mean(), data)
    Trainer(task, replace(SHORT, on_broken="skip"), ADAMW, tmp_path / "skip").run()
    assert [row["broken"] for row in log_rows(tmp_path / "skip")] == [1, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"accumulate": 0},
        {"batch_size": 4, "accumulate": 3},
        {"clip_norm": 0.0},
        {"evaluate_every": float("nan")},
        {"checkpoint_seconds": -1},
        {"workers": -1},
        {"seed": -1},
        {"ema_decay": 1.0},
    ],
)
def test_options_out_of_range(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(change)[-1]):
        replace(SHORT, **change)


def test_checkpoint_of_another_run(tmp_path: Path) -> None:
    def trainer(network: torch.nn.Module, **settings: Any) -> Trainer:
        task = number_task(joints_mse, network=network)
        return Trainer(task, SHORT, ADAMW, tmp_path, settings=settings)

    trainer(Mean(), sigma=2).save()
    trainer(Mean(), sigma=2).resume()
    with pytest.raises(ValueError, match=r"checkpoint\.pt .*--out.*sigma.*2.*3"):
        trainer(Mean(), sigma=3).resume()
    with pytest.raises(ValueError, match=r"checkpoint\.pt .*--out"):
        trainer(HRNet(2, **SMALL), sigma=2).resume()
    save_checkpoint(tmp_path / "checkpoint.pt", {"step": 3})
    with pytest.raises(ValueError, match=r"checkpoint\.pt .*--out"):
        trainer(Mean(), sigma=2).resume()


def test_training_in_half_precision(tmp_path: Path) -> None:
    task = pose_task(tmp_path / "images")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    trainer = Trainer(task, LoopOptions(epochs=8, batch_size=8), ADAMW, tmp_path / "run", fabric)
    losses = [float(trainer.train_step(batch)) for batch in make_loader(StepBatchSampler(task.data, 8, 0, range(8)))]
    assert losses[-1] < losses[0]
    assert {p.dtype for p in task.network.parameters()} == {torch.float32}


def test_two_processes_train_like_one(tmp_path: Path) -> None:
    """The losses of the same global batch agree in double precision, where rounding errors do not grow."""
    script = str(Path(__file__).with_name("two_processes.py"))
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    for name, command in (("one", [sys.executable]), ("two", launcher)):
        done = subprocess.run(
            [*command, script, str(tmp_path / name)], env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
    one, two = (log_rows(tmp_path / name) for name in ("one", "two"))
    assert len(one) == len(two) == 3
    for a, b in zip(one, two, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-6)  # logged in float32
    assert one[2]["loss"] < one[0]["loss"]
    states = [load_checkpoint(tmp_path / name / "checkpoint.pt")["averaged"] for name in ("one", "two")]
    for key, value in states[0].items():
        assert torch.allclose(value, states[1][key], rtol=1e-6, atol=1e-9), key


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_training_on_a_gpu(tmp_path: Path, precision: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    fabric = Fabric(accelerator="cuda", devices=1, precision=precision)
    task = pose_task(tmp_path / "images")
    options = LoopOptions(epochs=40, batch_size=8, ema_decay=0.9, evaluate_every=20)
    Trainer(task, options, ADAMW, tmp_path / "run", fabric).run()
    rows = log_rows(tmp_path / "run")
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    again = Trainer(pose_task(tmp_path / "images"), options, ADAMW, tmp_path / "run", fabric)
    again.resume()
    assert again.step == 40
