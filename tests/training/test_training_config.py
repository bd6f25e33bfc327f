"""The settings of a training run: invalid settings, descriptions, and which settings determine the result."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from tiny_runs import DETECTOR, POSE, SOURCE, write_config

from pose_track.config.fields import setting_fields, setting_names
from pose_track.config.load import load_settings
from pose_track.datasets.top_down import PoseAugmentation
from pose_track.models.networks import NETWORKS
from pose_track.training.config import CocoSource, PoseTrainingConfig, TeacherConfig, TrainingConfig, TrainSource
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
    config = load_settings(TrainingConfig, write_config(tmp_path, POSE), overrides)
    assert config.train[0].images == Path("a.zip/train")
    assert [source.weight for source in config.train] == [1, 0.5]
    assert config.pose.augmentation.rotation == 10
    assert config.pose.augmentation.erasing.area == (0.1, 0.2)
    assert config.pose.input_size == (64, 96)
    assert (config.optimizer.learning_rate, config.optimizer.milestones) == (0.5, (1, 2.5))
    assert (config.loop.epochs, config.loop.batch_size, config.loop.clip_norm) == (0.25, 2, None)
    assert (config.init_weights, config.hardware.threads) == (Path("other.safetensors"), 2)
    assert config.val.annotations == Path("people.json")


def test_default_augmentation_is_that_of_the_paper(tmp_path: Path) -> None:
    assert load_settings(TrainingConfig, write_config(tmp_path, POSE)).pose.augmentation == PoseAugmentation()


BOTH_OR_NEITHER = r"cutouts .*{0}\.augmentation\.paste_chance"
CUTOUTS = "{annotations: people.json, images: images}"


@pytest.mark.parametrize(
    ("base", "overrides", "message"),
    [
        (POSE, {"pose.augmentation.rotatoin": "3"}, "'pose.augmentation.rotation'"),
        (POSE, {"pose.augmentation.colour.gian": "3"}, "'pose.augmentation.colour.gain'"),
        (POSE, {"pose.augmentation.colour": "0.2"}, r"pose.augmentation.colour = '0.2'.*section"),
        (DETECTOR, {"detector.augmentation.aspekt": "2"}, "'detector.augmentation.aspect'"),
        (POSE, {"loop.batchsize": "3"}, "'loop.batch_size'"),
        (POSE, {"loop.learning_rate": "3"}, "'optimizer.learning_rate'"),
        (POSE, {"threads": "1"}, "'hardware.threads'"),
        (POSE, {"val.anotations": "a"}, "'val.annotations'"),
        # data
        (DETECTOR, {"train": "[]"}, "train = .*1 item"),
        (POSE, {"train": "[{images: b}]"}, "'train.0.annotations' is missing"),
        (POSE, {"train": "[{annotations: a, images: b, weight: 0}]"}, "train.0.weight = 0: .*greater than 0"),
        (POSE, {"val.format": "voc"}, "val.format = 'voc'.*'auto', 'coco', 'mpii', 'posetrack' or 'lsp'"),
        (DETECTOR, {"val.format": "mpii"}, "mpii; leave format out"),
        (POSE, {"pose.cutouts": CUTOUTS}, "pose." + BOTH_OR_NEITHER.format("pose")),
        (POSE, {"pose.augmentation.paste_chance": "0.5"}, "pose." + BOTH_OR_NEITHER.format("pose")),
        (DETECTOR, {"detector.cutouts": CUTOUTS}, "detector." + BOTH_OR_NEITHER.format("detector")),
        (DETECTOR, {"detector.augmentation.paste_chance": "0.5"}, "detector." + BOTH_OR_NEITHER.format("detector")),
        # the network and its samples
        (POSE, {"task": "both"}, "task = 'both'.*'pose' or 'detector'"),
        (POSE, {"detector.canvas": "320"}, "detector .*task pose; leave"),
        (DETECTOR, {"pose.sigma": "3"}, "pose .*task detector"),
        (POSE, {"pose.network": "hrnet_w23"}, "pose.network = 'hrnet_w23'.*'hrnet_compact', 'hrnet_w32'"),
        (POSE, {"pose.input_size": "[60, 96]"}, r"pose.input_size .*multiples of 32.*\[60, 96\]"),
        (POSE, {"pose.sigma": "0"}, "pose.sigma = '0'.*greater than 0"),
        (POSE, {"pose.heatmap_type": "offset"}, "pose.heatmap_type = 'offset'.*'gaussian', 'dark' or 'udp'"),
        (POSE, {"pose.loss": "l1"}, "pose.loss = 'l1'.*'mse' or 'ohkm'"),
        (POSE, {"pose.metric": "ap"}, "pose.metric = 'ap'.*'coco', 'pckh' or 'pck'"),
        (POSE, {"pose.augmentation.scale": "2"}, "scale .*below 1, got 2"),
        (POSE, {"pose.augmentation.half_body_chance": "2"}, "half_body_chance .*0 and 1, got 2"),
        (POSE, {"pose.augmentation.erasing.area": "[0.5, 0.1]"}, r"area .*\[0.5, 0.1\]"),
        (POSE, {"pose.augmentation.degradation.noise": ".nan"}, r"degradation.noise = '.nan'"),
        (DETECTOR, {"detector.canvas": "100"}, "detector.canvas .*multiple of 64, got 100"),
        (DETECTOR, {"detector.augmentation.long_side": "[3, 2]"}, "long_side .*\\[3.0, 2.0\\]"),
        # initial weights
        (POSE, {"init_weights": "a.pth", "init_trunk": "b.pth"}, "init_trunk .*init_weights; leave one"),
        (DETECTOR, {"init_trunk": "b.pth"}, "init_trunk .*task pose"),
        # the optimizer
        (POSE, {"optimizer.name": "sgd"}, "optimizer.name = 'sgd'.*'adam', 'adamw' or 'muon'"),
        (POSE, {"optimizer.learning_rate": "0"}, "learning_rate .*above 0, got 0.0"),
        (POSE, {"optimizer.name": "adam", "optimizer.weight_decay": "0.1"}, "weight_decay .*adam"),
        (POSE, {"optimizer.milestones": "[3]"}, "milestones .*'steps'"),
        (POSE, {"optimizer.schedule": "steps"}, "milestones .*'steps'"),
        (
            POSE,
            {"optimizer.schedule": "steps", "optimizer.milestones": "[3, 2]"},
            r"milestones .*\(3.0, 2",
        ),
        (POSE, {"optimizer.gamma": "2"}, "gamma .*0 and 1, got 2"),
        (POSE, {"optimizer.cooldown": "0.2"}, "cooldown .*'constant'.*'cosine'"),
        # the loop
        ({**POSE, "loop": {}}, {}, "'loop.epochs' is missing"),
        (POSE, {"loop.epochs": "0"}, "epochs .*above 0, got 0"),
        (POSE, {"loop.epochs": ".inf"}, "loop.epochs = '.inf'"),
        (POSE, {"loop.batch_size": "0"}, "batch_size .*above 0, got 0"),
        (POSE, {"loop.accumulate": "3"}, "batch_size 2 .*accumulate, 3"),
        (POSE, {"loop.ema_decay": "1"}, "ema_decay .*below 1, got 1"),
        (POSE, {"loop.on_broken": "go"}, "loop.on_broken = 'go'.*'stop' or 'skip'"),
        # the hardware
        (DETECTOR, {"hardware.threads": "-1"}, "hardware.threads = '-1'.*0"),
        (POSE, {"hardware.precision": "half"}, "hardware.precision = 'half'.*'auto', '32-true'"),
        (POSE, {"hardware.nodes": "0"}, "hardware.nodes = '0'.*1"),
    ],
)
def test_invalid_settings(tmp_path: Path, base: dict[str, Any], overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(TrainingConfig, write_config(tmp_path, base), overrides)
    assert "\n" not in str(caught.value)


def test_choices_match_the_implementations() -> None:
    hints = get_type_hints(PoseTrainingConfig)
    assert set(get_args(hints["network"])) == set(NETWORKS)
    assert set(get_args(hints["loss"])) == set(LOSSES)


# Which settings determine the result. For every setting, a value other than the default, and the settings it needs.

IMAGE_AUGMENTATION = {
    "colour.gain": 0.15, "colour.channel_gain": 0.05, "colour.offset": 7.0, "colour.grey_chance": 0.3,
    "degradation.blur_chance": 0.1, "degradation.low_resolution_chance": 0.1, "degradation.noise_chance": 0.1,
    "degradation.jpeg_chance": 0.1, "degradation.blur_length": 5.0, "degradation.low_resolution": 0.7,
    "degradation.noise": 3.0, "degradation.jpeg_quality": 80,
    "erasing.chance": 0.1, "erasing.area": [0.1, 0.2], "erasing.aspect": 2.0, "paste_chance": 0.6, "flip_chance": 0.2,
}  # fmt: skip
CUTOUT_FILES = {"annotations": "b", "images": "c"}
DATA_FILES = {**CUTOUT_FILES, "format": "coco"}

COMMON_VALUES: dict[str, Any] = {
    "train.0.weight": 2.0, "train.0.sources": ["a"], **{f"train.0.{key}": value for key, value in DATA_FILES.items()},
    **{f"val.{key}": value for key, value in DATA_FILES.items()}, "init_weights": "a.pth",
    "optimizer.name": "muon", "optimizer.learning_rate": 1.0, "optimizer.weight_decay": 0.1,
    "optimizer.warmup_samples": 9, "optimizer.schedule": "constant", "optimizer.final_share": 0.5,
    "optimizer.cooldown": 0.2, "optimizer.milestones": [1.0, 3.0], "optimizer.gamma": 0.5,
    "loop.epochs": 3.5, "loop.batch_size": 4, "loop.accumulate": 2, "loop.clip_norm": None, "loop.ema_decay": 0.5,
    "loop.evaluate_every": 3.0, "loop.checkpoint_seconds": 7.0, "loop.on_nonfinite": "skip", "loop.on_broken": "skip",
    "loop.workers": 2, "loop.seed": 3,
    "hardware.device": "auto", "hardware.devices": 2, "hardware.nodes": 2, "hardware.precision": "16-mixed",
    "hardware.sync_batch_norm": True, "hardware.compile": True, "hardware.threads": 2,
}  # fmt: skip
POSE_VALUES: dict[str, Any] = {
    "init_trunk": "b.pth", "pose.network": "hrnet_w32", "pose.skeleton": "lsp_14", "pose.input_size": [64, 96],
    "pose.heatmap_type": "udp", "pose.sigma": 3.0, "pose.loss": "ohkm", "pose.use_joint_weights": True,
    "pose.metric": "pck", "pose.flip_test": True,
    **{f"pose.cutouts.{key}": value for key, value in CUTOUT_FILES.items()},
    **{f"pose.augmentation.{key}": value for key, value in IMAGE_AUGMENTATION.items()}, "pose.augmentation.scale": 0.1,
    "pose.augmentation.rotation": 5.0, "pose.augmentation.rotation_chance": 0.1, "pose.augmentation.shift": 0.1,
    "pose.augmentation.truncation_chance": 0.1,
    "pose.augmentation.half_body_chance": 0.1, "pose.augmentation.upper_body_chance": 0.69,
}  # fmt: skip
DETECTOR_VALUES: dict[str, Any] = {
    "detector.canvas": 128, "detector.long_side": 128, "detector.augmentation.long_side": [80.0, 90.0],
    "detector.augmentation.aspect": 1.1, "detector.augmentation.mosaic_chance": 0.5,
    **{f"detector.cutouts.{key}": value for key, value in CUTOUT_FILES.items()},
    "detector.teacher.model": "b.onnx", "detector.teacher.features": ["e", "f", "g", "h"],
    "detector.teacher.weight": 7.0,
    **{f"detector.augmentation.{key}": value for key, value in IMAGE_AUGMENTATION.items()},
}  # fmt: skip
TEACHER = {"model": "a.onnx", "features": ["a", "b", "c", "d"], "weight": 1.0}
NEEDED: dict[str, dict[str, Any]] = {
    **{f"detector.teacher.{key}": {"detector.teacher": TEACHER} for key in TEACHER},
    "optimizer.cooldown": {"optimizer.schedule": "constant"},
    "optimizer.milestones": {"optimizer.schedule": "steps", "optimizer.milestones": [1.0]},
    **{
        key: {f"{section}.cutouts": SOURCE, f"{section}.augmentation.paste_chance": 0.5}
        for section in ("pose", "detector")
        for key in [f"{section}.augmentation.paste_chance", *(f"{section}.cutouts.{inner}" for inner in CUTOUT_FILES)]
    },
}

# file locations, hardware, logging and length
LOCAL = {
    *(f"{section}.{key}" for section in ("train.0", "val") for key in DATA_FILES),
    *(f"{section}.cutouts.{key}" for section in ("pose", "detector") for key in CUTOUT_FILES),
    *("init_weights", "init_trunk", "loop.epochs", "loop.evaluate_every", "loop.checkpoint_seconds"),
    "detector.teacher.model",
    *("loop.workers", "loop.on_broken"),
    *("hardware.device", "hardware.devices", "hardware.nodes", "hardware.compile", "hardware.threads"),
}


def all_names() -> set[str]:
    """The names of all settings, including those in lists and optional sections."""
    sections = {"train": ("train.0", TrainSource)}
    sections |= {"detector.teacher": ("detector.teacher", TeacherConfig)}
    sections |= {name: (name, CocoSource) for name in ("pose.cutouts", "detector.cutouts")}
    nested = {f"{prefix}.{inner}" for prefix, kind in sections.values() for inner in setting_names(kind)}
    return set(setting_names(TrainingConfig)) - set(sections) | nested


def with_values(base: dict[str, Any], changes: dict[str, Any]) -> TrainingConfig:
    values = json.loads(json.dumps(base))  # train and val are then separate objects
    for key, value in changes.items():
        *sections, name = key.split(".")
        target = values
        for section in sections:
            target = target[int(section)] if isinstance(target, list) else target.setdefault(section, {})
        target[name] = copy.deepcopy(value)
    return TrainingConfig.model_validate(values)


def test_the_table_has_every_setting() -> None:
    assert {*COMMON_VALUES, *POSE_VALUES, *DETECTOR_VALUES, "task"} == all_names()


@pytest.mark.parametrize(
    ("base", "name", "value"),
    [
        pytest.param(base, name, value, id=f"{base['task']}: {name}")
        for base, table in ((POSE, COMMON_VALUES | POSE_VALUES), (DETECTOR, COMMON_VALUES | DETECTOR_VALUES))
        for name, value in table.items()
    ],
)
def test_settings_that_determine_the_result(base: dict[str, Any], name: str, value: Any) -> None:
    needed = NEEDED.get(name, {})
    default, other = with_values(base, needed), with_values(base, needed | {name: value})
    assert default != other
    before, after = default.result_settings(), other.result_settings()
    changed = {key for key in {**before, **after} if before.get(key) != after.get(key)}
    assert changed == (set() if name in LOCAL else {name})


def test_result_settings_of_another_task_or_more_data() -> None:
    pose, detector = with_values(POSE, {}).result_settings(), with_values(DETECTOR, {}).result_settings()
    assert (pose["task"], detector["task"]) == ("pose", "detector")
    assert not [key for key in pose if key.startswith("detector.")]
    assert not [key for key in detector if key.startswith("pose.")]
    assert with_values(POSE, {"train": [SOURCE, SOURCE]}).result_settings() != pose


def test_result_settings_survive_json() -> None:
    settings = with_values(POSE, {"pose.augmentation.erasing.area": [0.1, 0.2]}).result_settings()
    assert json.loads(json.dumps(settings)) == settings
    assert settings["pose.augmentation.erasing.area"] == [0.1, 0.2]


def test_every_setting_has_a_one_line_description() -> None:
    kinds = (TrainingConfig, TrainSource, CocoSource, TeacherConfig)
    fields = [field for kind in kinds for field in setting_fields(kind)]
    assert {field.key for field in setting_fields(TrainingConfig)} == set(setting_names(TrainingConfig))
    for field in fields:
        assert field.description, field.key
        assert "\n" not in field.description, field.key
