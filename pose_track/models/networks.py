"""The keypoint networks, built by name or by size."""

from __future__ import annotations

from collections.abc import Callable

from pose_track.models import hrnet, lite_hrnet
from pose_track.models.hrnet import HRNet, build_hrnet
from pose_track.models.lite_hrnet import LiteHRNet, build_lite_hrnet
from pose_track.models.lite_hrnet_config import LiteHRNetConfig
from pose_track.models.network_config import NetworkConfig

KeypointNetwork = HRNet | LiteHRNet

NETWORKS: dict[str, Callable[[int], KeypointNetwork]] = {
    "hrnet_compact": hrnet.hrnet_compact,
    "hrnet_w32": hrnet.hrnet_w32,
    "hrnet_w48": hrnet.hrnet_w48,
    "lite_hrnet_18": lite_hrnet.lite_hrnet_18,
    "lite_hrnet_30": lite_hrnet.lite_hrnet_30,
    "naive_lite_hrnet_18": lite_hrnet.naive_lite_hrnet_18,
    "wider_naive_lite_hrnet_18": lite_hrnet.wider_naive_lite_hrnet_18,
}
"""From the number of joints to a network with random weights, by the network's name in settings."""


def build_network(config: NetworkConfig, num_joints: int) -> KeypointNetwork:
    """A keypoint network of this size, with random weights."""
    if isinstance(config, LiteHRNetConfig):
        return build_lite_hrnet(config, num_joints)
    return build_hrnet(config, num_joints)
