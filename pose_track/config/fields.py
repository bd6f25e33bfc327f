"""The fields of a settings class: dotted keys, types, defaults and descriptions, for help texts and error messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import getdoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pose_track.structures.skeleton import Skeleton

REQUIRED = dataclasses.MISSING
"""The default of a setting that must be given."""

_TYPE_WORDS = {
    bool: "true|false", int: "N", float: "X", str: "NAME", Path: "FILE", NoneType: "null", Skeleton: "NAME|FILE",
}  # fmt: skip


@dataclass(frozen=True)
class SettingField:
    """A setting.

    key: dotted, such as "tracker.buffer_seconds".
    annotation: its type, without constraints.
    default: a value, or `REQUIRED`.
    description: one line; "" where the class has none.
    section: the first sentence of the docstring of its class.
    """

    key: str
    annotation: Any
    default: Any
    description: str
    section: str


def setting_fields(settings: type | object, prefix: str = "") -> Iterator[SettingField]:
    """All settings of a class, in the order of their definition, sections (nested models and dataclasses) resolved.

    settings: a pydantic model or a dataclass, or an instance of one, whose values are then the defaults.
    """
    kind = settings if isinstance(settings, type) else type(settings)
    section = (getdoc(kind) or "").partition("\n")[0].partition(". ")[0].rstrip(".")
    for name, annotation in get_type_hints(kind).items():
        if name == "model_config":
            continue
        description, default = _description_and_default(kind, name)
        if not isinstance(settings, type):
            default = getattr(settings, name)
        if _is_section(annotation):
            yield from setting_fields(annotation if default is REQUIRED else default, f"{prefix}{name}.")
        else:
            yield SettingField(prefix + name, annotation, default, description, section)


def _is_section(annotation: Any) -> bool:
    if not isinstance(annotation, type) or annotation in _TYPE_WORDS:
        return False
    return issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)


def setting_names(settings: type | object) -> list[str]:
    """The dotted keys of all settings of a class; see `setting_fields`."""
    return [field.key for field in setting_fields(settings)]


def _description_and_default(kind: type, name: str) -> tuple[str, Any]:
    if issubclass(kind, BaseModel):
        info = kind.model_fields[name]
        default = REQUIRED if info.is_required() else info.get_default(call_default_factory=True)
        return info.description or "", default
    assert dataclasses.is_dataclass(kind)
    (field,) = (field for field in dataclasses.fields(kind) if field.name == name)
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    annotated = get_args(get_type_hints(kind, include_extras=True)[name])
    described = [part.description for part in annotated if isinstance(part, FieldInfo) and part.description]
    return (described or [field.metadata.get("description", "")])[0], default


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, and lists that hold mappings, as one mapping with dotted keys.

    >>> flatten({"loop": {"seed": 0}, "train": [{"weight": 1}, {"weight": 2}], "pose": {"scales": [1, 2]}})
    {'loop.seed': 0, 'train.0.weight': 1, 'train.1.weight': 2, 'pose.scales': [1, 2]}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
            value = {str(index): inner for index, inner in enumerate(value)}
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": leaf for inner, leaf in flatten(value).items()}
        else:
            flat[key] = value
    return flat


def type_words(annotation: Any) -> str:
    """What a value of a type looks like, for a help text.

    >>> type_words(Literal["pyav", "decord"])
    'pyav|decord'
    >>> type_words(tuple[int, int] | None)
    '[N,N]|null'
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_words(arguments[0])
    if origin is Literal:
        return "|".join(map(str, arguments))
    if origin in (Union, UnionType):
        return "|".join(map(type_words, arguments))
    if origin is tuple:
        return "[" + ",".join("..." if part is Ellipsis else type_words(part) for part in arguments) + "]"
    return _TYPE_WORDS.get(annotation, "VALUE")
