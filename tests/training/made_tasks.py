"""Tiny tasks for tests of training: pictures with a coloured dot for each joint, and a network that learns them."""

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
from pose_track.models.heatmaps import Kind
from pose_track.models.hrnet import HRNet
from pose_track.structures.skeleton import Skeleton
from pose_track.training.loop import Task
from pose_track.training.loss import joints_mse
from pose_track.training.validation import measure_poses, pose_test

SMALL: dict[str, Any] = {"widths": (4, 8, 16, 32), "num_modules": (1, 1, 1), "num_blocks": 1}
TORSO = Skeleton("torso", ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
COLOURS = ((255, 60, 60), (60, 255, 60), (60, 60, 255), (255, 255, 60))
BLACK = np.zeros((8, 8, 3), np.uint8)


def write_torsos(folder: Path, count: int) -> tuple[ImageStore, list[PersonLabel]]:
    """Pictures with a dot of its own colour for each joint."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    people = []
    for number in range(count):
        picture = np.zeros((80, 80, 3), np.uint8)
        joints = np.array([[50, 22], [26, 22], [50, 56], [26, 56]]) + rng.uniform(-8, 8, (4, 2))
        for place, colour in zip(joints.round().astype(int).tolist(), COLOURS, strict=True):
            cv2.circle(picture, place, 5, colour[::-1], -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        people.append(PersonLabel(f"{number}.png", joints, np.full(4, 2), np.array([15.0, 10, 65, 70])))
    return ImageStore(folder), people


def pose_task(
    folder: Path,
    augmentation: PoseAugmentation | None = None,
    seed: int = 0,
    kind: Kind = "plain",
    loss: Callable[..., Tensor] = joints_mse,
) -> Task:
    images, people = write_torsos(folder, 8)
    torch.manual_seed(seed)
    network = HRNet(4, **SMALL, stem_blocks=1, stem_channels=8)
    codec, test = Codec(kind, (64, 64), 1.5), pose_test(people, TORSO, folder, "pck")
    data = Mixture([(TopDownDataset(images, people, TORSO, codec, augmentation), 1.0)])
    return Task(network, data, loss, lambda net: measure_poses(net, test, images, TORSO, codec), lambda net: BLACK)


class Point(NamedTuple):
    image: NDArray[np.uint8]
    target: NDArray[np.float32]


class Numbers:
    """Tiny pictures; the colour tells the index, the target a number drawn from the seed. Those in `broken` cannot be
    read."""

    def __init__(self, length: int = 8, broken: tuple[int, ...] = ()) -> None:
        self.num_samples, self.broken = length, broken

    def __len__(self) -> int:
        return self.num_samples

    def epoch_order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, epoch]).permutation(self.num_samples)

    def sample(self, index: int, seed: int) -> Point:
        if index in self.broken:
            raise FileNotFoundError(f"no picture {index}")
        target = np.random.default_rng([seed, index]).standard_normal(1).astype(np.float32)
        return Point(np.full((3, 2, 2), index, np.uint8), target)


class Mean(nn.Module):
    """The mean of a picture times the only weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None] * self.weight


def number_task(loss: Callable[..., Tensor], data: Numbers | None = None, network: nn.Module | None = None) -> Task:
    return Task(network or Mean(), data or Numbers(), loss, lambda net: {}, lambda net: BLACK)


def assert_equal(a: Any, b: Any) -> None:
    """The same tensors and numbers throughout two nested states, to the last bit."""
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
