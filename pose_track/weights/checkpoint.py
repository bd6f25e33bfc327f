"""The content of a weights file: tensors by name, and metadata. PyTorch is imported only for the tensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from pose_track.utils.extras import require
from pose_track.weights.container import detect_container, invalid_file_message
from pose_track.weights.state_dict_names import ema_copies

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightsHeader:
    """A weights file without its values.

    shapes: of the tensors, by name.
    metadata: of a safetensors file.
    meta: the `meta` of a `torch.save` checkpoint.
    averaged: whether the weights are known to be a running average (EMA).
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]
    meta: Mapping[str, Any]
    averaged: bool = False


@dataclass(frozen=True)
class WeightsFile:
    """A weights file. tensors: by name. The rest as in `WeightsHeader`."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    meta: Mapping[str, Any]
    averaged: bool = False

    @property
    def header(self) -> WeightsHeader:
        shapes = {name: tuple(value.shape) for name, value in self.tensors.items()}
        return WeightsHeader(shapes, self.metadata, self.meta, self.averaged)


def read_header(path: str | os.PathLike[str]) -> WeightsHeader:
    """A weights file without its values. Of a safetensors file only the header is read. Raises as `read_weights`."""
    path = Path(path)
    if detect_container(path) != "safetensors":
        return read_weights(path).header
    try:
        with safe_open(path, framework="np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return WeightsHeader(shapes, file.metadata() or {}, {})
    except Exception as error:  # the reader's errors share no class
        raise _damaged(path, error) from error


def read_weights(path: str | os.PathLike[str]) -> WeightsFile:
    """The tensors and metadata of a safetensors file or one of `torch.save`, whatever its name. No code in it is run.

    EMA copies that mmcv leaves among the weights are dropped. Raises FileNotFoundError for a missing file, ValueError
    for a file that holds no weights, is cut short or holds code, and ImportError without PyTorch.
    """
    path = Path(path)
    container = detect_container(path)
    require("torch", purpose=f"reading {str(path)!r}")
    if container == "safetensors":
        return WeightsFile(*_read_safetensors(path), {})
    from pose_track.weights.pickled import read_pickled

    tensors, meta, averaged = read_pickled(path)
    copies = ema_copies(tensors)
    weights = {name: value for name, value in tensors.items() if name not in copies}
    return WeightsFile(weights, {}, meta, averaged or bool(copies))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except Exception as error:  # the reader's errors share no class
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    return ValueError(invalid_file_message(path, f"is a damaged safetensors file ({reason})"))
