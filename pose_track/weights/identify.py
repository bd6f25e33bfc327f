"""What a file of weights is: whose names it has, which HRNet it holds, and how that was trained."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from pose_track.runtime.exported import MARKS
from pose_track.structures.skeleton import SKELETONS
from pose_track.weights.checkpoint import Outline, read_outline, read_weights
from pose_track.weights.container import in_file
from pose_track.weights.hrnet_config import HRNetConfig, hrnet_config, joints_of
from pose_track.weights.metadata import PoseMetadata, parse_pose_metadata
from pose_track.weights.mmpose_config import mmpose_training
from pose_track.weights.state_dict_names import possessive, renamed, some, whose

if TYPE_CHECKING:
    from pose_track.models.hrnet import HRNet

OURS = "pose_track"


@dataclass(frozen=True, kw_only=True)
class IdentifiedWeights(PoseMetadata):
    """A keypoint network in a file. origin: whose names its weights have. averaged: whether they are known to be a
    running average over the training. The rest as in `PoseMetadata`."""

    origin: str
    form: HRNetConfig
    num_joints: int
    averaged: bool = False

    @property
    def network(self) -> str | None:
        """Its name in settings; None for another form, such as other widths."""
        return self.form.name

    def __str__(self) -> str:
        """
        >>> w32 = HRNetConfig((32, 64, 128, 256))
        >>> str(IdentifiedWeights(origin="MMPose 1.x", form=w32, num_joints=17, kind="udp", input_size=(192, 256)))
        "HRNet-W32 for 17 joints, with MMPose 1.x's names, trained as udp at 256x192"
        """
        kind = "" if self.kind is None else f" as {self.kind}"
        size = "" if self.input_size is None else " at {1}x{0}".format(*self.input_size)
        trained = f", trained{kind}{size}" if kind or size else ""
        average = ", the average of its training" if self.averaged else ""
        return f"{self.form} for {self.num_joints} joints, with {possessive(self.origin)} names{trained}{average}"


def recognise(path: str | os.PathLike[str]) -> IdentifiedWeights:
    """What keypoint network a file holds, whoever wrote it: a safetensors file, of which only the header is read and
    without PyTorch, or one of `torch.save`.

    Known are HRNets as their authors, MMPose (0.x and 1.x) and this project write them, bare or in a checkpoint of the
    training. Raises FileNotFoundError where there is no file; ValueError with one line that tells what the file is
    instead: no weights, cut short, with code in it, another network, a trunk without joints.
    """
    return _recognised(read_outline(path), path)


def load_hrnet(path: str | os.PathLike[str]) -> tuple[HRNet, IdentifiedWeights]:
    """The keypoint network in a file, in float32, and what was recognised.

    Its form follows from the weights' shapes; names and shapes must then be exactly those of that form, but for the
    batch-norms' counters, which may be missing, and for prefixes, the optimizer and copies of an average. Raises as
    `recognise` does, and ValueError where the weights do not fit.
    """
    import torch

    from pose_track.models.hrnet import HRNet
    from pose_track.weights.load import fill

    file = read_weights(path)
    found = _recognised(file.outline, path)
    with torch.device("meta"):  # without memory and random values, which are replaced anyway
        network = HRNet(found.num_joints, **found.form.arguments)
    network.to_empty(device="cpu")
    fill(network, file.tensors, path)
    return network, found


def _recognised(outline: Outline, path: str | os.PathLike[str]) -> IdentifiedWeights:
    with in_file(path):
        shapes, origin = renamed(outline.shapes), whose(outline.shapes)
    form, num_joints = hrnet_config(shapes), joints_of(shapes)
    if form is None:
        raise ValueError(
            f"{os.fspath(path)!r} holds another network than an HRNet: {len(shapes)} weights with names such as "
            f"{some(_spread(list(outline.shapes)))}; give a file of an HRNet"
        )
    if num_joints is None:
        raise ValueError(
            f"{os.fspath(path)!r} holds a trunk ({form}, with {possessive(origin)} names) without joints; "
            "it is for training, as --init_trunk"
        )
    own = outline.metadata.keys() >= MARKS
    with in_file(path):
        training = parse_pose_metadata(outline.metadata) if own else mmpose_training(outline.meta)
        training = _of_joints(training, num_joints, own)
    origin = OURS if own else origin
    return IdentifiedWeights(
        **asdict(training), origin=origin, form=form, num_joints=num_joints, averaged=outline.averaged
    )


def _of_joints(training: PoseMetadata, num_joints: int, own: bool) -> PoseMetadata:
    """The same without a skeleton that the network's joints are not, as where others' networks were trained on parts
    of a data set. Raises ValueError for such a file of our own."""
    if training.skeleton is None or SKELETONS[training.skeleton].num_joints == num_joints:
        return training
    if own:
        raise ValueError(f"says of itself that its joints are {training.skeleton}, but gives {num_joints} heatmaps")
    return replace(training, skeleton=None)


def _spread(names: list[str], count: int = 3) -> list[str]:
    """Some of the names from all over a network."""
    return names if len(names) <= count else names[:: len(names) // count]
