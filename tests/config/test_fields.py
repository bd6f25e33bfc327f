"""Every setting of every settings class has a description and a default that the help can show."""

from __future__ import annotations

import pytest

from pose_track.config.fields import REQUIRED, SettingField, setting_fields, type_words
from pose_track.config.postprocessing import PostprocessingSettings
from pose_track.config.settings import CocoSettings, PoseTrackSettings, Settings
from pose_track.config.tracker import LinkSettings, TrackerSettings
from pose_track.training.config import TrainingConfig

CLASSES = (Settings, PoseTrackSettings, CocoSettings, LinkSettings, PostprocessingSettings, TrainingConfig)
FIELDS = [pytest.param(field, id=f"{kind.__name__}.{field.key}") for kind in CLASSES for field in setting_fields(kind)]


@pytest.mark.parametrize("field", FIELDS)
def test_each_setting_is_described(field: SettingField) -> None:
    assert field.description
    assert "\n" not in field.description
    assert field.section
    assert type_words(field.annotation) != ""


def test_units_are_named() -> None:
    """A key that ends in a unit has it in its description, too."""
    units = {"seconds": "second", "fps": "frames per second", "hz": "hz", "input_size": "pixels", "side": "pixels"}
    for kind in CLASSES:
        for field in setting_fields(kind):
            name = field.key.rpartition(".")[2]
            unit = units.get(name, units.get(name.rpartition("_")[2]))
            assert unit is None or unit in field.description.lower(), field.key


def test_defaults_of_a_section_are_those_of_the_class_around_it() -> None:
    defaults = {field.key: field.default for field in setting_fields(TrackerSettings)}
    assert (defaults["weights.appearance"], defaults["weights.oks"], defaults["min_similarity"]) == (2.0, 0.0, 0.2)
    defaults = {field.key: field.default for field in setting_fields(TrackerSettings(min_similarity=0.5))}
    assert defaults["min_similarity"] == 0.5


def test_required_settings() -> None:
    required = {field.key for field in setting_fields(TrainingConfig) if field.default is REQUIRED}
    assert required == {"task", "train", "val.annotations", "val.images", "loop.epochs"}
