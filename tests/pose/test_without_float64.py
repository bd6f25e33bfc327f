"""Apple's GPUs have no float64: nothing on a device may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from test_torch_keypoints import random_images, random_matrices, small_network
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pose_track.models.codec import Codec
from pose_track.pose.torch_keypoints import TorchKeypoints


class NoFloat64(TorchDispatchMode):
    """Raises for any operation with a float64 tensor."""

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for value in tree_leaves([args, kwargs, outputs]):
            assert not (isinstance(value, torch.Tensor) and value.dtype == torch.float64), f"{func} uses float64"
        return outputs


def test_the_mode_sees_float64() -> None:
    with NoFloat64(), pytest.raises(AssertionError, match="uses float64"):
        torch.from_numpy(np.zeros(2)) + 1


@pytest.mark.parametrize("scales", [(1.0,), (0.8, 1.0, 1.25)], ids=str)
@pytest.mark.parametrize("decoding", ["quarter_offset", "dark", "udp", "soft_argmax"])
def test_joints(decoding: Any, scales: tuple[float, ...]) -> None:
    codec = Codec("udp" if decoding == "udp" else "dark", (64, 96), 2.0, decoding)
    with NoFloat64():
        find = TorchKeypoints(small_network(flip=True), codec, "cpu", "float32", 8, scales, twins=[(2, 3)])
        points, *_ = find(random_images((90, 70)), [random_matrices(5)])
    assert points.shape == (5, 4, 2)
