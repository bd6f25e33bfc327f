"""Filling networks from weights files, strictly and completely, and writing this project's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from pose_track.utils.atomic import atomic_path
from pose_track.weights.checkpoint import read_weights
from pose_track.weights.container import errors_naming_file
from pose_track.weights.state_dict_names import COUNTER, LAST_LAYER, abbreviate, naming_scheme, rename_weights


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> dict[str, str]:
    """Fill `network` from a weights file and return the metadata of a safetensors file (empty for another).

    The prefixes of MMPose (`backbone.`, `head.`) and of modules around the network (see `wrapper_prefix`) are removed.
    Half-precision files load into float32 networks. After an error the network is unchanged.

    Raises FileNotFoundError and ValueError as `read_weights`; ValueError unless names and shapes are exactly those of
    the network.
    """
    file = read_weights(path)
    fill(network, file.tensors, path)
    return file.metadata


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Set all weights of a network from a file's tensors, which have the network's names or known prefixes.

    Batch-norm counters may be missing, and are then 0. Raises ValueError, and changes nothing, if other names or shapes
    differ; the message names `path`, the file of the tensors.
    """
    own = network.state_dict()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in own if name.endswith(COUNTER)}
    with errors_naming_file(path):
        weights = counters | rename_weights(tensors, own)
    _check_fits(weights, network, path)
    network.load_state_dict(weights)


def load_trunk(network: nn.Module, path: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """Fill an HRNet, apart from its last layer, from a file of an HRNet trained for another task, such as ImageNet's
    classes or other joints. Return the naming scheme of the file (see `naming_scheme`) and the names of the weights
    that were not used.

    The file is read as `load_weights` does. As its authors, MMPose and timm write it, it may hold a classifier, and a
    last exchange that also feeds the coarser branches; both are not used. It may lack batch-norm counters. After an
    error the network is unchanged. Raises FileNotFoundError and ValueError as `read_weights`; ValueError for a file
    that lacks a part of the trunk or has one of another shape.
    """
    own, tensors = network.state_dict(), read_weights(path).tensors
    with errors_naming_file(path):
        renamed = rename_weights(tensors, own)
    last_layer = {name: value for name, value in own.items() if name.startswith(LAST_LAYER)}
    trunk = {name: value for name, value in renamed.items() if name in own and not name.startswith(LAST_LAYER)}
    fill(network, {**last_layer, **trunk}, path)
    return naming_scheme(tensors), [name for name in renamed if name not in trunk]


def save_weights(
    network: nn.Module, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None, half: bool = True
) -> None:
    """Write the weights of `network` and `metadata` as a safetensors file, replacing `path` atomically.

    With `half`, weights of convolutions and matrices are stored as float16. Vectors (biases, batch-norm statistics) are
    few and may be large or tiny, so they keep their precision. Raises ValueError for a value that is not finite, or not
    in the range of float16; FileNotFoundError for a missing folder.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to write {path.name!r} in; create it first")
    tensors = {name: _to_stored(name, value, half) for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, dict(metadata or {})))  # `save_file` would let only the owner read it


def _to_stored(name: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    stored = value.half() if half and value.is_floating_point() and value.ndim > 1 else value
    if not torch.isfinite(stored).all():
        remedy = "save with half=False" if torch.isfinite(value).all() else "the training has diverged"
        raise ValueError(f"{name} holds values that cannot be stored as {stored.dtype}: {remedy}")
    return stored


def _check_fits(tensors: Mapping[str, Tensor], network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Raises ValueError unless names and shapes are exactly those of the network; the precision may differ."""
    own = network.state_dict()
    types = [
        f"{name} {str(tensors[name].dtype).removeprefix('torch.')}"
        for name in own
        if own[name].is_floating_point() and name in tensors and not tensors[name].is_floating_point()
    ]
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    mismatches = {
        "missing": [name for name in own if name not in tensors],
        "unexpected": [name for name in tensors if name not in own],
        "of another shape": shapes,
        "of another type": types,
    }
    listed = [f"{len(names)} {problem} ({abbreviate(names)})" for problem, names in mismatches.items() if names]
    if listed:
        raise ValueError(
            f"{os.fspath(path)!r} does not fit the network: {', '.join(listed)}; "
            "give the file of this network, or build the network of the file"
        )
