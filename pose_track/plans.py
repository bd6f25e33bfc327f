"""From settings to the networks they name: plans, which build them only where needed, for that takes PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pose_track.models.codec import Codec
from pose_track.models.hashing import file_sha256
from pose_track.runtime.plan import Plan
from pose_track.settings import DetectorSettings, PoseSettings
from pose_track.skeleton import SKELETONS
from pose_track.weight_files import detector_weights, pose_weights

if TYPE_CHECKING:
    from pose_track.models.deployed import Deployed


def detector_plan(settings: DetectorSettings) -> Plan:
    """The bundled form of a detector. Raises FileNotFoundError where its weights are missing."""
    path = detector_weights(settings)
    assert path is not None

    def make() -> Deployed:
        from pose_track.models.centre import centre_compact
        from pose_track.models.deployed import Deployed
        from pose_track.models.weights import load_weights

        network = centre_compact()
        load_weights(network, path)
        return Deployed(network)

    return Plan(make, f"centre_compact with weights {file_sha256(path)}")


def pose_plan(settings: PoseSettings, codec: Codec, with_looks: bool = False) -> Plan:
    """The keypoint network, also with its looks. Raises FileNotFoundError where its weights are missing."""
    path, skeleton = pose_weights(settings), SKELETONS[settings.skeleton]
    twins = skeleton.flip_indices.tolist() if settings.flip_test else None

    def make() -> Deployed:
        from pose_track.models.deployed import Deployed
        from pose_track.models.hrnet import NETWORKS, HRNetWithLooks
        from pose_track.models.weights import load_weights

        network = NETWORKS[settings.network](skeleton.num_joints)
        load_weights(network, path)
        return Deployed(HRNetWithLooks(network) if with_looks else network, twins, codec.flip_shift)

    form = f"{settings.network} of {skeleton.num_joints} joints, looks {with_looks}, twins {twins}"
    key = f"{form}, shift {codec.flip_shift}, weights {file_sha256(path)}"
    return Plan(make, key)
