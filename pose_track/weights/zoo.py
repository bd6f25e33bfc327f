"""The model zoo: published weights, with their address, purpose, licence and reported results.

The results are those of MMPose's own tables (configs/body_2d_keypoint/topdown_heatmap), of torchvision's weights, and
of the HRNet authors' README. The first eight digits of a file's SHA-256 are part of most names.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pose_track.models.hrnet_config import HRNetName
from pose_track.structures.skeleton import SkeletonName

if TYPE_CHECKING:
    from pose_track.models.heatmaps import Decoding, HeatmapType  # needs OpenCV

Use = Literal["pose", "trunk", "detector", "flow"]

LIST_COMMAND = "pose-track weights list"


@dataclass(frozen=True)
class PublishedWeights:
    """A published weights file.

    name: of the entry, in settings and on the command line.
    file: name of the file.
    url: address of the file; None if it has to be downloaded by hand.
    sha256: hash of the file, or its first digits; "" if it is not known.
    use: pose, a keypoint network; trunk, one to start a training from; detector, of people; flow, an optical flow.
    licence: of the weights.
    source: publisher and address.
    result: as reported by the publisher.
    """

    name: str
    file: str
    url: str | None
    sha256: str
    use: Use
    licence: str
    source: str
    result: str


@dataclass(frozen=True)
class PublishedPoseWeights(PublishedWeights):
    """The published weights of a keypoint network, with all that running it takes.

    network: one of `models.hrnet.NETWORKS`.
    skeleton: one of `SKELETONS`.
    input_size: (w, h) of a crop in pixels.
    heatmap_type, sigma: of the training, see `Codec`.
    ap: AP on COCO val2017 in percent, with flip test and detected people; None if it is not published.
    decoding: None for the default of the heatmap type.
    blur_kernel_size: in cells, as in the published measurement (see `Codec`); None for the usual one.
    """

    network: HRNetName
    skeleton: SkeletonName
    input_size: tuple[int, int]
    heatmap_type: HeatmapType
    sigma: float
    ap: float | None = None
    decoding: Decoding | None = None
    blur_kernel_size: int | None = None


_MMPOSE = "https://download.openmmlab.com/mmpose/"
_TORCHVISION = "https://download.pytorch.org/models/"
_BLUR_KERNEL_SIZE = 11  # for both sigmas: MMPose's configs of sigma 3 do not change its codecs' default
_HRNET_REPOSITORY = "https://github.com/leoxiaobin/deep-high-resolution-net.pytorch"
_TERMS = "; the data of {} has terms of its own"


# whole hashes, where they are published or were measured; other names hold the first eight digits
_SHA256 = {
    "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth":
        "fb6a3cc702b1df54c18a44b26708cd083614211062d0c36d2ca7bf9270df3533",
    "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth":
        "dd69338a24b8d7381807e247652bdc356325bcbaf1cd3e092e00e0a1a58706bf",
    "keypointrcnn_resnet50_fpn_coco-fc266e95.pth":
        "fc266e953d2b302cdcbb9ae66f71f6b0d4649928bf02dc573961e361e4918926",
    "raft_large_C_T_SKHT_V2-ff5fadd5.pth": "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322",
    "raft_small_C_T_V2-01064c6d.pth": "01064c6dba73b0fc9fc8edf772248560a00a3acfd62ac6677e9eeebad9680e27",
    "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth":
        "907ea3f91ff92242bc1baea8049276a3e76bca48ce7560bd268cc029f37977b5",
    "fcos_resnet50_fpn_coco-99b0c9b7.pth": "99b0c9b7cfb1527d782db86b91d207f00547c792fb4103fc612b651d0a07b9e7",
    "pose_hrnet_w32_256x192.pth": "19bc083708bb8d873211e50d85d56344c10290c6e8b564c813fdde09645c4c1c",
    "pose_hrnet_w48_384x288.pth": "95e0fec3194826d5e3f806ea89be68bbb84517b114c3a32b3058c56610b5ef61",
}  # fmt: skip


def _known_hash(file: str) -> str:
    """The SHA-256 of a published file, or the first digits of it in the file's name, before the date that some have.

    >>> _known_hash("hrnet_w32_mpii_256x256-6c4f923f_20200812.pth"), _known_hash("hrnet_w32-36af842e.pth")
    ('6c4f923f', '36af842e')
    >>> _known_hash("pose_hrnet_w32_256x256.pth"), len(_known_hash("pose_hrnet_w32_256x192.pth"))
    ('', 64)
    """
    in_name = file.rpartition("-")[2][:8] if "-" in file else ""
    return _SHA256.get(file, in_name)


def _mmpose(
    name: str, file: str, folder: str, skeleton: SkeletonName, result: str, terms: str = "", ap: float | None = None
) -> PublishedPoseWeights:
    """An entry of MMPose; its name holds the network, the size (height x width) and the heatmap type."""
    words = name.split("_")
    height, width = (int(side) for side in words[3].split("x"))
    return PublishedPoseWeights(
        name=name,
        file=file,
        url=_MMPOSE + folder + file,
        sha256=_known_hash(file),
        use="pose",
        licence="Apache-2.0" + (_TERMS.format(terms) if terms else ""),
        source="MMPose, https://github.com/open-mmlab/mmpose",
        result=result,
        network=_network(words[1]),
        skeleton=skeleton,
        input_size=(width, height),
        heatmap_type="udp" if name.endswith("_udp") else "dark" if name.endswith("_dark") else "gaussian",
        sigma=height / 128 if skeleton == "coco_17" else 2,  # as in MMPose's configs
        ap=ap,
        blur_kernel_size=_BLUR_KERNEL_SIZE,
    )


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


def _network(width: str) -> HRNetName:
    return "hrnet_w32" if width == "w32" else "hrnet_w48"


def _mmpose_entries() -> list[PublishedWeights]:
    coco, older = "v1/body_2d_keypoint/topdown_heatmap/coco/", "top_down/hrnet/"
    return [
        *(_mmpose(name, file, coco, "coco_17", f"COCO val2017 AP {ap}", ap=ap) for name, file, ap in _COCO),
        *(
            _mmpose(
                name,
                file,
                older,
                "posetrack18_17",
                f"PoseTrack18 val AP {ap} ({best} in GT boxes)",
                "PoseTrack",
            )
            for name, file, best, ap in _POSETRACK18
        ),
        *(_mmpose(name, file, older, "mpii_16", f"MPII val PCKh@0.5 {pckh}", "MPII") for name, file, pckh in _MPII),
    ]


# file, skeleton, result, AP on COCO
_HRNET_AUTHORS: tuple[tuple[str, SkeletonName, str, float | None], ...] = (
    ("pose_hrnet_w32_256x192.pth", "coco_17", "COCO val2017 AP 74.4", 74.4),
    ("pose_hrnet_w32_384x288.pth", "coco_17", "COCO val2017 AP 75.8", 75.8),
    ("pose_hrnet_w48_256x192.pth", "coco_17", "COCO val2017 AP 75.1", 75.1),
    ("pose_hrnet_w48_384x288.pth", "coco_17", "COCO val2017 AP 76.3", 76.3),
    ("pose_hrnet_w32_256x256.pth", "mpii_16", "MPII val PCKh@0.5 90.3", None),
)


def _hrnet_authors(file: str, skeleton: SkeletonName, result: str, ap: float | None) -> PublishedPoseWeights:
    """An entry of the HRNet authors, whose files are on cloud drives that serve browsers only."""
    name = Path(file).stem
    words = name.split("_")
    height, width = (int(side) for side in words[3].split("x"))
    return PublishedPoseWeights(
        name=name,
        file=file,
        url=None,
        sha256=_known_hash(file),
        use="pose",
        licence="MIT" + (_TERMS.format("MPII") if skeleton == "mpii_16" else ""),
        source=f"the authors of HRNet, model zoo of {_HRNET_REPOSITORY}",
        result=result,
        network=_network(words[2]),
        skeleton=skeleton,
        input_size=(width, height),
        heatmap_type="gaussian",
        sigma=height / 128,
        ap=ap,
    )


def _trunk(network: str, file: str) -> PublishedWeights:
    return PublishedWeights(
        name=f"{network}_imagenet",
        file=file,
        url=f"{_MMPOSE}pretrain_models/{file}",
        sha256=_known_hash(file),
        use="trunk",
        licence="MIT" + _TERMS.format("ImageNet"),
        source=f"the authors of HRNet, {_HRNET_REPOSITORY}, by way of MMPose",
        result="to start a training from",
    )


# name of torchvision's builder, file, result
_DETECTORS = (
    ("fasterrcnn_resnet50_fpn_v2", "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", "COCO val2017 box AP 46.7"),
    ("fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", "COCO val2017 box AP 32.8"),
    ("fasterrcnn_mobilenet_v3_large_320_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth",
     "COCO val2017 box AP 22.8"),
    ("fcos_resnet50_fpn", "fcos_resnet50_fpn_coco-99b0c9b7.pth", "COCO val2017 box AP 39.2"),
    ("keypointrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn_coco-fc266e95.pth", "COCO val2017 box AP of people 54.6"),
)  # fmt: skip
_FLOWS = (
    ("raft_small", "raft_small_C_T_V2-01064c6d.pth", "Sintel train, clean, end-point error 1.9901"),
    ("raft_large", "raft_large_C_T_SKHT_V2-ff5fadd5.pth", "Sintel test, clean, end-point error 1.819"),
)


def _torchvision(use: Use, name: str, file: str, result: str) -> PublishedWeights:
    return PublishedWeights(
        name=name,
        file=file,
        url=_TORCHVISION + file,
        sha256=_known_hash(file),
        use=use,
        licence="BSD-3-Clause",
        source="torchvision, https://github.com/pytorch/vision",
        result=result,
    )


ZOO: dict[str, PublishedWeights] = {
    entry.name: entry
    for entry in (
        *_mmpose_entries(),
        *(_hrnet_authors(*row) for row in _HRNET_AUTHORS),
        _trunk("hrnet_w32", "hrnet_w32-36af842e.pth"),
        _trunk("hrnet_w48", "hrnet_w48-8ef0771d.pth"),
        *(_torchvision("detector", *row) for row in _DETECTORS),
        *(_torchvision("flow", *row) for row in _FLOWS),
    )
}

# The files of this package, with model cards beside them.
BUNDLED_POSE = PublishedPoseWeights(
    name="bundled",
    file="pose.safetensors",
    url=None,
    sha256="",
    use="pose",
    licence="MIT",
    source="this package",
    result="see pose_track/assets/pose.md",
    network="hrnet_compact",
    skeleton="posetrack_15",
    input_size=(128, 192),
    heatmap_type="dark",
    sigma=2.0,
    decoding="dark",
)
BUNDLED_DETECTOR = PublishedWeights(
    name="compact",
    file="detector.safetensors",
    url=None,
    sha256="",
    use="detector",
    licence="MIT",
    source="this package",
    result="see pose_track/assets/detector.md",
)


def find_published(name_or_path: str) -> PublishedWeights | None:
    """The entry of a name, or of a path with the entry's file name; None if there is none.

    >>> find_published("hrnet_w48_coco_384x288_udp").ap
    77.3
    >>> find_published("models/pose_hrnet_w32_256x192.pth").licence
    'MIT'
    >>> find_published("mine.pth") is None
    True
    """
    file = Path(name_or_path).name
    return ZOO.get(name_or_path) or next((entry for entry in ZOO.values() if entry.file == file), None)


def unknown_name(name: str) -> ValueError:
    """The error for a name that is not in the zoo; its message suggests similar ones.

    >>> print(unknown_name("raft_smal"))
    there are no published weights 'raft_smal'; did you mean raft_small or raft_large? For all: pose-track weights list
    """
    entry, normalised = find_published(name), name.lower().replace("-", "_")
    containing = [known for known in ZOO if normalised and normalised in known]
    close = difflib.get_close_matches(normalised, ZOO)
    similar = [entry.name] if entry else [*dict.fromkeys([*containing, *close])][:3]
    hint = f"did you mean {_join_or(similar)}? For all: {LIST_COMMAND}" if similar else f"see {LIST_COMMAND}"
    return ValueError(f"there are no published weights {name!r}; {hint}")


def _join_or(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
