"""Loading settings: YAML files, presets, dotted overrides, and errors in one plain line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pose_track.config.fields import setting_names
from pose_track.config.settings import DEFAULT_PRESET, PRESETS, TRACK_PRESETS
from pose_track.config.skeletons import FOLDER
from pose_track.utils.names import did_you_mean
from pose_track.utils.yaml_text import parse_yaml, read_yaml_file

_KEPT = ("min_high_score", "min_start_score", "speed_factor")

SettingsType = TypeVar("SettingsType", bound=BaseModel)


def configs_folder() -> Path:
    """The folder of the presets: beside the package in a checkout, else share/pose_track/configs below a folder above
    the package, wherever it was installed. Raises FileNotFoundError where there is none."""
    package = Path(__file__).resolve().parents[1]
    installed = (folder / "share" / "pose_track" / "configs" for folder in package.parents)
    for folder in (package.parent / "configs", *installed):
        if (folder / f"{DEFAULT_PRESET}.yaml").is_file():
            return folder
    raise FileNotFoundError(f"the presets of {package} are missing; install the package again, or give --config FILE")


def preset_path(name: str) -> Path:
    """The file of a preset. Raises ValueError for an unknown name."""
    return configs_folder() / f"{_known(name, PRESETS)}.yaml"


def track_preset_path(name: str) -> Path:
    """The file of a preset of the tracker. Raises ValueError for an unknown name."""
    return configs_folder() / "track" / f"{_known(name, TRACK_PRESETS)}.yaml"


def _known(name: str, presets: Sequence[str]) -> str:
    if name not in presets:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(presets)}")
    return name


def load_settings(
    kind: type[SettingsType],
    path: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    tracker: str | None = None,
) -> SettingsType:
    """Settings from a YAML file, or the defaults, with some values replaced.

    kind: the settings class.
    path: the file; None for the defaults.
    overrides: values as text, by dotted key such as "tracker.buffer_seconds".
    tracker: a preset of the tracker, which replaces the section of the file, except its score thresholds, whose scale
        depends on the networks, and the speed of the video.

    Raises FileNotFoundError, or ValueError with one line that names the file, the key and the valid values.
    """
    values = read_yaml(path) if path is not None else {}
    if tracker is not None:
        section = values.get("tracker") or {}
        if isinstance(section, dict):  # anything else fails in the validation below
            values["tracker"] = _with_kept(read_yaml(track_preset_path(tracker))["tracker"], section)
    for key, text in (overrides or {}).items():
        _set(values, key, text)
    try:
        return kind.model_validate(values, context=None if path is None else {FOLDER: path.parent})
    except ValidationError as error:
        first, more = error.errors()[0], error.error_count() - 1
        key = ".".join(str(part) for part in first["loc"])
        file = f"{path}: " if path is not None and not _is_overridden(key, overrides or {}) else ""
        raise ValueError(file + _message(key, first, kind) + (f" (and {more} more)" if more else "")) from None


def _with_kept(preset: dict[str, Any], section: Mapping[str, Any]) -> dict[str, Any]:
    """A preset of the tracker with what it does not decide, of a section `tracker`."""
    kept = {key: section[key] for key in _KEPT if key in section}
    flow = section.get("flow")
    if isinstance(flow, dict) and "min_score" in flow:
        kept["flow"] = {**preset["flow"], "min_score": flow["min_score"]}
    return preset | kept


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; {} for an empty file. Raises FileNotFoundError, or ValueError for anything else."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no settings file {str(path)!r}; give a .yaml file or use --preset")
    values = read_yaml_file(path)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold settings as 'section:' with 'key: value' lines")
    return values


def _set(values: dict[str, Any], key: str, text: str) -> None:
    """Set an override in nested values. Text stays text, which pydantic parses; lists, mappings and null are YAML."""
    *sections, name = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ValueError(f"{key}: {section!r} is not a section of settings")
    try:
        parsed = parse_yaml(text)
    except ValueError:
        parsed = text
    values[name] = parsed if parsed is None or isinstance(parsed, list | dict) else text


def _is_overridden(key: str, overrides: Mapping[str, str]) -> bool:
    """Whether an override set a faulty value or a part of it, so that the error must not name the file. The empty key
    stands for a contradiction between sections."""
    if not key:
        return bool(overrides)
    return any(f"{key}.".startswith(f"{name}.") or name.startswith(f"{key}.") for name in overrides)


def _message(key: str, error: ErrorDetails, kind: type[BaseModel]) -> str:
    """An error of pydantic as one plain line."""
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{key!r} is not a setting{_suggestion(key, kind)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{key!r} is missing; give it a value"
    if error["type"] in ("model_type", "model_attributes_type", "dataclass_type"):
        return f"{key} = {error['input']!r}: must be a section with 'key: value' lines; leave it out for the defaults"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be").partition(", unable")[0]
    return message if error["type"] == "value_error" else f"{key} = {error['input']!r}: {message}"


def _suggestion(key: str, kind: type[BaseModel]) -> str:
    """The nearest setting; where none is near, those of the same section, or all."""
    known = setting_names(kind)
    section, _, name = key.rpartition(".")
    same_name = [setting for setting in known if setting.rpartition(".")[2] == name]
    if clause := did_you_mean(key, known) or did_you_mean(key, same_name[:1], cutoff=0):
        return clause
    siblings = [setting for setting in known if section and setting.rpartition(".")[0] == section]
    return f"; there are {', '.join(siblings or known)}"
