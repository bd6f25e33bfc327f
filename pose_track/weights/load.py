"""Networks and their files of weights: filling one strictly, whole or not at all, and writing our own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from pose_track.weights.checkpoint import read_weights
from pose_track.weights.container import in_file
from pose_track.weights.state_dict_names import COUNTER, LAST_LAYER, renamed, some, whose


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> dict[str, str]:
    """Fill `network` from a weights file and return the metadata of a safetensors file (empty for another).

    Names with the prefixes of MMPose (`backbone.`, `head.`) or of what a network was part of (see `wrapping`) are
    understood. Half-precision files load into float32 networks. On an error the network is as it was before.

    Raises FileNotFoundError and ValueError as `read_weights` does; ValueError where names and shapes are not exactly
    those of the network.
    """
    file = read_weights(path)
    fill(network, file.tensors, path)
    return file.metadata


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Give a network all its weights, from a file's tensors under the network's names or with others' prefixes.

    Batch-norms' counters may be missing, and are then 0. Raises ValueError, and changes nothing, where other names or
    shapes differ; path: the file they were read from, for the message.
    """
    ours = network.state_dict()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in ours if name.endswith(COUNTER)}
    with in_file(path):
        given = counters | renamed(tensors, ours)
    _check_fits(given, network, path)
    network.load_state_dict(given)


def load_trunk(network: nn.Module, path: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """Fill an HRNet but for its last layer from a file of an HRNet trained for something else, such as ImageNet's
    classes or other joints; return whose names the file has, and the names of what was left out of it.

    The file is read as `load_weights` does; as its authors, MMPose and timm write it, it may hold a classifier, and a
    last exchange that also feeds the coarser branches, which are left out. It may lack batch-norms' counters. On an
    error the network is as it was before. Raises FileNotFoundError and ValueError as `read_weights` does; ValueError
    where the file lacks a part of the trunk or has one of another shape.
    """
    ours, given = network.state_dict(), read_weights(path).tensors
    with in_file(path):
        tensors = renamed(given, ours)
    own = {name: value for name, value in ours.items() if name.startswith(LAST_LAYER)}
    trunk = {name: value for name, value in tensors.items() if name in ours and not name.startswith(LAST_LAYER)}
    fill(network, {**own, **trunk}, path)
    return whose(given), [name for name in tensors if name not in trunk]


def save_weights(
    network: nn.Module, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None, half: bool = True
) -> None:
    """Write the weights of `network` and `metadata` as a safetensors file; `path` is replaced only once it is whole.

    With `half` convolution and matrix weights are stored as float16; vectors (biases, batch-norm statistics), which
    are few and may be large or tiny, keep their precision. Raises ValueError where a value is not finite, or not in
    the range of float16; FileNotFoundError where there is no folder to write in.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to write {path.name!r} in; make it first")
    tensors = {name: _stored(name, value, half) for name, value in network.state_dict().items()}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(save(tensors, dict(metadata or {})))  # as others may read it; `save_file` lets only its owner
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _stored(name: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    stored = value.half() if half and value.is_floating_point() and value.ndim > 1 else value
    if not torch.isfinite(stored).all():
        remedy = "save with half=False" if torch.isfinite(value).all() else "the training has diverged"
        raise ValueError(f"{name} holds values that cannot be stored as {stored.dtype}: {remedy}")
    return stored


def _check_fits(tensors: Mapping[str, Tensor], network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Raises ValueError unless names and shapes are exactly those of the network, and numbers of whatever precision."""
    ours = network.state_dict()
    types = [
        f"{name} {str(tensors[name].dtype).removeprefix('torch.')}"
        for name in ours
        if ours[name].is_floating_point() and name in tensors and not tensors[name].is_floating_point()
    ]
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(ours[name].shape)}"
        for name in ours
        if name in tensors and tensors[name].shape != ours[name].shape
    ]
    faults = {
        "missing": [name for name in ours if name not in tensors],
        "unexpected": [name for name in tensors if name not in ours],
        "of another shape": shapes,
        "of another type": types,
    }
    found = [f"{len(names)} {fault} ({some(names)})" for fault, names in faults.items() if names]
    if found:
        raise ValueError(
            f"{os.fspath(path)!r} does not fit the network: {', '.join(found)}; "
            "give the file of this network, or build the network the file was saved from"
        )
