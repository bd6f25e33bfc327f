"""A trained keypoint network with a head for other joints: the trunk, and the rows of the joints of equal names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from torch import nn

from pose_track.structures.joint_names import match_joints
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.weights.checkpoint import read_weights
from pose_track.weights.container import errors_naming_file
from pose_track.weights.entries.entry import PublishedPoseWeights
from pose_track.weights.identify import identify_weights
from pose_track.weights.load import fill
from pose_track.weights.state_dict_names import LAST_LAYER, rename_weights
from pose_track.weights.zoo import BUNDLED_POSE, find_published


class NewHead(NamedTuple):
    """The joints of a network, by name: those whose weights come from a file, and those that start anew."""

    taken: tuple[str, ...]
    new: tuple[str, ...]


def trained_skeleton(name_or_path: str, path: Path) -> Skeleton | None:
    """The joints of the keypoint network in a weights file, None where nothing states them.

    name_or_path: as the user gave it. path: of the file. Raises as `identify_weights`.
    """
    identified = identify_weights(path)
    entry = BUNDLED_POSE if name_or_path == BUNDLED_POSE.name else find_published(name_or_path)
    if identified.skeleton is not None or not isinstance(entry, PublishedPoseWeights):
        return identified.skeleton
    published = SKELETONS[entry.skeleton]
    return published if published.num_joints == identified.num_joints else None


def load_with_new_head(network: nn.Module, path: str | os.PathLike[str], source: Skeleton, target: Skeleton) -> NewHead:
    """Fill an HRNet for the joints of `target` from the file of one for those of `source`.

    The trunk must be the same and is taken over, and so are the rows of the last layer whose joints have the same name,
    see `match_joints`. The other rows keep the network's values. After an error the network is unchanged. Raises
    FileNotFoundError and ValueError as `load_weights`.
    """
    own, tensors = network.state_dict(), read_weights(path).tensors
    with errors_naming_file(path):
        weights = rename_weights(tensors, own)
    columns = match_joints(target.joint_names, source.joint_names)
    rows, source_rows = list(columns), list(columns.values())
    for name in (f"{LAST_LAYER}weight", f"{LAST_LAYER}bias"):
        if name in weights and weights[name].shape[1:] == own[name].shape[1:]:  # else `fill` names the difference
            head = own[name].clone()
            head[rows] = weights[name][source_rows].to(head)
            weights[name] = head
    fill(network, weights, path)
    names = target.joint_names
    return NewHead(tuple(names[k] for k in rows), tuple(name for k, name in enumerate(names) if k not in columns))
