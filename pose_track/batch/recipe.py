"""What determines the result of a video besides the video: settings, weights and the version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import msgspec

from pose_track.build.networks import describe_weights
from pose_track.config.fields import flatten
from pose_track.config.settings import Settings
from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__


@dataclass(frozen=True)
class Recipe:
    """See the module. settings: of `track`. weights: file and hash of each network, as in the header of the records."""

    settings: dict[str, Any]
    weights: dict[str, dict[str, str]]
    version: str = __version__

    @cached_property
    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits. The names of weights files do not matter, their content does."""
        weights = {stage: used.get("sha256", used["file"]) for stage, used in self.weights.items()}
        text = msgspec.json.encode([self.settings, weights, self.version], order="deterministic")
        return hashlib.sha256(text).hexdigest()

    def difference(self, before: Recipe) -> str:
        """What has changed since another recipe, in words; "" where nothing has."""
        if before.digest == self.digest:
            return ""
        old, new = before._values(), self._values()
        changed = [key for key in new if old.get(key) != new[key]] or sorted(set(old) - set(new))
        more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"{changed[0]} was {old.get(changed[0])!r}, and is {new.get(changed[0])!r}{more}"

    def _values(self) -> dict[str, Any]:
        hashes = {f"weights of {stage}": used.get("sha256", used["file"])[:8] for stage, used in self.weights.items()}
        return {**flatten(self.settings), **hashes, "the version": self.version}


def make_recipe(settings: Settings, stages: str | None = None) -> Recipe:
    """The recipe of settings. stages: "module:function" of the user's stages, whose module then stands for the weights.

    Raises as `describe_weights`; ImportError where the module is not there.
    """
    weights = describe_weights(settings) if stages is None else {"stages": _describe_module(stages)}
    return Recipe(msgspec.to_builtins(settings.model_dump(mode="json")), weights)


def _describe_module(function: str) -> dict[str, str]:
    module = function.partition(":")[0]
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # a package above it
        spec = None
    if spec is None or spec.origin is None:
        raise ImportError(f"there is no module {module!r}; check its name and PYTHONPATH")
    return {"file": function, "sha256": file_sha256(spec.origin)}


def key_of(content: str, recipe_digest: str) -> str:
    """The key of a result: one digest of what was tracked, and how. content: see `source_digest`."""
    return hashlib.sha256(f"{content}\0{recipe_digest}".encode()).hexdigest()


def weights_differ(expected: Mapping[str, Mapping[str, str]], loaded: Mapping[str, Mapping[str, str]]) -> str:
    """The stage whose loaded weights are others than those of the recipe; "" where there is none."""
    for stage, used in expected.items():
        if "sha256" in used and stage in loaded and loaded[stage].get("sha256") != used["sha256"]:
            return stage
    return ""
