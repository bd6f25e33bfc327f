"""Pictures on their way to the device that looks at them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pose_track.types import ImageArray


def upload(image: ImageArray, device: torch.device) -> Tensor:
    """A picture (H, W, 3) uint8 as a tensor on `device`. To a GPU it goes from pinned memory, and the call does not
    wait until it is there; whatever uses it there does."""
    picture = torch.from_numpy(np.require(image, requirements=("C", "W")))
    return picture.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else picture
