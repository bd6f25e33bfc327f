"""What a task is made of: that each setting reaches its part, and what is measured and drawn."""

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
from made_coco import write_pictures
from made_runs import DETECTOR, POSE, SMALL, tiny_hrnet, write_config
from torch import Tensor, nn

from pose_track.config.load import load_settings
from pose_track.datasets.augment import ColourJitter
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.models.centre import CentreNet
from pose_track.models.hrnet import NETWORKS
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.training import tasks
from pose_track.training.batch_norm import SharedBatchNorm
from pose_track.training.config import TrainingConfig
from pose_track.training.loop import Task
from pose_track.training.loss import joint_weights, joints_cross_entropy, joints_mse, joints_ohkm
from pose_track.training.tasks import NUM_DRAWN, build_network, build_task, detector_figures, first_samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of four pictures; a faulty one, whose last person has a box without sides; people to cut out."""
    root = tmp_path_factory.mktemp("made")
    data = write_pictures(root / "images", 4)
    (root / "people.json").write_text(json.dumps(data))
    outline = {"bbox": [20, 10, 50, 70], "segmentation": [[20, 10, 70, 10, 70, 80, 20, 80]]}
    (root / "outlines.json").write_text(json.dumps({**data, "annotations": [{**data["annotations"][0], **outline}]}))
    data["annotations"][-1]["bbox"] = [20, 10, 0, 0]
    (root / "faulty.json").write_text(json.dumps(data))
    return root


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, tiny_hrnet)
    monkeypatch.setattr(tasks, "centre_compact", lambda: CentreNet(**SMALL))


def experiment(made: Path, base: dict[str, Any] = POSE, **overrides: str) -> TrainingConfig:
    """With overrides whose dots are written as __."""
    values = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_settings(TrainingConfig, write_config(made, base, made), values)


def task(made: Path, base: dict[str, Any] = POSE, **overrides: str) -> Task:
    return build_task(experiment(made, base, **overrides), "cpu")


# The first weights


def trunk(network: nn.Module) -> Tensor:
    return network.get_parameter("conv1.weight").detach()


def head(network: nn.Module) -> Tensor:
    return network.get_parameter("final_layer.weight").detach()


def test_random_weights_are_those_of_the_seed(made: Path) -> None:
    first, again, other = (build_network(experiment(made, loop__seed=seed)) for seed in ("0", "0", "1"))
    assert torch.equal(trunk(first), trunk(again))
    assert torch.equal(head(first), head(again))
    assert not torch.equal(trunk(first), trunk(other))


def test_weights_of_a_file(made: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    saved = tiny_hrnet(15)
    torch.save(saved.state_dict(), tmp_path / "start.pth")
    network = build_network(experiment(made, init_weights=str(tmp_path / "start.pth")))
    assert torch.equal(trunk(network), trunk(saved))
    assert torch.equal(head(network), head(saved))


def test_the_trunk_of_a_file(made: Path, tmp_path: Path) -> None:
    """The last layer is the random one of the seed, whatever the file has there."""
    torch.manual_seed(7)
    saved = tiny_hrnet(17)
    torch.save(saved.state_dict(), tmp_path / "coco.pth")
    network = build_network(experiment(made, init_trunk=str(tmp_path / "coco.pth")))
    assert torch.equal(trunk(network), trunk(saved))
    assert torch.equal(head(network), head(build_network(experiment(made))))


@pytest.mark.parametrize("base", [POSE, DETECTOR], ids=["pose", "detector"])
def test_batch_norms_are_shared_where_asked(made: Path, base: dict[str, Any]) -> None:
    def kinds(share: str) -> set[type]:
        network = build_network(experiment(made, base, hardware__share_batch_norm=share), "cpu")
        return {type(module) for module in network.modules() if isinstance(module, nn.BatchNorm2d)}

    assert kinds("false") == {nn.BatchNorm2d}
    assert kinds("true") == {SharedBatchNorm}


# Each setting reaches its part


class Asked(NamedTuple):
    """What a task measures with."""

    metric: str
    names: list[str]
    codec: Any
    flip_test: bool


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What the tasks of a test asked to be measured, which is not done."""
    asked = []

    def note(_network: Any, test: Any, _images: Any, _skeleton: Any, codec: Any, flip: bool, _device: str) -> Any:
        asked.append(Asked(test.metric, [candidate.file_name for candidate in test.candidates], codec, flip))
        return {}

    monkeypatch.setattr(tasks, "measure_poses", note)
    return asked


def part(made: Task) -> Any:
    """The first data set of a task."""
    return made.data.parts[0]  # type: ignore[attr-defined]


def picture_shape(made: Task) -> tuple[int, ...]:
    return first_samples(made.data)[0].shape[1:]


def target_shape(made: Task) -> tuple[int, ...]:
    return first_samples(made.data)[1].shape[1:]


PASTE = "{paste_chance: 0.5, colour: {gain: 0.2}}"
CUTOUTS = "{annotations: ROOT/outlines.json, images: ROOT/images}"
TWICE = "{annotations: ROOT/people.json, images: ROOT/images, weight: 2}"
FAULTY = "{annotations: ROOT/faulty.json, images: ROOT/images}"

REACHES: list[tuple[dict[str, Any], dict[str, str], Callable[[Task], Any], Any]] = [
    (POSE, {"pose__skeleton": "coco_17", "pose__metric": "pck"}, lambda t: t.network.final_layer.out_channels, 17),
    (POSE, {"pose__skeleton": "coco_17", "pose__metric": "pck"}, target_shape, (17, 16, 8)),
    (POSE, {"pose__input_size": "[64, 96]"}, picture_shape, (3, 96, 64)),
    (POSE, {"pose__input_size": "[64, 96]"}, target_shape, (15, 24, 16)),
    (POSE, {"pose__target": "udp"}, lambda t: part(t).codec.kind, "udp"),
    (POSE, {"pose__sigma": "1.5"}, lambda t: part(t).codec.sigma, 1.5),
    (POSE, {"pose__loss": "mse"}, lambda t: t.loss, joints_mse),
    (POSE, {"pose__loss": "ohkm"}, lambda t: t.loss, joints_ohkm),
    (POSE, {"pose__loss": "cross_entropy"}, lambda t: t.loss, joints_cross_entropy),
    (POSE, {"pose__loss": "cross_entropy"}, lambda t: part(t).codec.logits, True),
    (POSE, {"pose__augmentation": PASTE, "pose__cutouts": CUTOUTS}, lambda t: len(part(t).cutouts), 1),
    (POSE, {"pose__augmentation": PASTE, "pose__cutouts": CUTOUTS}, lambda t: part(t).augmentation.paste_chance, 0.5),
    (POSE, {"pose__augmentation__colour__gain": "0.2"}, lambda t: part(t).augmentation.colour, ColourJitter(0.2)),
    (POSE, {"train": f"[{TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (4, 8)),
    (POSE, {"train": f"[{TWICE}, {TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (8, 16)),
    (POSE, {"train": f"[{FAULTY}]", "loop__on_broken": "skip"}, lambda t: t.data.num_samples, 3),
    (DETECTOR, {"detector__canvas": "128"}, picture_shape, (3, 128, 128)),
    (DETECTOR, {"detector__augmentation__aspect": "1.1"}, lambda t: part(t).augmentation.aspect, 1.1),
    (DETECTOR, {"detector__augmentation": PASTE, "detector__cutouts": CUTOUTS}, lambda t: len(part(t).cutouts), 1),
    (DETECTOR, {"train": f"[{TWICE}, {TWICE}]"}, lambda t: (t.data.num_samples, len(t.data)), (8, 16)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "overrides", "observe", "expected"),
    [pytest.param(*row, id="-".join([*row[1], str(number)])) for number, row in enumerate(REACHES)],
)
def test_settings_reach_the_samples_and_the_loss(
    made: Path, base: dict[str, Any], overrides: dict[str, str], observe: Callable[[Task], Any], expected: Any
) -> None:
    values = {key: value.replace("ROOT", str(made)) for key, value in overrides.items()}
    assert observe(task(made, base, **values)) == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, ("pck", 4, "plain", False, False)),
        ({"pose__flip_test": "true"}, ("pck", 4, "plain", False, True)),
        ({"pose__target": "dark", "pose__loss": "cross_entropy"}, ("pck", 4, "dark", True, False)),
        ({"val__annotations": "ROOT/faulty.json", "loop__on_broken": "skip"}, ("pck", 3, "plain", False, False)),
    ],
)
def test_settings_reach_the_measurement(
    made: Path, measured: list[Asked], overrides: dict[str, str], expected: tuple[Any, ...]
) -> None:
    built = task(made, **{key: value.replace("ROOT", str(made)) for key, value in overrides.items()})
    assert built.evaluate(built.network) == {}
    ((metric, names, codec, flip_test),) = measured
    assert (metric, len(names), codec.kind, codec.logits, flip_test) == expected


def test_the_network_is_the_one_asked_for(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "hrnet_w48", lambda num_joints: nn.Linear(num_joints, 48))
    assert build_network(experiment(made, pose__network="hrnet_w48")).weight.shape == (48, 15)


def test_hard_joints_count_more_where_asked(made: Path) -> None:
    torch.manual_seed(0)
    output, target, known = torch.randn(2, 15, 16, 8), torch.randn(2, 15, 16, 8), torch.rand(2, 15)
    plain, weighed = (task(made, pose__weigh_joints=value).loss for value in ("false", "true"))
    assert plain(output, target, known) == joints_mse(output, target, known)
    assert weighed(output, target, known) == joints_mse(output, target, known * joint_weights(POSETRACK_15))
    assert weighed(output, target, known) > plain(output, target, known)


# What is measured and drawn


@pytest.mark.parametrize("name", ["pck", "coco"])
def test_figures_of_a_keypoint_network(made: Path, name: str) -> None:
    """The first one is that of the metric."""
    if name == "coco":
        data = json.loads((made / "people.json").read_text())
        data["annotations"] = [{**note, "area": 2400} for note in data["annotations"]]
        (made / "areas.json").write_text(json.dumps(data))
    file = {"pck": "people.json", "coco": "areas.json"}[name]
    built = task(made, pose__metric=name, val__annotations=str(made / file))
    figures = built.evaluate(built.network)
    assert next(iter(figures)) == {"pck": "pck", "coco": "AP"}[name]
    assert 0 <= next(iter(figures.values())) <= 1


def test_pictures_of_both_tasks(made: Path) -> None:
    """Crops in three rows, and canvases in one."""
    pose, detector = task(made), task(made, DETECTOR)
    for built, shape in ((pose, (3 * 64, 4 * 32, 3)), (detector, (64, 4 * 64, 3))):
        drawn = built.draw(built.network)
        assert (drawn.shape, drawn.dtype) == (shape, np.uint8)
        np.testing.assert_array_equal(drawn, built.draw(built.network))


def test_first_samples(made: Path) -> None:
    few, many = task(made).data, task(made, train=f"[{TWICE.replace('ROOT', str(made))}]".replace("2}", "5}")).data
    assert [len(field) for field in first_samples(few)] == [4, 4, 4]
    assert [len(field) for field in first_samples(many)] == [NUM_DRAWN] * 3
    for field, again in zip(first_samples(many), first_samples(many), strict=True):
        np.testing.assert_array_equal(field, again)


class Standing(nn.Module):
    """Finds one person, in the middle of any picture of 64x64 pixels, from 20 to 51 each way."""

    def forward(self, images: Tensor) -> Tensor:
        output = torch.full((len(images), 5, 8, 8), 16.0)
        output[:, 0] = -9.0
        output[:, 0, 4, 4] = 9.0
        return output


def test_detector_figures_are_means_over_sources(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    there, elsewhere, nobody = np.array([[20.0, 20, 51, 51]]), np.array([[1.0, 1, 15, 30]]), np.zeros((0, 4))

    def label(boxes: np.ndarray, source: str, exhaustive: bool = True) -> ImageLabel:
        return ImageLabel("a.png", 64, 64, boxes, np.zeros((0, 4)), exhaustive, source)

    labels = [label(there, "street"), label(there, "street"), label(elsewhere, "shop"), label(elsewhere, "odd", False)]
    figures = detector_figures(Standing(), ImageStore(tmp_path), labels, 64)
    assert figures == {"ap50": 0.5, "ap50_shop": 0.0, "ap50_street": 1.0}
    empty = detector_figures(Standing(), ImageStore(tmp_path), [*labels, label(nobody, "night")], 64)
    assert math.isnan(empty["ap50_night"])
    assert empty["ap50"] == 0.5  # a source without people tells nothing
    assert list(detector_figures(Standing(), ImageStore(tmp_path), [label(there, "")], 64)) == ["ap50", "ap50_all"]


def test_a_detector_is_measured_at_its_long_side(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = []
    monkeypatch.setattr(tasks, "detector_figures", lambda _net, _images, _labels, side, _device: sides.append(side))
    built = task(made, DETECTOR, detector__long_side="128")
    built.evaluate(built.network)
    assert sides == [128]


@pytest.mark.parametrize(
    ("base", "message"),
    [(POSE, "has no person"), (DETECTOR, "has no picture in which everyone is labelled")],
    ids=["pose", "detector"],
)
def test_nothing_to_measure_with(made: Path, tmp_path: Path, base: dict[str, Any], message: str) -> None:
    category = {"id": 1, "name": "person", "keypoints": ["nose"]}
    path = tmp_path / "none.json"
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": [category]}))
    with pytest.raises(ValueError, match=rf"none\.json {message}"):
        task(made, base, val__annotations=str(path))


def test_a_faulty_label_stops_the_run_unless_told_otherwise(made: Path) -> None:
    source = FAULTY.replace("ROOT", str(made))
    with pytest.raises(ValueError, match=r"faulty\.json: annotation 4 has an empty bbox"):
        task(made, train=f"[{source}]")
