"""Reading settings: YAML files, presets, dotted overrides, and errors in the user's words."""

from __future__ import annotations

import difflib
import sysconfig
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pose_track.config.settings import DEFAULT_PRESET, PRESETS, TRACK_PRESETS

_SCORE_THRESHOLDS = ("min_high_score", "min_start_score")


SettingsType = TypeVar("SettingsType", bound=BaseModel)


def configs_folder() -> Path:
    """Where the presets lie: in a checkout beside the package, else where the installation put them."""
    beside = Path(__file__).parents[2] / "configs"
    if (beside / f"{DEFAULT_PRESET}.yaml").is_file():
        return beside
    return Path(sysconfig.get_path("data")) / "share" / "pose_track" / "configs"


def preset_path(name: str) -> Path:
    """The file of a preset. Raises ValueError naming those there are."""
    path = configs_folder() / f"{name}.yaml"
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    if not path.is_file():
        raise ValueError(f"there is no {str(path)!r}; install the package again, or give a file as --config")
    return path


def track_preset_path(name: str) -> Path:
    """The file of a tracker's preset. Raises ValueError naming those there are."""
    if name not in TRACK_PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(TRACK_PRESETS)}")
    return configs_folder() / "track" / f"{name}.yaml"


def load_settings(
    kind: type[SettingsType],
    path: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    tracker: str | None = None,
) -> SettingsType:
    """Settings from a YAML file, or the defaults, with some values replaced.

    overrides: dotted keys, such as "tracker.buffer_seconds", and their values as text. tracker: a preset of the
    tracker, whose section takes the place of the file's, but for the file's thresholds on scores, whose scale is the
    networks'. Raises FileNotFoundError, or ValueError with one line that names the file, the key and what it may be.
    """
    values = read_yaml(path) if path is not None else {}
    if tracker is not None:
        own = values.get("tracker") or {}
        if isinstance(own, dict):  # what is no section is told below
            kept = {key: own[key] for key in _SCORE_THRESHOLDS if key in own}
            values["tracker"] = read_yaml(track_preset_path(tracker))["tracker"] | kept
    for key, text in (overrides or {}).items():
        _set(values, key, text)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault, more = error.errors()[0], error.error_count() - 1
        key = ".".join(str(part) for part in fault["loc"])
        where = f"{path}: " if path is not None and not _is_within(key, overrides or {}) else ""
        raise ValueError(where + _explain(key, fault, kind) + (f" (and {more} more)" if more else "")) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping a YAML file holds. Raises FileNotFoundError, or ValueError for anything else."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no settings file {str(path)!r}; give a .yaml file or use --preset")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold settings as 'section:' with 'key: value' lines")
    return values


def _set(values: dict[str, Any], key: str, text: str) -> None:
    """Put an override in its place. Text stays text, which the settings' own types read; lists and null are YAML."""
    *sections, name = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ValueError(f"{key}: {section!r} is not a section of settings")
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        parsed = text
    values[name] = parsed if parsed is None or isinstance(parsed, list | dict) else text


def _is_within(key: str, overrides: Mapping[str, str]) -> bool:
    """Whether a faulty value, or part of a faulty section, was given as an override: then no file is to blame. A fault
    of no key is one of several sections together."""
    if not key:
        return bool(overrides)
    return any(f"{key}.".startswith(f"{given}.") or given.startswith(f"{key}.") for given in overrides)


def _explain(key: str, fault: ErrorDetails, kind: type[BaseModel]) -> str:
    """A fault in the user's words."""
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{key!r} is not a setting{_suggest(key, kind)}"
    if fault["type"] in ("missing", "missing_argument"):
        return f"{key!r} is missing; give it a value"
    if fault["type"] in ("model_type", "model_attributes_type", "dataclass_type"):
        return f"{key} = {fault['input']!r}: must be a section with 'key: value' lines; leave it out for the defaults"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be").partition(", unable")[0]
    return message if fault["type"] == "value_error" else f"{key} = {fault['input']!r}: {message}"


def _suggest(key: str, kind: type[BaseModel]) -> str:
    known = setting_names(kind)
    name = key.split(".")[-1]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.75) or [k for k in known if k.split(".")[-1] == name]
    section = key.rpartition(".")[0]
    near = [k for k in known if section and k.rpartition(".")[0] == section] or known
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(near)}"


def setting_names(kind: type, prefix: str = "") -> list[str]:
    """Dotted names of all settings of a class, a section or a plain dataclass."""
    names = []
    for name, inner in get_type_hints(kind).items():
        if name == "model_config":
            continue
        nested = isinstance(inner, type) and (issubclass(inner, BaseModel) or is_dataclass(inner))
        names += setting_names(inner, f"{prefix}{name}.") if nested else [prefix + name]
    return names
