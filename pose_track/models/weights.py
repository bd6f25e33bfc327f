"""Weight files: reading them strictly, and writing our own.

Ours are safetensors files with a header of strings. Published `.pth` files are read without running any code they
may hold. Either loads whole or not at all.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

_LAST_LAYER = "final_layer."
_COUNTER = ".num_batches_tracked"  # of a batch-norm: without effect, and missing in the published W48 of ImageNet

# Parts of the names in other projects' files: of a wrapper for several devices, and of a network's two halves.
_FOREIGN_PREFIX = re.compile(r"^(module\.)?((backbone|head|keypoint_head)\.)?")


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> dict[str, str]:
    """Fill `network` from a weights file and return the metadata of the file (empty for a `.pth` file).

    Files ending in `.safetensors` are read as such, all others as files of `torch.save` that hold a state dict, bare
    or under `state_dict`; names as MMPose writes them (`backbone.`, `head.`) are understood. Half-precision files
    load into float32 networks. On an error the network is as it was before.

    Raises FileNotFoundError where there is no file; ValueError where the file cannot be read, or where its names and
    shapes are not exactly those of the network.
    """
    path = Path(path)
    tensors, metadata = _read(path)
    tensors = _renamed(tensors, network)
    _check_fits(tensors, network, path)
    network.load_state_dict(tensors)
    return metadata


def load_trunk(network: nn.Module, path: str | os.PathLike[str]) -> list[str]:
    """Fill an HRNet but for its last layer from a file of an HRNet trained for something else, such as ImageNet's
    classes or other joints; return the names of what was left out of the file.

    The file is read as `load_weights` does; as its authors, MMPose and timm write it, it may hold a classifier, and a
    last exchange that also feeds the coarser branches, which are left out. It may lack batch-norms' counters. On an
    error the network is as it was before. Raises FileNotFoundError where there is no file; ValueError where it cannot
    be read, or lacks a part of the trunk or has one of another shape.
    """
    path, ours = Path(path), network.state_dict()
    tensors = _renamed(_read(path)[0], network)
    own = {name: value for name, value in ours.items() if name.startswith(_LAST_LAYER) or name.endswith(_COUNTER)}
    trunk = {name: value for name, value in tensors.items() if name in ours and not name.startswith(_LAST_LAYER)}
    _check_fits({**own, **trunk}, network, path)
    network.load_state_dict({**own, **trunk})
    return [name for name in tensors if name not in trunk]


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
        save_file(tensors, part, dict(metadata or {}))
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


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file and its metadata."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {str(path)!r}; give the path of a .safetensors or .pth file")
    return _read_safetensors(path) if path.suffix == ".safetensors" else (_read_pickle(path), {})


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except Exception as error:  # the reader's errors share no class
        raise _unreadable(path, "is not a safetensors file or is cut short", error) from error


def _numpy_globals() -> list[Any]:
    """What a pickled numpy array names: published files carry some among their notes. None of it runs foreign code."""
    reconstruct = np.zeros(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    aliases = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((reconstruct, "_reconstruct"), (scalar, "scalar"))
    ]
    kinds = {type(np.dtype(code)) for code in "?bBhHiIlLqQefdSU"}
    return [*aliases, codecs.encode, np.ndarray, np.dtype, *kinds]


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise _unreadable(path, "is not a file of tensors alone or is cut short", error) from error
    if isinstance(content, Mapping):
        content = content.get("state_dict", content)
    if not isinstance(content, Mapping) or not any(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(f"{str(path)!r} holds no state dict of tensors; give a file of weights")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _unreadable(path: Path, what: str, error: Exception) -> ValueError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    return ValueError(f"{str(path)!r} {what}; fetch it again or give another file ({reason})")


def _renamed(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors under the names of the network; a name that it has, or that no rule explains, stays."""
    ours = network.state_dict().keys()

    def rename(name: str) -> str:
        stripped = _FOREIGN_PREFIX.sub("", name)
        return stripped if name not in ours and stripped in ours else name

    return {rename(name): value for name, value in tensors.items()}


def _check_fits(tensors: Mapping[str, Tensor], network: nn.Module, path: Path) -> None:
    """Raises ValueError unless names and shapes are exactly those of the network."""
    ours = network.state_dict()
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(ours[name].shape)}"
        for name in ours
        if name in tensors and tensors[name].shape != ours[name].shape
    ]
    faults = {
        "missing": [name for name in ours if name not in tensors],
        "unexpected": [name for name in tensors if name not in ours],
        "of another shape": shapes,
    }
    found = [f"{len(names)} {fault} ({_first(names)})" for fault, names in faults.items() if names]
    if found:
        raise ValueError(
            f"{str(path)!r} does not fit the network: {', '.join(found)}; "
            "give the file of this network, or build the network the file was saved from"
        )


def _first(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
