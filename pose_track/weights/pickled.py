"""Reading files of `torch.save` without running what they may hold."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pose_track.weights.container import not_weights

# Where checkpoints keep weights: averages first, as timm reads its own (timm/models/_helpers.py, load_state_dict).
_AVERAGES = ("state_dict_ema", "model_ema")
_PLACES = (*_AVERAGES, "state_dict", "model")


class Inert:
    """Stands for an object of another package that training leaves beside the weights; keeps nothing of it."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


_INERT = (
    "argparse.Namespace",  # the options of a training, by timm and many others
    *(f"pathlib.{part}{kind}Path" for part in ("", "_local.") for kind in ("Posix", "Windows")),  # among such options
    "mmengine.logging.history_buffer.HistoryBuffer",  # the course of a training, by MMEngine
    "builtins.getattr",  # by which such a buffer names its own methods; here it gives nothing either
)


def read_pickled(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any], bool]:
    """The weights in a file of `torch.save`, the notes beside them (`meta`), and whether the weights are known to be a
    running average.

    Weights lie bare, or under one of `_PLACES`, or else in the one place where kernels are. Beside an `ema_state_dict`
    MMEngine has already put the average in the place of the weights (mmengine/hooks/ema_hook.py,
    before_save_checkpoint). Raises ValueError.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        content = {}
    place = _place(content, path)
    weights = content if place is None else content[place]
    tensors = {str(name): value for name, value in weights.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"{str(path)!r} holds no state dict of tensors; give a file of weights")
    _check_plain(tensors, path)
    meta = content.get("meta")
    averaged = place in _AVERAGES or (place == "state_dict" and "ema_state_dict" in content)
    return tensors, meta if isinstance(meta, Mapping) else {}, averaged


def _place(content: Mapping[Any, Any], path: Path) -> Any:
    """Under which key the weights lie; None where they lie bare. Raises ValueError where it may be several."""
    places = [key for key, value in content.items() if isinstance(value, Mapping) and _has_kernels(value)]
    known = next((key for key in _PLACES if key in places), None)
    if known is not None or _has_kernels(content) or not places:
        return known
    if len(places) > 1:
        named = " and ".join(repr(key) for key in places)
        raise ValueError(f"{str(path)!r} holds weights under {named}; save one of them to a file")
    return places[0]


def _has_kernels(values: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) and value.ndim > 1 for value in values.values())


def _load(path: Path) -> Any:
    allowed = [*_numpy_globals(), *((Inert, name) for name in _INERT)]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if named is None:
            raise ValueError(not_weights(path, _fault(error))) from error
        code = f"holds code ({named[1]}), which is not run, beside its weights or instead of them"
        remedy = "save its state_dict alone, with the program that made it"
        raise ValueError(f"{str(path)!r} {code}; {remedy}") from error


def _fault(error: Exception) -> str:
    told = str(error).rpartition("WeightsUnpickler error: ")[2].strip() or type(error).__name__
    return f"is damaged or cut short ({told.splitlines()[0][:160]})"


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


def _check_plain(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises ValueError for a tensor without values of its own: sparse, quantised, complex, or wider than what is
    stored of it, as no weights are."""
    for name, value in tensors.items():
        plain = value.layout == torch.strided and not value.is_quantized and not value.is_complex()
        if not plain or value.device.type != "cpu" or value.nbytes > value.untyped_storage().nbytes():
            raise ValueError(not_weights(path, f"holds {name} in a form that weights do not have"))
