"""The keypoint networks by name, without PyTorch."""

from __future__ import annotations

from typing import Literal

from pose_track.models.hrnet_config import HRNetConfig, HRNetName
from pose_track.models.lite_hrnet_config import LiteHRNetConfig, LiteHRNetName

NetworkName = Literal[HRNetName, LiteHRNetName]
NetworkConfig = HRNetConfig | LiteHRNetConfig
