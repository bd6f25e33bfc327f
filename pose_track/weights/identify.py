"""Identification of weights files: whose names the weights have, which network they are, and how it was trained."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pose_track.models.metadata import REQUIRED_KEYS, PoseMetadata, parse_pose_metadata
from pose_track.models.network_config import NetworkConfig, NetworkName
from pose_track.weights.checkpoint import WeightsHeader, read_header, read_weights
from pose_track.weights.container import errors_naming_file
from pose_track.weights.hrnet_shapes import config_from_shapes, num_joints_from_shapes
from pose_track.weights.lite_hrnet_shapes import lite_config_from_shapes
from pose_track.weights.mmpose_config import parse_mmpose_metadata
from pose_track.weights.state_dict_names import abbreviate, naming_scheme, rename_weights

if TYPE_CHECKING:
    from pose_track.models.networks import KeypointNetwork

OWN_NAMING = "pose_track"


@dataclass(frozen=True, kw_only=True)
class IdentifiedWeights(PoseMetadata):
    """The keypoint network in a weights file, with the metadata that the file states.

    naming: the project whose names the weights have.
    config: its size.
    num_joints: number of its heatmaps.
    averaged: whether the weights are known to be a running average (EMA) over the training.
    """

    naming: str
    config: NetworkConfig
    num_joints: int
    averaged: bool = False

    @property
    def network(self) -> NetworkName | None:
        """The network's name in settings; None for other sizes."""
        return self.config.name

    def __str__(self) -> str:
        """
        >>> from pose_track.models.hrnet_config import HRNetConfig
        >>> w32 = HRNetConfig((32, 64, 128, 256))
        >>> udp = PoseMetadata(heatmap_type="udp", input_size=(192, 256))
        >>> str(IdentifiedWeights(naming="MMPose 1.x", config=w32, num_joints=17, **vars(udp)))
        'HRNet-W32 for 17 joints, with names of MMPose 1.x, trained as udp at 256x192'
        """
        heatmap_type = "" if self.heatmap_type is None else f" as {self.heatmap_type}"
        size = "" if self.input_size is None else " at {1}x{0}".format(*self.input_size)
        training = f", trained{heatmap_type}{size}" if heatmap_type or size else ""
        average = ", EMA weights" if self.averaged else ""
        return f"{self.config} for {self.num_joints} joints, with names of {self.naming}{training}{average}"


def identify_weights(path: str | os.PathLike[str]) -> IdentifiedWeights:
    """The keypoint network in a weights file.

    The file is a safetensors file, of which only the header is read, without PyTorch, or one of `torch.save`. It holds
    an HRNet or a Lite-HRNet as its authors, MMPose (0.x and 1.x) or this project write it, alone or in a training
    checkpoint.

    Raises FileNotFoundError for a missing file, and ValueError for a file without weights, cut short, with code in it,
    of another network, or of a trunk without joints.
    """
    return _identify(read_header(path), path)


def load_hrnet(path: str | os.PathLike[str]) -> tuple[KeypointNetwork, IdentifiedWeights]:
    """The keypoint network in a weights file, in float32, and its identification.

    The network's size follows from the shapes of the weights. Names and shapes must then be exactly those of that size,
    apart from batch-norm counters, which may be missing, known prefixes, the optimizer and EMA copies. Raises as
    `identify_weights`, and ValueError for weights that do not fit.
    """
    import torch

    from pose_track.models.networks import build_network
    from pose_track.weights.load import fill

    file = read_weights(path)
    identified = _identify(file.header, path)
    with torch.device("meta"):  # without memory and random values, which are replaced anyway
        network = build_network(identified.config, identified.num_joints)
    network.to_empty(device="cpu")
    fill(network, file.tensors, path)
    return network, identified


def _identify(header: WeightsHeader, path: str | os.PathLike[str]) -> IdentifiedWeights:
    with errors_naming_file(path):
        shapes, naming = rename_weights(header.shapes), naming_scheme(header.shapes)
    config: NetworkConfig | None = config_from_shapes(shapes) or lite_config_from_shapes(shapes)
    num_joints = num_joints_from_shapes(shapes)
    if config is None:
        raise ValueError(
            f"{os.fspath(path)!r} holds another network than an HRNet: {len(shapes)} weights with names such as "
            f"{abbreviate(_spread(list(header.shapes)))}; give a file of an HRNet"
        )
    if num_joints is None:
        raise ValueError(
            f"{os.fspath(path)!r} holds a trunk ({config}, with names of {naming}) without joints; "
            "use it to start a training, as --init_trunk"
        )
    is_own = header.metadata.keys() >= REQUIRED_KEYS
    with errors_naming_file(path):
        metadata = parse_pose_metadata(header.metadata) if is_own else parse_mmpose_metadata(header.meta)
        metadata = _check_skeleton(metadata, num_joints, is_own)
    naming = OWN_NAMING if is_own else naming
    return IdentifiedWeights(
        **vars(metadata), naming=naming, config=config, num_joints=num_joints, averaged=header.averaged
    )


def _check_skeleton(metadata: PoseMetadata, num_joints: int, is_own: bool) -> PoseMetadata:
    """The metadata, without the skeleton where the network has another number of joints: other projects train on a part
    of a data set's joints. Raises ValueError for such a file of this project."""
    if metadata.skeleton is None or metadata.skeleton.num_joints == num_joints:
        return metadata
    if is_own:
        raise ValueError(
            f"states skeleton {metadata.skeleton} in its metadata, but its network has {num_joints} joints"
        )
    return replace(metadata, skeleton=None)


def _spread(names: list[str], count: int = 3) -> list[str]:
    """A few names, evenly spread over a network."""
    return names if len(names) <= count else names[:: len(names) // count]
