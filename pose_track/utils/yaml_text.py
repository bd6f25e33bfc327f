"""YAML files of users, with the faults that PyYAML accepts in silence."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from pose_track.utils.text_files import read_text

_MAX_VALUES = 100_000  # far more than any settings have; aliases of aliases multiply


class _Loader(yaml.SafeLoader):
    """Refuses keys that are given twice, and aliases that stand for more values than _MAX_VALUES."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _num_values(node, {}) > _MAX_VALUES:
            raise yaml.MarkedYAMLError(problem=f"its aliases stand for more than {_MAX_VALUES} values")
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _num_values(node: yaml.Node, known: dict[yaml.Node, float]) -> float:
    """How many values a node stands for; infinitely many where it contains itself."""
    if node not in known:
        known[node] = float("inf")  # met again before it is counted: it contains itself
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        parts = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
        known[node] = 1 + sum(_num_values(part, known) for part in parts)
    return known[node]


def parse_yaml(text: str) -> Any:
    """The content of YAML text: plain values, lists and mappings.

    Raises ValueError, in one line, for text that is not YAML, is nested too deeply, gives a key twice, or has aliases
    that stand for more than 100,000 values.

    >>> parse_yaml("a: [1, true]")
    {'a': [1, True]}
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split()).replace(' "<unicode string>",', "")
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:  # a date such as 2026-02-31, a number of thousands of digits
        reason = str(error)
    raise ValueError(reason)


def read_yaml_file(path: Path) -> Any:
    """`parse_yaml` of a file, whose name is in the error."""
    text = read_text(path)
    try:
        return parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
