"""The settings of a training run: what is refused and in which words, and which of them decide the run's course."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from made_runs import DETECTOR, POSE, SOURCE, write_config

from pose_track.config.load import load_settings, setting_names
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.hrnet import NETWORKS
from pose_track.structures.skeleton import SKELETONS
from pose_track.training.config import CocoSource, PoseTrainingConfig, TrainingConfig, TrainSource
from pose_track.training.tasks import LOSSES


def test_overrides(tmp_path: Path) -> None:
    overrides = {
        "train": "[{annotations: a.json, images: a.zip/train}, {annotations: b, images: b, weight: 0.5}]",
        "pose.augmentation.rotation": "10",
        "pose.augmentation.erasing.area": "[0.1, 0.2]",
        "pose.input_size": "[64, 96]",
        "optimizer.learning_rate": "0.5",
        "optimizer.milestones": "[1, 2.5]",
        "optimizer.schedule": "steps",
        "loop.epochs": "0.25",
        "loop.clip_norm": "null",
        "init_weights": "other.safetensors",
        "hardware.threads": "2",
    }
    experiment = load_settings(TrainingConfig, write_config(tmp_path, POSE), overrides)
    assert experiment.train[0].images == Path("a.zip/train")
    assert [source.weight for source in experiment.train] == [1, 0.5]
    assert experiment.pose.augmentation.rotation == 10
    assert experiment.pose.augmentation.erasing.area == (0.1, 0.2)
    assert experiment.pose.input_size == (64, 96)
    assert (experiment.optimizer.learning_rate, experiment.optimizer.milestones) == (0.5, (1, 2.5))
    assert (experiment.loop.epochs, experiment.loop.batch_size, experiment.loop.clip_norm) == (0.25, 2, None)
    assert (experiment.init_weights, experiment.hardware.threads) == (Path("other.safetensors"), 2)
    assert experiment.val.annotations == Path("people.json")


def test_augmentation_is_that_of_the_paper_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_settings(TrainingConfig, write_config(tmp_path, POSE)).pose.augmentation == PoseAugmentation()


TOGETHER = r"cutouts and {0}.augmentation.paste_chance work together; give both, or neither"
CUTOUTS = "{annotations: people.json, images: images}"


@pytest.mark.parametrize(
    ("base", "overrides", "message"),
    [
        (POSE, {"pose.augmentation.rotatoin": "3"}, "did you mean 'pose.augmentation.rotation'"),
        (POSE, {"pose.augmentation.colour.gian": "3"}, "did you mean 'pose.augmentation.colour.gain'"),
        (POSE, {"pose.augmentation.colour": "0.2"}, r"pose.augmentation.colour = '0.2': must be a section"),
        (DETECTOR, {"detector.augmentation.aspekt": "2"}, "did you mean 'detector.augmentation.aspect'"),
        (POSE, {"loop.batchsize": "3"}, "did you mean 'loop.batch_size'"),
        (POSE, {"loop.learning_rate": "3"}, "did you mean 'optimizer.learning_rate'"),
        (POSE, {"threads": "1"}, "did you mean 'hardware.threads'"),
        (POSE, {"val.anotations": "a"}, "did you mean 'val.annotations'"),
        # data
        (DETECTOR, {"train": "[]"}, "train = .*at least 1 item"),
        (POSE, {"train": "[{images: b}]"}, "'train.0.annotations' is missing; give it a value"),
        (POSE, {"train": "[{annotations: a, images: b, weight: 0}]"}, "train.0.weight = 0: must be greater than 0"),
        (POSE, {"val.format": "voc"}, "val.format = 'voc': must be 'auto', 'coco', 'mpii', 'posetrack' or 'lsp'"),
        (DETECTOR, {"val.format": "mpii"}, "learns from COCO-format boxes, not from mpii; leave format out"),
        (POSE, {"pose.cutouts": CUTOUTS}, "pose." + TOGETHER.format("pose")),
        (POSE, {"pose.augmentation.paste_chance": "0.5"}, "pose." + TOGETHER.format("pose")),
        (DETECTOR, {"detector.cutouts": CUTOUTS}, "detector." + TOGETHER.format("detector")),
        (DETECTOR, {"detector.augmentation.paste_chance": "0.5"}, "detector." + TOGETHER.format("detector")),
        # the network and its samples
        (POSE, {"task": "both"}, "task = 'both': must be 'pose' or 'detector'"),
        (POSE, {"detector.canvas": "320"}, "detector has no effect on task pose; leave that section out"),
        (DETECTOR, {"pose.sigma": "3"}, "pose has no effect on task detector"),
        (POSE, {"pose.network": "hrnet_w23"}, "pose.network = 'hrnet_w23': must be 'hrnet_compact', 'hrnet_w32'"),
        (POSE, {"pose.input_size": "[60, 96]"}, r"pose.input_size must be multiples of 32, got \[60, 96\]"),
        (POSE, {"pose.sigma": "0"}, "pose.sigma = '0': must be greater than 0"),
        (POSE, {"pose.target": "offset"}, "pose.target = 'offset': must be 'plain', 'dark' or 'udp'"),
        (POSE, {"pose.loss": "l1"}, "pose.loss = 'l1': must be 'mse', 'ohkm' or 'cross_entropy'"),
        (POSE, {"pose.metric": "ap"}, "pose.metric = 'ap': must be 'coco', 'pckh' or 'pck'"),
        (POSE, {"pose.augmentation.scale": "2"}, "scale must be at least 0 and below 1, got 2"),
        (POSE, {"pose.augmentation.half_body_chance": "2"}, "half_body_chance must be between 0 and 1, got 2"),
        (POSE, {"pose.augmentation.erasing.area": "[0.5, 0.1]"}, r"area must be two shares .*got \[0.5, 0.1\]"),
        (POSE, {"pose.augmentation.degradation.noise": ".nan"}, r"degradation.noise = '.nan': must be a"),
        (DETECTOR, {"detector.canvas": "100"}, "detector.canvas must be a multiple of 64, got 100"),
        (DETECTOR, {"detector.augmentation.long_side": "[3, 2]"}, "long_side must be two lengths"),
        # the first weights
        (POSE, {"init_weights": "a.pth", "init_trunk": "b.pth"}, "init_trunk is .*not beside init_weights; leave one"),
        (DETECTOR, {"init_trunk": "b.pth"}, "init_trunk is for task pose"),
        # the optimizer
        (POSE, {"optimizer.name": "sgd"}, "optimizer.name = 'sgd': must be 'adam', 'adamw' or 'muon'"),
        (POSE, {"optimizer.learning_rate": "0"}, "learning_rate must be above 0, got 0.0"),
        (POSE, {"optimizer.name": "adam", "optimizer.weight_decay": "0.1"}, "weight_decay has no effect on adam"),
        (POSE, {"optimizer.milestones": "[3]"}, "milestones belong to schedule 'steps', and are needed there"),
        (POSE, {"optimizer.schedule": "steps"}, "milestones belong to schedule 'steps', and are needed there"),
        (
            POSE,
            {"optimizer.schedule": "steps", "optimizer.milestones": "[3, 2]"},
            r"milestones must rise, got \(3.0, 2",
        ),
        (POSE, {"optimizer.gamma": "2"}, "gamma must be between 0 and 1, got 2"),
        (POSE, {"optimizer.cooldown": "0.2"}, "cooldown belongs to schedule 'constant', not to 'cosine'"),
        # the loop
        ({**POSE, "loop": {}}, {}, "'loop.epochs' is missing; give it a value"),
        (POSE, {"loop.epochs": "0"}, "epochs must be above 0, got 0"),
        (POSE, {"loop.epochs": ".inf"}, "loop.epochs = '.inf': must be a"),
        (POSE, {"loop.batch_size": "0"}, "batch_size must be above 0, got 0"),
        (POSE, {"loop.accumulate": "3"}, "batch_size 2 must be a multiple of accumulate, 3"),
        (POSE, {"loop.ema_decay": "1"}, "ema_decay must be at least 0 and below 1, got 1"),
        (POSE, {"loop.on_broken": "go"}, "loop.on_broken = 'go': must be 'stop' or 'skip'"),
        # the hardware
        (DETECTOR, {"hardware.threads": "-1"}, "hardware.threads = '-1': must be greater than or equal to 0"),
        (POSE, {"hardware.precision": "half"}, "hardware.precision = 'half': must be 'auto', '32-true'"),
        (POSE, {"hardware.nodes": "0"}, "hardware.nodes = '0': must be greater than or equal to 1"),
    ],
)
def test_faulty_settings(tmp_path: Path, base: dict[str, Any], overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(TrainingConfig, write_config(tmp_path, base), overrides)
    assert "\n" not in str(caught.value)


def test_choices_are_those_that_exist() -> None:
    hints = get_type_hints(PoseTrainingConfig)
    assert set(get_args(hints["network"])) == set(NETWORKS)
    assert set(get_args(hints["skeleton"])) == set(SKELETONS)
    assert set(get_args(hints["loss"])) == set(LOSSES)


# What decides the course of a run. For every setting another value than the usual one; where it needs others, these.

LOOK = {
    "colour.gain": 0.15, "colour.channel_gain": 0.05, "colour.offset": 7.0, "colour.grey_chance": 0.3,
    "degradation.blur_chance": 0.1, "degradation.low_resolution_chance": 0.1, "degradation.noise_chance": 0.1,
    "degradation.jpeg_chance": 0.1, "degradation.blur_length": 5.0, "degradation.low_resolution": 0.7,
    "degradation.noise": 3.0, "degradation.jpeg_quality": 80,
    "erasing.chance": 0.1, "erasing.area": [0.1, 0.2], "erasing.aspect": 2.0, "paste_chance": 0.6, "flip_chance": 0.2,
}  # fmt: skip
CUT = {"annotations": "b", "images": "c"}
SOURCES = {**CUT, "format": "coco"}

OF_ALL: dict[str, Any] = {
    "train.0.weight": 2.0, **{f"train.0.{key}": value for key, value in SOURCES.items()},
    **{f"val.{key}": value for key, value in SOURCES.items()}, "init_weights": "a.pth",
    "optimizer.name": "muon", "optimizer.learning_rate": 1.0, "optimizer.weight_decay": 0.1,
    "optimizer.warmup_samples": 9, "optimizer.schedule": "constant", "optimizer.final_share": 0.5,
    "optimizer.cooldown": 0.2, "optimizer.milestones": [1.0, 3.0], "optimizer.gamma": 0.5,
    "loop.epochs": 3.5, "loop.batch_size": 4, "loop.accumulate": 2, "loop.clip_norm": None, "loop.ema_decay": 0.5,
    "loop.evaluate_every": 3.0, "loop.checkpoint_seconds": 7.0, "loop.on_nonfinite": "skip", "loop.on_broken": "skip",
    "loop.workers": 2, "loop.seed": 3,
    "hardware.device": "auto", "hardware.devices": 2, "hardware.nodes": 2, "hardware.precision": "16-mixed",
    "hardware.share_batch_norm": True, "hardware.compile": True, "hardware.threads": 2,
}  # fmt: skip
OF_POSE: dict[str, Any] = {
    "init_trunk": "b.pth", "pose.network": "hrnet_w32", "pose.skeleton": "lsp_14", "pose.input_size": [64, 96],
    "pose.target": "udp", "pose.sigma": 3.0, "pose.loss": "ohkm", "pose.weigh_joints": True, "pose.metric": "pck",
    "pose.flip_test": True, **{f"pose.cutouts.{key}": value for key, value in CUT.items()},
    **{f"pose.augmentation.{key}": value for key, value in LOOK.items()}, "pose.augmentation.scale": 0.1,
    "pose.augmentation.rotation": 5.0, "pose.augmentation.rotation_chance": 0.1, "pose.augmentation.shift": 0.1,
    "pose.augmentation.half_body_chance": 0.1, "pose.augmentation.upper_body_chance": 0.69,
}  # fmt: skip
OF_DETECTOR: dict[str, Any] = {
    "detector.canvas": 128, "detector.long_side": 128, "detector.augmentation.long_side": [80.0, 90.0],
    "detector.augmentation.aspect": 1.1, "detector.augmentation.mosaic_chance": 0.5,
    **{f"detector.cutouts.{key}": value for key, value in CUT.items()},
    **{f"detector.augmentation.{key}": value for key, value in LOOK.items()},
}  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {
    "optimizer.cooldown": {"optimizer.schedule": "constant"},
    "optimizer.milestones": {"optimizer.schedule": "steps", "optimizer.milestones": [1.0]},
    **{
        key: {f"{section}.cutouts": SOURCE, f"{section}.augmentation.paste_chance": 0.5}
        for section in ("pose", "detector")
        for key in [f"{section}.augmentation.paste_chance", *(f"{section}.cutouts.{inner}" for inner in CUT)]
    },
}

# where files are, what the run is made on, and what only looks on
LOCAL = {
    *(f"{section}.{key}" for section in ("train.0", "val") for key in SOURCES),
    *(f"{section}.cutouts.{key}" for section in ("pose", "detector") for key in CUT),
    *("init_weights", "init_trunk", "loop.epochs", "loop.evaluate_every", "loop.checkpoint_seconds"),
    *("loop.workers", "loop.on_broken"),
    *("hardware.device", "hardware.devices", "hardware.nodes", "hardware.compile", "hardware.threads"),
}


def all_names() -> set[str]:
    """The names of all settings, also of those in a list and of those that may be null."""
    sections = {"train": ("train.0", TrainSource)}
    sections |= {name: (name, CocoSource) for name in ("pose.cutouts", "detector.cutouts")}
    nested = {f"{prefix}.{inner}" for prefix, kind in sections.values() for inner in setting_names(kind)}
    return set(setting_names(TrainingConfig)) - set(sections) | nested


def with_values(base: dict[str, Any], changes: dict[str, Any]) -> TrainingConfig:
    values = json.loads(json.dumps(base))  # train and val are one object no more
    for key, value in changes.items():
        *sections, name = key.split(".")
        place = values
        for section in sections:
            place = place[int(section)] if isinstance(place, list) else place.setdefault(section, {})
        place[name] = copy.deepcopy(value)
    return TrainingConfig.model_validate(values)


def test_the_table_has_every_setting() -> None:
    assert {*OF_ALL, *OF_POSE, *OF_DETECTOR, "task"} == all_names()


@pytest.mark.parametrize(
    ("base", "name", "value"),
    [
        pytest.param(base, name, value, id=f"{base['task']}: {name}")
        for base, table in ((POSE, OF_ALL | OF_POSE), (DETECTOR, OF_ALL | OF_DETECTOR))
        for name, value in table.items()
    ],
)
def test_what_decides_the_course_and_what_does_not(base: dict[str, Any], name: str, value: Any) -> None:
    needed = NEEDED.get(name, {})
    usual, other = with_values(base, needed), with_values(base, needed | {name: value})
    assert usual != other
    before, after = usual.course(), other.course()
    changed = {key for key in {**before, **after} if before.get(key) != after.get(key)}
    assert changed == (set() if name in LOCAL else {name})


def test_the_course_of_another_task_or_of_more_data() -> None:
    pose, detector = with_values(POSE, {}).course(), with_values(DETECTOR, {}).course()
    assert (pose["task"], detector["task"]) == ("pose", "detector")
    assert not [key for key in pose if key.startswith("detector.")]
    assert not [key for key in detector if key.startswith("pose.")]
    assert with_values(POSE, {"train": [SOURCE, SOURCE]}).course() != pose


def test_a_course_outlives_a_file() -> None:
    course = with_values(POSE, {"pose.augmentation.erasing.area": [0.1, 0.2]}).course()
    assert json.loads(json.dumps(course)) == course
    assert course["pose.augmentation.erasing.area"] == [0.1, 0.2]
