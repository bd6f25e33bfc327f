"""The weights that a run starts from: all of a file, or its trunk and those joints of its head that the run has too."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import nn

from pose_track.structures.skeleton import Skeleton
from pose_track.weights.load import load_trunk, load_weights
from pose_track.weights.new_head import load_with_new_head, trained_skeleton
from pose_track.weights.resolve import weights_file

logger = logging.getLogger(__name__)


def load_detector(network: nn.Module, name_or_path: str) -> None:
    """Fill the person detector from a file. Raises as `weights_file` and `load_weights`."""
    load_weights(network, weights_file(name_or_path, "detector"))


def load_pose(network: nn.Module, name_or_path: str, skeleton: Skeleton, may_differ: bool) -> None:
    """Fill a keypoint network for the joints of `skeleton` from a file.

    may_differ: whether a file for other joints is used as far as it goes; the log then says which joints it lacks.
    Raises as `weights_file` and `load_weights`, and ValueError for other joints where they may not differ.
    """
    path = weights_file(name_or_path, "pose")
    trained = trained_skeleton(name_or_path, path)
    if trained is None or trained.joint_names == skeleton.joint_names:
        load_weights(network, path)
    elif may_differ:
        _load_for_other_joints(network, path, name_or_path, trained, skeleton)
    else:
        raise ValueError(f"{name_or_path!r} has the joints of {trained}, not those of {skeleton}; set pose.skeleton")


def _load_for_other_joints(
    network: nn.Module, path: Path, name_or_path: str, trained: Skeleton, skeleton: Skeleton
) -> None:
    taken, new = load_with_new_head(network, path, trained, skeleton)
    logger.info("%s (%s): taken over with the trunk: %s", name_or_path, trained, ", ".join(taken) or "no joint")
    if new:
        logger.info("%s (%s): joints that start anew: %s", name_or_path, trained, ", ".join(new))


def load_pose_trunk(network: nn.Module, name_or_path: str) -> None:
    """Fill all but the last layer of a keypoint network. Raises as `weights_file` and `load_trunk`."""
    naming, unused = load_trunk(network, weights_file(name_or_path, "pose"))
    logger.info("trunk from %s (names: %s); %d tensors not used", name_or_path, naming, len(unused))
