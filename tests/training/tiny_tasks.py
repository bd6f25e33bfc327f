"""Tiny training tasks for tests: images with a coloured dot for each joint, and a network that learns them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.mixture import Mixture
from pose_track.datasets.top_down import PoseAugmentation, TopDownDataset
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.hrnet import HRNet
from pose_track.structures.skeleton import Skeleton
from pose_track.training.loop import Task
from pose_track.training.loss import joints_mse
from pose_track.training.validation import evaluate_poses, pose_evaluator

SMALL: dict[str, Any] = {"widths": (4, 8, 16, 32), "num_modules": (1, 1, 1), "num_blocks": 1}
TORSO = Skeleton("torso", ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
COLOURS = ((255, 60, 60), (60, 255, 60), (60, 60, 255), (255, 255, 60))
BLACK = np.zeros((8, 8, 3), np.uint8)


def write_torsos(folder: Path, count: int) -> tuple[ImageStore, list[PersonLabel]]:
    """Write images with a dot for each joint, each joint in its own colour."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    people = []
    for number in range(count):
        image = np.zeros((80, 80, 3), np.uint8)
        joints = np.array([[50, 22], [26, 22], [50, 56], [26, 56]]) + rng.uniform(-8, 8, (4, 2))
        for position, colour in zip(joints.round().astype(int).tolist(), COLOURS, strict=True):
            cv2.circle(image, position, 5, colour[::-1], -1)
        cv2.imwrite(str(folder / f"{number}.png"), image)
        people.append(PersonLabel(f"{number}.png", joints, np.full(4, 2), np.array([15.0, 10, 65, 70])))
    return ImageStore(folder), people


def pose_task(
    folder: Path,
    augmentation: PoseAugmentation | None = None,
    seed: int = 0,
    heatmap_type: HeatmapType = "gaussian",
    loss: Callable[..., Tensor] = joints_mse,
) -> Task:
    images, people = write_torsos(folder, 8)
    torch.manual_seed(seed)
    network = HRNet(4, **SMALL, stem_blocks=1, stem_channels=8)
    codec, evaluator = Codec(heatmap_type, (64, 64), 1.5), pose_evaluator(people, TORSO, folder, "pck")
    data = Mixture([(TopDownDataset(images, people, TORSO, codec, augmentation), 1.0)])
    return Task(
        network, data, loss, lambda net: evaluate_poses(net, evaluator, images, TORSO, codec), lambda net: BLACK
    )


class NumberSample(NamedTuple):
    image: NDArray[np.uint8]
    target: NDArray[np.float32]


class NumberData:
    """Tiny images whose colour is the index and whose target is a random number of the seed. `broken` ones raise."""

    def __init__(self, length: int = 8, broken: tuple[int, ...] = ()) -> None:
        self.num_samples, self.broken = length, broken

    def __len__(self) -> int:
        return self.num_samples

    def epoch_order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, epoch]).permutation(self.num_samples)

    def sample(self, index: int, seed: int) -> NumberSample:
        if index in self.broken:
            raise FileNotFoundError(f"no image {index}")
        target = np.random.default_rng([seed, index]).standard_normal(1).astype(np.float32)
        return NumberSample(np.full((3, 2, 2), index, np.uint8), target)


class Mean(nn.Module):
    """The mean of an image times a single weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None] * self.weight


def number_task(loss: Callable[..., Tensor], data: NumberData | None = None, network: nn.Module | None = None) -> Task:
    return Task(network or Mean(), data or NumberData(), loss, lambda net: {}, lambda net: BLACK)


def assert_equal(a: Any, b: Any) -> None:
    """Assert that two nested states have identical tensors and numbers."""
    if isinstance(a, Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    else:
        assert a == b
