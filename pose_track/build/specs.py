"""The networks as specifications for a runtime, which decides whether PyTorch has to build them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pose_track.build.networks import DetectorNetwork, PoseNetwork
from pose_track.runtime.bundled import bundled_onnx
from pose_track.runtime.model_spec import ModelSpec
from pose_track.utils.hashing import file_sha256

if TYPE_CHECKING:
    from pose_track.models.inference_model import InferenceModel


def detector_spec(network: DetectorNetwork, image_size: tuple[int, int] | None = None) -> ModelSpec:
    """The specification of the detector `compact`. image_size: (w, h) of its input, as far as it is known."""
    key = f"centre_compact with weights {file_sha256(network.path)}"
    graph, int8 = (bundled_onnx(name, network.path) for name in ("detector", "detector_int8"))
    return ModelSpec(partial(build_centre_net, network.path), key, graph, image_size=image_size, int8=int8)


def build_centre_net(weights: Path) -> InferenceModel:
    """The network of the detector `compact`, with weights from a file. Raises as `load_weights`."""
    from pose_track.models.centre import centre_compact
    from pose_track.models.inference_model import InferenceModel
    from pose_track.weights.load import load_weights

    network = centre_compact()
    load_weights(network, weights)
    return InferenceModel(network)


def pose_spec(network: PoseNetwork, flip_test: bool = False, with_embedding: bool = False) -> ModelSpec:
    """The specification of a keypoint network. Its outputs are heatmaps and, if wanted, the appearance embedding."""
    name = f"hrnet of {network.skeleton.num_joints} joints, embedding {with_embedding}"
    flips = f"flip test {_flip_indices(network, flip_test)}, shift {network.codec.flip_shift}"
    return ModelSpec(
        partial(build_pose_network, network, flip_test, with_embedding),
        f"{name}, {flips}, weights {file_sha256(network.path)}",
        bundled_onnx("pose_flip_test" if flip_test else "pose", network.path),
        num_outputs=2 if with_embedding else 1,
        image_size=network.codec.input_size,
        int8=None if flip_test else bundled_onnx("pose_int8", network.path),
    )


def build_pose_network(network: PoseNetwork, flip_test: bool, with_embedding: bool) -> InferenceModel:
    """A keypoint network with weights from its file. Raises ValueError if its skeleton has another number of joints,
    and as `load_hrnet`."""
    from pose_track.models.hrnet import HRNetWithEmbedding
    from pose_track.models.inference_model import InferenceModel
    from pose_track.weights.identify import load_hrnet

    hrnet, identified = load_hrnet(network.path)
    if identified.num_joints != network.skeleton.num_joints:
        raise ValueError(
            f"{str(network.path)!r} is {identified}, but {network.skeleton.name} has {network.skeleton.num_joints} "
            "joints; give the skeleton of its training as pose.skeleton"
        )
    outputs = HRNetWithEmbedding(hrnet) if with_embedding else hrnet
    return InferenceModel(outputs, _flip_indices(network, flip_test), network.codec.flip_shift)


def _flip_indices(network: PoseNetwork, flip_test: bool) -> list[int] | None:
    return network.skeleton.flip_indices.tolist() if flip_test else None
