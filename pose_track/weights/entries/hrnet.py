"""The HRNets and Lite-HRNets of MMPose, and the HRNets of their authors.

The results are those of MMPose's own tables (configs/body_2d_keypoint/topdown_heatmap) and of the authors' README.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pose_track.models.network_config import NetworkName
from pose_track.structures.skeleton import SkeletonName
from pose_track.weights.entries.entry import Licence, PublishedPoseWeights, PublishedWeights, digest_in_name

_MMPOSE = "https://download.openmmlab.com/mmpose/"
_AUTHORS_REPOSITORY = "https://github.com/leoxiaobin/deep-high-resolution-net.pytorch"
_LIBREYOLO = "https://huggingface.co/LibreYOLO/"
_BLUR_KERNEL_SIZE = 11  # for both sigmas: MMPose's configs of sigma 3 do not change its codecs' default

_NETWORKS: tuple[NetworkName, ...] = ("lite_hrnet_18", "lite_hrnet_30", "hrnet_w32", "hrnet_w48")

_NOT_STATED = "not stated apart from the code's"
_DATA: dict[SkeletonName, str] = {
    "coco_17": "COCO, images of many licences",
    "posetrack18_17": "COCO and PoseTrack18, with terms of their own",
    "mpii_16": "MPII, with terms of its own",
}


def _mmpose(
    name: str, file: str, folder: str, skeleton: SkeletonName, result: str, ap: float | None = None
) -> PublishedPoseWeights:
    """An entry of MMPose; its name holds the network, the size (height x width) and the heatmap type."""
    width, height = _size(name)
    return PublishedPoseWeights(
        name=name,
        file=file,
        urls=(_MMPOSE + folder + file,),
        sha256=digest_in_name(file),
        use="pose",
        licence=Licence("Apache-2.0", _NOT_STATED, _DATA[skeleton]),
        source="MMPose, https://github.com/open-mmlab/mmpose",
        result=result,
        network=_network(name),
        skeleton=skeleton,
        input_size=(width, height),
        heatmap_type="udp" if name.endswith("_udp") else "dark" if name.endswith("_dark") else "gaussian",
        sigma=height / 128 if skeleton == "coco_17" else 2,  # as in MMPose's configs
        ap=ap,
        blur_kernel_size=_BLUR_KERNEL_SIZE,
    )


def _size(name: str) -> tuple[int, int]:
    """The (w, h) in a name, which has the height first.

    >>> _size("hrnet_w32_coco_384x288_udp")
    (288, 384)
    """
    height, width = next(word for word in name.split("_") if re.fullmatch(r"\d+x\d+", word)).split("x")
    return int(width), int(height)


# name, file, AP with flip test and a detector of person AP 56.4
_COCO = (
    ("hrnet_w32_coco_256x192", "td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth", 74.9),
    ("hrnet_w32_coco_384x288", "td-hm_hrnet-w32_8xb64-210e_coco-384x288-ca5956af_20220909.pth", 76.1),
    ("hrnet_w48_coco_256x192", "td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth", 75.6),
    ("hrnet_w48_coco_384x288", "td-hm_hrnet-w48_8xb32-210e_coco-384x288-c161b7de_20220915.pth", 76.7),
    ("hrnet_w32_coco_256x192_dark", "td-hm_hrnet-w32_dark-8xb64-210e_coco-256x192-0e00bf12_20220914.pth", 75.7),
    ("hrnet_w32_coco_384x288_dark", "td-hm_hrnet-w32_dark-8xb64-210e_coco-384x288-9bab4c9b_20220917.pth", 76.6),
    ("hrnet_w48_coco_256x192_dark", "td-hm_hrnet-w48_dark-8xb32-210e_coco-256x192-e1ebdd6f_20220913.pth", 76.4),
    ("hrnet_w48_coco_384x288_dark", "td-hm_hrnet-w48_dark-8xb32-210e_coco-384x288-39c3c381_20220916.pth", 77.2),
    ("hrnet_w32_coco_256x192_udp", "td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192-73ede547_20220914.pth", 76.2),
    ("hrnet_w32_coco_384x288_udp", "td-hm_hrnet-w32_udp-8xb64-210e_coco-384x288-9a3f7c85_20220914.pth", 76.8),
    ("hrnet_w48_coco_256x192_udp", "td-hm_hrnet-w48_udp-8xb32-210e_coco-256x192-3feaef8f_20220913.pth", 76.8),
    ("hrnet_w48_coco_384x288_udp", "td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288-70d7ab01_20220913.pth", 77.3),
)

# name, file, mean AP on PoseTrack 2018's validation set: with ground-truth boxes, with those of a Cascade R-CNN
_POSETRACK18 = (
    ("hrnet_w32_posetrack18_256x192", "hrnet_w32_posetrack18_256x192-1ee951c4_20201028.pth", 83.4, 76.9),
    ("hrnet_w32_posetrack18_384x288", "hrnet_w32_posetrack18_384x288-806f00a3_20211130.pth", 83.7, 77.3),
    ("hrnet_w48_posetrack18_256x192", "hrnet_w48_posetrack18_256x192-b5d9b3f1_20211130.pth", 84.6, 77.4),
    ("hrnet_w48_posetrack18_384x288", "hrnet_w48_posetrack18_384x288-5fd6d3ff_20211130.pth", 84.6, 77.8),
)

# name, file, PCKh@0.5 on the validation set
_MPII = (
    ("hrnet_w32_mpii_256x256", "hrnet_w32_mpii_256x256-6c4f923f_20200812.pth", 90.0),
    ("hrnet_w48_mpii_256x256", "hrnet_w48_mpii_256x256-92cab7bd_20200812.pth", 90.1),
)


# name, file, AP with flip test and a detector of person AP 56.4
_LITE = (
    ("lite_hrnet_18_coco_256x192", "litehrnet18_coco_256x192-6bace359_20211230.pth", 64.2),
    ("lite_hrnet_18_coco_384x288", "litehrnet18_coco_384x288-8d4dac48_20211230.pth", 67.6),
    ("lite_hrnet_30_coco_256x192", "litehrnet30_coco_256x192-4176555b_20210626.pth", 67.6),
    ("lite_hrnet_30_coco_384x288", "litehrnet30_coco_384x288-a3aef5c4_20210626.pth", 70.0),
)


def _network(name: str) -> NetworkName:
    """The network whose name an entry's name holds."""
    return next(network for network in _NETWORKS if network in name)


def _mmpose_entries() -> list[PublishedPoseWeights]:
    coco, older, lite = "v1/body_2d_keypoint/topdown_heatmap/coco/", "top_down/hrnet/", "top_down/litehrnet/"
    return [
        *(_mmpose(name, file, coco, "coco_17", f"COCO val2017 AP {ap}", ap=ap) for name, file, ap in _COCO),
        *(_mmpose(name, file, lite, "coco_17", f"COCO val2017 AP {ap}", ap=ap) for name, file, ap in _LITE),
        *(
            _mmpose(
                name,
                file,
                older,
                "posetrack18_17",
                f"PoseTrack18 val AP {ap} ({best} in GT boxes)",
            )
            for name, file, best, ap in _POSETRACK18
        ),
        *(_mmpose(name, file, older, "mpii_16", f"MPII val PCKh@0.5 {pckh}") for name, file, pckh in _MPII),
    ]


# file, SHA-256, skeleton, result, AP on COCO
_AUTHORS: tuple[tuple[str, str, SkeletonName, str, float | None], ...] = (
    ("pose_hrnet_w32_256x192.pth", "19bc083708bb8d873211e50d85d56344c10290c6e8b564c813fdde09645c4c1c", "coco_17",
     "COCO val2017 AP 74.4", 74.4),
    ("pose_hrnet_w32_384x288.pth", "", "coco_17", "COCO val2017 AP 75.8", 75.8),
    ("pose_hrnet_w48_256x192.pth", "", "coco_17", "COCO val2017 AP 75.1", 75.1),
    ("pose_hrnet_w48_384x288.pth", "95e0fec3194826d5e3f806ea89be68bbb84517b114c3a32b3058c56610b5ef61", "coco_17",
     "COCO val2017 AP 76.3", 76.3),
    ("pose_hrnet_w32_256x256.pth", "", "mpii_16", "MPII val PCKh@0.5 90.3", None),
)  # fmt: skip


def _authors(file: str, sha256: str, skeleton: SkeletonName, result: str, ap: float | None) -> PublishedPoseWeights:
    """An entry of the HRNet authors, whose files are on cloud drives that serve browsers only."""
    name = Path(file).stem
    width, height = _size(name)
    return PublishedPoseWeights(
        name=name,
        file=file,
        urls=(),
        sha256=sha256,
        use="pose",
        licence=Licence("MIT", _NOT_STATED, _DATA[skeleton]),
        source=f"the authors of HRNet, model zoo of {_AUTHORS_REPOSITORY}",
        result=result,
        network=_network(name),
        skeleton=skeleton,
        input_size=(width, height),
        heatmap_type="gaussian",
        sigma=height / 128,
        ap=ap,
    )


# name, the authors' file with the same weights, file, SHA-256
_REPUBLISHED = (
    ("libre_hrnet_w32_256x192", "pose_hrnet_w32_256x192", "LibreHRNetw32-pose.pt",
     "c9d8eb383e63ce795f87a3ee2f2b0c8aa0df9bae981573ec4b3909d63815a825"),
    ("libre_hrnet_w48_384x288", "pose_hrnet_w48_384x288", "LibreHRNetw48-pose.pt",
     "ab85504f323c43babdcbed6550f759d323efd0ffc284a0593043e108cd3c4df5"),
)  # fmt: skip


def _republished(name: str, original: PublishedPoseWeights, file: str, sha256: str) -> PublishedPoseWeights:
    """The authors' weights in a file of LibreYOLO, which adds metadata and can be downloaded."""
    return replace(
        original,
        name=name,
        file=file,
        urls=(f"{_LIBREYOLO}{Path(file).stem}/resolve/main/{file}",),
        sha256=sha256,
        licence=Licence("MIT", "MIT", _DATA["coco_17"]),
        source=f"LibreYOLO, {_LIBREYOLO}{Path(file).stem}, from {original.file} of the authors of HRNet",
    )


def _trunk(network: str, file: str) -> PublishedWeights:
    return PublishedWeights(
        name=f"{network}_imagenet",
        file=file,
        urls=(f"{_MMPOSE}pretrain_models/{file}",),
        sha256=digest_in_name(file),
        use="trunk",
        licence=Licence("MIT", _NOT_STATED, "ImageNet, with terms of its own"),
        source=f"the authors of HRNet, {_AUTHORS_REPOSITORY}, by way of MMPose",
        result="to start a training from",
    )


_OF_AUTHORS = tuple(_authors(*row) for row in _AUTHORS)
_BY_NAME = {entry.name: entry for entry in _OF_AUTHORS}

HRNETS = (
    *_mmpose_entries(),
    *_OF_AUTHORS,
    *(_republished(name, _BY_NAME[original], *rest) for name, original, *rest in _REPUBLISHED),
)
TRUNKS = (_trunk("hrnet_w32", "hrnet_w32-36af842e.pth"), _trunk("hrnet_w48", "hrnet_w48-8ef0771d.pth"))
