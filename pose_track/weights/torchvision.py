"""Weights of torchvision's networks."""

from __future__ import annotations

import os

from torch import nn

from pose_track.weights.checkpoint import read_weights
from pose_track.weights.state_dict_names import abbreviate


def load_torchvision(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill a torchvision network from a file, by torchvision's own rules: its older files have other names for some
    layers, and batch-norm counters that the network may lack.

    The file must hold every weight of the network and nothing else. After an error the network must not be used.
    Raises FileNotFoundError for a missing file; ValueError for a file without weights or with those of another network.
    """
    tensors = read_weights(path).tensors
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # for shapes alone; a headline, then one line for each
        _, *shapes = (line.strip() for line in str(error).splitlines())
        raise _mismatch(path, f"{len(shapes)} of another shape ({shapes[0]})") from None
    if missing or unexpected:
        mismatches = {"missing": missing, "unexpected": unexpected}
        listed = [f"{len(names)} {problem} ({abbreviate(names)})" for problem, names in mismatches.items() if names]
        raise _mismatch(path, ", ".join(listed))


def _mismatch(path: str | os.PathLike[str], problem: str) -> ValueError:
    return ValueError(f"{os.fspath(path)!r} does not fit the network: {problem}; give the file of this network")
