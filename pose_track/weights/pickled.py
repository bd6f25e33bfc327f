"""Reading files of `torch.save` without running code in them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pose_track.weights.container import invalid_file_message

# The keys of the weights in checkpoints, averages first, as in timm (timm/models/_helpers.py, load_state_dict).
_AVERAGE_KEYS = ("state_dict_ema", "model_ema")
_WEIGHT_KEYS = (*_AVERAGE_KEYS, "state_dict", "model")


class Placeholder:
    """Replaces an object of another package that a checkpoint holds beside the weights; keeps nothing of it."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_REPLACED = (
    "argparse.Namespace",  # training options, by timm and many others
    *(f"pathlib.{part}{system}Path" for part in ("", "_local.") for system in ("Posix", "Windows")),  # in such options
    "mmengine.logging.history_buffer.HistoryBuffer",  # training logs, by MMEngine
    "builtins.getattr",  # by which such a buffer refers to its own methods
)


def read_pickled(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any], bool]:
    """The weights in a file of `torch.save`, its `meta`, and whether the weights are known to be a running average.

    The weights are at the top level, or under one of `_WEIGHT_KEYS`, or else under the one key whose value has kernels.
    With an `ema_state_dict`, MMEngine has already stored the average as the weights (mmengine/hooks/ema_hook.py,
    before_save_checkpoint). Raises ValueError.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        content = {}
    key = _weights_key(content, path)
    weights = content if key is None else content[key]
    tensors = {str(name): value for name, value in weights.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"{str(path)!r} holds no state dict of tensors; give a weights file")
    _check_dense(tensors, path)
    meta = content.get("meta")
    averaged = key in _AVERAGE_KEYS or (key == "state_dict" and "ema_state_dict" in content)
    return tensors, meta if isinstance(meta, Mapping) else {}, averaged


def _weights_key(content: Mapping[Any, Any], path: Path) -> Any:
    """The key of the weights; None for the top level. Raises ValueError if there are several candidates."""
    candidates = [key for key, value in content.items() if isinstance(value, Mapping) and _has_kernels(value)]
    known = next((key for key in _WEIGHT_KEYS if key in candidates), None)
    if known is not None or _has_kernels(content) or not candidates:
        return known
    if len(candidates) > 1:
        listed = " and ".join(map(repr, candidates))
        raise ValueError(f"{str(path)!r} holds weights under {listed}; save one of them alone")
    return candidates[0]


def _has_kernels(values: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) and value.ndim > 1 for value in values.values())


def _load(path: Path) -> Any:
    allowed = [*_numpy_globals(), *((Placeholder, name) for name in _REPLACED)]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler may raise any exception
        forbidden = re.search(r"GLOBAL ([\w.]+)", str(error))
        if forbidden is None:
            raise ValueError(invalid_file_message(path, _describe(error))) from error
        problem = f"holds code ({forbidden[1]}), which is not run"
        remedy = "save its state_dict alone, with the program that wrote it"
        raise ValueError(f"{str(path)!r} {problem}; {remedy}") from error


def _describe(error: Exception) -> str:
    reason = str(error).rpartition("WeightsUnpickler error: ")[2].strip() or type(error).__name__
    return f"is damaged or cut short ({reason.splitlines()[0][:160]})"


def _numpy_globals() -> list[Any]:
    """The globals in a pickled NumPy array, which published files hold in `meta`. None of them runs other code."""
    reconstruct = np.zeros(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    aliases = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((reconstruct, "_reconstruct"), (scalar, "scalar"))
    ]
    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQefdSU"}
    return [*aliases, codecs.encode, np.ndarray, np.dtype, *dtypes]


def _check_dense(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises ValueError for a tensor that weights never are: sparse, quantised, complex, or expanded beyond its
    storage."""
    for name, value in tensors.items():
        is_dense = value.layout == torch.strided and not value.is_quantized and not value.is_complex()
        if not is_dense or value.device.type != "cpu" or value.nbytes > value.untyped_storage().nbytes():
            raise ValueError(
                invalid_file_message(path, f"holds {name} as a sparse, quantised, complex or expanded tensor")
            )
