"""What is in a file of weights, of either kind: tensors by name, and notes. PyTorch is imported only for the values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from pose_track.weights.container import container, not_weights
from pose_track.weights.state_dict_names import copies

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Outline:
    """A file but for its values. shapes: of the tensors by name. metadata: of a safetensors file; meta: what a
    checkpoint of `torch.save` has under that name. averaged: whether the weights are known to be a running average."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]
    meta: Mapping[str, Any]
    averaged: bool = False


@dataclass(frozen=True)
class WeightFile:
    """tensors: by name. The rest as in `Outline`."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    meta: Mapping[str, Any]
    averaged: bool = False

    @property
    def outline(self) -> Outline:
        shapes = {name: tuple(value.shape) for name, value in self.tensors.items()}
        return Outline(shapes, self.metadata, self.meta, self.averaged)


def read_outline(path: str | os.PathLike[str]) -> Outline:
    """What a file holds but for the values; of a safetensors file only the header is read. Raises as `read_weights`."""
    path = Path(path)
    if container(path) != "safetensors":
        return read_weights(path).outline
    try:
        with safe_open(path, framework="np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return Outline(shapes, file.metadata() or {}, {})
    except Exception as error:  # the reader's errors share no class
        raise _damaged(path, error) from error


def read_weights(path: str | os.PathLike[str]) -> WeightFile:
    """The tensors and notes of a safetensors file or one of `torch.save`, whatever its name; no code in it is run.

    Copies of the weights that mmcv leaves among them are left out. Raises FileNotFoundError where there is no file, and
    ValueError where it holds no weights, is cut short or holds code.
    """
    path = Path(path)
    if container(path) == "safetensors":
        return WeightFile(*_read_safetensors(path), {})
    from pose_track.weights.pickled import read_pickled

    tensors, meta, averaged = read_pickled(path)
    left_out = copies(tensors)
    kept = {name: value for name, value in tensors.items() if name not in left_out}
    return WeightFile(kept, {}, meta, averaged or bool(left_out))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except Exception as error:  # the reader's errors share no class
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    return ValueError(not_weights(path, f"is no whole safetensors file ({reason})"))
