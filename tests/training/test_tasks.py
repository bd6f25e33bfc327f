"""The training tasks: every setting takes effect, and metrics and images are computed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from tiny_coco import write_images
from tiny_runs import DETECTOR, POSE, SMALL, tiny_hrnet, write_config
from torch import Tensor, nn

from pose_track.config.load import load_settings
from pose_track.datasets.augment import ColourJitter
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.models.centre import CentreNet
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training import tasks
from pose_track.training.batch_norm import SyncedBatchNorm
from pose_track.training.config import TrainingConfig
from pose_track.training.loop import Task
from pose_track.training.loss import joint_weights, joints_mse, joints_ohkm
from pose_track.training.tasks import NUM_DRAWN, build_network, build_task, first_samples
from pose_track.training.validation import detector_metrics


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of four images, one whose last person has an empty box (broken.json), and people to cut out."""
    root = tmp_path_factory.mktemp("data")
    data = write_images(root / "images", 4)
    (root / "people.json").write_text(json.dumps(data))
    outline = {"bbox": [20, 10, 50, 70], "segmentation": [[20, 10, 70, 10, 70, 80, 20, 80]]}
    (root / "outlines.json").write_text(json.dumps({**data, "annotations": [{**data["annotations"][0], **outline}]}))
    data["annotations"][-1]["bbox"] = [20, 10, 0, 0]
    (root / "broken.json").write_text(json.dumps(data))
    return root


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, tiny_hrnet)
    monkeypatch.setattr(tasks, "centre_compact", lambda: CentreNet(**SMALL))


def make_config(root: Path, base: dict[str, Any] = POSE, **overrides: str) -> TrainingConfig:
    """A config with overrides, whose dots are written as __."""
    values = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_settings(TrainingConfig, write_config(root, base, root), values)


def make_task(root: Path, base: dict[str, Any] = POSE, **overrides: str) -> Task:
    return build_task(make_config(root, base, **overrides), "cpu")


# Initial weights


def trunk(network: nn.Module) -> Tensor:
    return network.get_parameter("conv1.weight").detach()


def head(network: nn.Module) -> Tensor:
    return network.get_parameter("final_layer.weight").detach()


def test_random_weights_of_the_seed(root: Path) -> None:
    first, again, other = (build_network(make_config(root, loop__seed=seed)) for seed in ("0", "0", "1"))
    assert torch.equal(trunk(first), trunk(again))
    assert torch.equal(head(first), head(again))
    assert not torch.equal(trunk(first), trunk(other))


def test_weights_of_a_file(root: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    saved = tiny_hrnet(15)
    torch.save(saved.state_dict(), tmp_path / "start.pth")
    network = build_network(make_config(root, init_weights=str(tmp_path / "start.pth")))
    assert torch.equal(trunk(network), trunk(saved))
    assert torch.equal(head(network), head(saved))


def test_the_trunk_of_a_file(root: Path, tmp_path: Path) -> None:
    """The last layer is the random one of the seed."""
    torch.manual_seed(7)
    saved = tiny_hrnet(17)
    torch.save(saved.state_dict(), tmp_path / "coco.pth")
    network = build_network(make_config(root, init_trunk=str(tmp_path / "coco.pth")))
    assert torch.equal(trunk(network), trunk(saved))
    assert torch.equal(head(network), head(build_network(make_config(root))))


@pytest.mark.parametrize("base", [POSE, DETECTOR], ids=["pose", "detector"])
def test_synced_batch_norms(root: Path, base: dict[str, Any]) -> None:
    def batch_norm_types(sync: str) -> set[type]:
        network = build_network(make_config(root, base, hardware__sync_batch_norm=sync), "cpu")
        return {type(module) for module in network.modules() if isinstance(module, nn.BatchNorm2d)}

    assert batch_norm_types("false") == {nn.BatchNorm2d}
    assert batch_norm_types("true") == {SyncedBatchNorm}


# Settings take effect


class Evaluation(NamedTuple):
    """The arguments of an evaluation."""

    metric: str
    names: list[str]
    codec: Any
    flip_test: bool


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[Evaluation]:
    """The evaluations that a test requested, which are not run."""
    requested: list[Evaluation] = []

    def record(
        _network: Any, evaluator: Any, _images: Any, _skeleton: Any, codec: Any, flip: bool, _device: str
    ) -> Any:
        requested.append(
            Evaluation(evaluator.metric, [candidate.file_name for candidate in evaluator.candidates], codec, flip)
        )
        return {}

    monkeypatch.setattr(tasks, "evaluate_poses", record)
    return requested


def dataset(built: Task) -> Any:
    """The first data set of a task."""
    return built.data.datasets[0]  # type: ignore[attr-defined]


def image_shape(built: Task) -> tuple[int, ...]:
    return first_samples(built.data)[0].shape[1:]


def target_shape(built: Task) -> tuple[int, ...]:
    return first_samples(built.data)[1].shape[1:]


AUG = "{paste_chance: 0.5, colour: {gain: 0.2}}"
CUTOUTS = "{annotations: ROOT/outlines.json, images: ROOT/images}"
TWICE = "{annotations: ROOT/people.json, images: ROOT/images, weight: 2}"
BROKEN = "{annotations: ROOT/broken.json, images: ROOT/images}"

SETTINGS: list[tuple[dict[str, Any], dict[str, str], Callable[[Task], Any], Any]] = [
    (POSE, {"pose__skeleton": "coco_17", "pose__metric": "pck"}, lambda t: t.network.final_layer.out_channels, 17),
    (POSE, {"pose__skeleton": "coco_17", "pose__metric": "pck"}, target_shape, (17, 16, 8)),
    (POSE, {"pose__input_size": "[64, 96]"}, image_shape, (3, 96, 64)),
    (POSE, {"pose__input_size": "[64, 96]"}, target_shape, (15, 24, 16)),
    (POSE, {"pose__heatmap_type": "udp"}, lambda t: dataset(t).codec.heatmap_type, "udp"),
    (POSE, {"pose__sigma": "1.5"}, lambda t: dataset(t).codec.sigma, 1.5),
    (POSE, {"pose__loss": "mse"}, lambda t: t.loss, joints_mse),
    (POSE, {"pose__loss": "ohkm"}, lambda t: t.loss, joints_ohkm),
    (POSE, {"pose__augmentation": AUG, "pose__cutouts": CUTOUTS}, lambda t: len(dataset(t).cutouts), 1),
    (POSE, {"pose__augmentation": AUG, "pose__cutouts": CUTOUTS}, lambda t: dataset(t).augmentation.paste_chance, 0.5),
    (POSE, {"pose__augmentation__colour__gain": "0.2"}, lambda t: dataset(t).augmentation.colour, ColourJitter(0.2)),
    (POSE, {"train": f"[{TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (4, 8)),
    (POSE, {"train": f"[{TWICE}, {TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (8, 16)),
    (POSE, {"train": f"[{BROKEN}]", "loop__on_broken": "skip"}, lambda t: t.data.num_samples, 3),
    (DETECTOR, {"detector__canvas": "128"}, image_shape, (3, 128, 128)),
    (DETECTOR, {"detector__augmentation__aspect": "1.1"}, lambda t: dataset(t).augmentation.aspect, 1.1),
    (DETECTOR, {"detector__augmentation": AUG, "detector__cutouts": CUTOUTS}, lambda t: len(dataset(t).cutouts), 1),
    (DETECTOR, {"train": f"[{TWICE}, {TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (8, 16)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "overrides", "observe", "expected"),
    [pytest.param(*row, id="-".join([*row[1], str(number)])) for number, row in enumerate(SETTINGS)],
)
def test_settings_of_the_samples_and_the_loss(
    root: Path, base: dict[str, Any], overrides: dict[str, str], observe: Callable[[Task], Any], expected: Any
) -> None:
    values = {key: value.replace("ROOT", str(root)) for key, value in overrides.items()}
    assert observe(make_task(root, base, **values)) == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, ("pck", 4, "gaussian", False)),
        ({"pose__flip_test": "true"}, ("pck", 4, "gaussian", True)),
        ({"pose__heatmap_type": "dark"}, ("pck", 4, "dark", False)),
        ({"val__annotations": "ROOT/broken.json", "loop__on_broken": "skip"}, ("pck", 3, "gaussian", False)),
    ],
)
def test_settings_of_the_evaluation(
    root: Path, evaluations: list[Evaluation], overrides: dict[str, str], expected: tuple[Any, ...]
) -> None:
    built = make_task(root, **{key: value.replace("ROOT", str(root)) for key, value in overrides.items()})
    assert built.evaluate(built.network) == {}
    ((metric, names, codec, flip_test),) = evaluations
    assert (metric, len(names), codec.heatmap_type, flip_test) == expected


def test_the_network_of_the_settings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "hrnet_w48", lambda num_joints: nn.Linear(num_joints, 48))
    assert build_network(make_config(root, pose__network="hrnet_w48")).weight.shape == (48, 15)


def test_joint_weights(root: Path) -> None:
    torch.manual_seed(0)
    output, target, known = torch.randn(2, 15, 16, 8), torch.randn(2, 15, 16, 8), torch.rand(2, 15)
    plain, weighted = (make_task(root, pose__use_joint_weights=value).loss for value in ("false", "true"))
    assert plain(output, target, known) == joints_mse(output, target, known)
    assert weighted(output, target, known) == joints_mse(output, target, known * joint_weights(POSETRACK_15))
    assert weighted(output, target, known) > plain(output, target, known)


@pytest.mark.parametrize("base", [POSE, DETECTOR], ids=["pose", "detector"])
def test_images_of_some_sources(root: Path, base: dict[str, Any]) -> None:
    data = json.loads((root / "people.json").read_text())
    for image, source in zip(data["images"], ("day", "night", "day", "day"), strict=True):
        image["source"] = source
    (root / "sourced.json").write_text(json.dumps(data))
    entry = {"annotations": str(root / "sourced.json"), "images": str(root / "images"), "sources": ["night"]}
    assert make_task(root, base, train=json.dumps([entry])).data.num_samples == 1


# Metrics and images


@pytest.mark.parametrize("name", ["pck", "coco"])
def test_metrics_of_a_keypoint_network(root: Path, name: str) -> None:
    """The first metric is the main one."""
    if name == "coco":
        data = json.loads((root / "people.json").read_text())
        data["annotations"] = [{**annotation, "area": 2400} for annotation in data["annotations"]]
        (root / "areas.json").write_text(json.dumps(data))
    file = {"pck": "people.json", "coco": "areas.json"}[name]
    built = make_task(root, pose__metric=name, val__annotations=str(root / file))
    metrics = built.evaluate(built.network)
    assert next(iter(metrics)) == {"pck": "pck", "coco": "AP"}[name]
    assert 0 <= next(iter(metrics.values())) <= 1


def test_images_of_both_tasks(root: Path) -> None:
    """Crops in three rows, and canvases in one row."""
    pose, detector = make_task(root), make_task(root, DETECTOR)
    for built, shape in ((pose, (3 * 64, 4 * 32, 3)), (detector, (64, 4 * 64, 3))):
        drawn = built.draw(built.network)
        assert (drawn.shape, drawn.dtype) == (shape, np.uint8)
        np.testing.assert_array_equal(drawn, built.draw(built.network))


def test_first_samples(root: Path) -> None:
    few, many = (
        make_task(root).data,
        make_task(root, train=f"[{TWICE.replace('ROOT', str(root))}]".replace("2}", "5}")).data,
    )
    assert [len(field) for field in first_samples(few)] == [4, 4, 4]
    assert [len(field) for field in first_samples(many)] == [NUM_DRAWN] * 3
    for field, again in zip(first_samples(many), first_samples(many), strict=True):
        np.testing.assert_array_equal(field, again)


class OnePersonDetector(nn.Module):
    """Detects one person from 20 to 51 in x and y in every image of 64x64 pixels."""

    def forward(self, images: Tensor) -> Tensor:
        output = torch.full((len(images), 5, 8, 8), 16.0)
        output[:, 0] = -9.0
        output[:, 0, 4, 4] = 9.0
        return output


def test_detector_metrics_are_means_over_sources(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    detected, missed, nobody = np.array([[20.0, 20, 51, 51]]), np.array([[1.0, 1, 15, 30]]), np.zeros((0, 4))

    def label(boxes: np.ndarray, source: str, exhaustive: bool = True) -> ImageLabel:
        return ImageLabel("a.png", 64, 64, boxes, np.zeros((0, 4)), exhaustive, source)

    labels = [label(detected, "street"), label(detected, "street"), label(missed, "shop"), label(missed, "odd", False)]
    metrics = detector_metrics(OnePersonDetector(), ImageStore(tmp_path), labels, 64)
    assert metrics["ap50"] == metrics["ap75"] == pytest.approx(0.5)
    assert metrics["ar75"] == 0.5
    by_source = {name: value for name, value in metrics.items() if name.startswith("ap50_")}
    assert by_source == pytest.approx({"ap50_shop": 0.0, "ap50_street": 1.0})
    empty = detector_metrics(OnePersonDetector(), ImageStore(tmp_path), [*labels, label(nobody, "night")], 64)
    assert math.isnan(empty["ap50_night"])
    assert empty["ap50"] == pytest.approx(0.5)  # a source without people is left out
    unnamed = detector_metrics(OnePersonDetector(), ImageStore(tmp_path), [label(detected, "")], 64)
    assert unnamed["ap50_all"] == unnamed["ap50"] == pytest.approx(1)


def test_detector_is_evaluated_at_its_long_side(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = []
    monkeypatch.setattr(tasks, "detector_metrics", lambda _net, _images, _labels, side, _device: sides.append(side))
    built = make_task(root, DETECTOR, detector__long_side="128")
    built.evaluate(built.network)
    assert sides == [128]


@pytest.mark.parametrize(
    ("base", "message"),
    [(POSE, "no person"), (DETECTOR, "no exhaustively labelled image")],
    ids=["pose", "detector"],
)
def test_no_validation_data(root: Path, tmp_path: Path, base: dict[str, Any], message: str) -> None:
    category = {"id": 1, "name": "person", "keypoints": ["nose"]}
    path = tmp_path / "none.json"
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": [category]}))
    with pytest.raises(ValueError, match=rf"none\.json .*{message}"):
        make_task(root, base, val__annotations=str(path))


def test_broken_label_stops_by_default(root: Path) -> None:
    source = BROKEN.replace("ROOT", str(root))
    with pytest.raises(ValueError, match=r"broken\.json: annotation 4 .*bbox"):
        make_task(root, train=f"[{source}]")
