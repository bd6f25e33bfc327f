"""Weights of torchvision's own networks."""

from __future__ import annotations

import os

from torch import nn

from pose_track.weights.checkpoint import read_weights
from pose_track.weights.state_dict_names import some


def load_torchvision(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill one of torchvision's networks from a file, by torchvision's own rules: its older files have other names for
    some layers, and counters of batch-norms that the network may lack.

    Every weight of the network must be in the file, and nothing else; after an error the network is not to be used.
    Raises FileNotFoundError where there is no file; ValueError where it holds no weights or those of another network.
    """
    tensors = read_weights(path).tensors
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # for shapes alone; a headline, then one line for each
        _, *shapes = (line.strip() for line in str(error).splitlines())
        raise _misfit(path, f"{len(shapes)} of another shape ({shapes[0]})") from None
    if missing or unexpected:
        faults = {"missing": missing, "unexpected": unexpected}
        found = [f"{len(names)} {fault} ({some(names)})" for fault, names in faults.items() if names]
        raise _misfit(path, ", ".join(found))


def _misfit(path: str | os.PathLike[str], what: str) -> ValueError:
    return ValueError(f"{os.fspath(path)!r} does not fit the network: {what}; give the file of this network")
