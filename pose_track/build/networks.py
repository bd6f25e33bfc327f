"""From settings to the networks they name: plans, which build them only where needed, for that takes PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pose_track.build.pose_model import PoseModel
from pose_track.config.settings import DetectorSettings
from pose_track.runtime.model_spec import ModelSpec
from pose_track.utils.hashing import file_sha256
from pose_track.weights.resolve import detector_weights

if TYPE_CHECKING:
    from pose_track.models.inference_model import InferenceModel


def detector_plan(settings: DetectorSettings) -> ModelSpec:
    """The bundled form of a detector. Raises FileNotFoundError where its weights are missing."""
    path = detector_weights(settings)
    assert path is not None

    def make() -> InferenceModel:
        from pose_track.models.centre import centre_compact
        from pose_track.models.inference_model import InferenceModel
        from pose_track.weights.load import load_weights

        network = centre_compact()
        load_weights(network, path)
        return InferenceModel(network)

    return ModelSpec(make, f"centre_compact with weights {file_sha256(path)}")


def pose_plan(form: PoseModel, flip_test: bool = False, with_embedding: bool = False) -> ModelSpec:
    """The keypoint network of a file of weights, also with its looks."""
    num_joints, shift = form.skeleton.num_joints, form.codec.flip_shift
    twins = form.skeleton.flip_indices.tolist() if flip_test else None

    def make() -> InferenceModel:
        from pose_track.models.hrnet import HRNetWithEmbedding
        from pose_track.models.inference_model import InferenceModel
        from pose_track.weights.identify import load_hrnet

        network, found = load_hrnet(form.file)
        if found.num_joints != num_joints:
            raise ValueError(
                f"{str(form.file)!r} is {found}, but {form.skeleton.name} has {num_joints} joints; "
                "give those it was trained for as pose.skeleton"
            )
        return InferenceModel(HRNetWithEmbedding(network) if with_embedding else network, twins, shift)

    form_of = f"hrnet of {num_joints} joints, looks {with_embedding}, twins {twins}, shift {shift}"
    return ModelSpec(make, f"{form_of}, weights {file_sha256(form.file)}")
