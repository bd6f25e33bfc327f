"""What is known of a published weights file: addresses, digest, purpose, licences and reported result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pose_track.models.network_config import NetworkName
from pose_track.structures.skeleton import SkeletonName

if TYPE_CHECKING:
    from pose_track.models.graph_input import Pixels
    from pose_track.models.heatmaps import Decoding, HeatmapType  # needs OpenCV

Use = Literal["pose", "one_stage", "detector", "trunk", "flow"]

GraphOutputs = Literal["simcc", "rtmo", "boxes", "yolox"]
"""What a published graph returns: logits of x and y for each joint (simcc), boxes with joints (rtmo), boxes after
non-maximum suppression (boxes), or YOLOX's grid before it (yolox)."""

FULL_DIGEST = 64  # hexadecimal digits of a SHA-256


@dataclass(frozen=True)
class Licence:
    """The terms of a published network, which differ between its parts.

    code: licence of the program that it was trained with.
    weights: licence that its publisher states for the file.
    data: terms of the training data, in words.
    """

    code: str
    weights: str
    data: str

    def __str__(self) -> str:
        """
        >>> str(Licence("MIT", "Apache-2.0", "COCO, CC-BY-4.0"))
        'code MIT; weights Apache-2.0; data COCO, CC-BY-4.0'
        """
        return f"code {self.code}; weights {self.weights}; data {self.data}"


@dataclass(frozen=True)
class PublishedWeights:
    """A published weights file.

    name: of the entry, in settings and on the command line.
    file: name of the file in the store. An address that ends in .zip holds it as another name, see `weights.archive`.
    urls: its addresses, the publisher's first; empty if it has to be downloaded by hand.
    sha256: hash of the file, or its first digits; "" if it is not known.
    use: pose, a keypoint network; one_stage, one that finds people and their joints at once; detector, of people;
        trunk, one to start a training from; flow, an optical flow.
    licence: see `Licence`.
    source: publisher and address.
    result: as reported by the publisher.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    sha256: str
    use: Use
    licence: Licence
    source: str
    result: str


@dataclass(frozen=True)
class PublishedPoseWeights(PublishedWeights):
    """The published weights of a keypoint network that this package builds, with all that running it takes.

    network: one of `models.networks.NETWORKS`.
    skeleton: one of `SKELETONS`.
    input_size: (w, h) of a crop in pixels.
    heatmap_type, sigma: of the training, see `Codec`.
    ap: AP on COCO val2017 in percent, with flip test and detected people; None if it is not published.
    decoding: None for the default of the heatmap type.
    blur_kernel_size: in cells, as in the published measurement (see `Codec`); None for the usual one.
    """

    network: NetworkName
    skeleton: SkeletonName
    input_size: tuple[int, int]
    heatmap_type: HeatmapType
    sigma: float
    ap: float | None = None
    decoding: Decoding | None = None
    blur_kernel_size: int | None = None


@dataclass(frozen=True)
class PublishedGraph(PublishedWeights):
    """A published network as an ONNX file, which runs as it is.

    outputs: see `GraphOutputs`.
    pixels: the values that it takes.
    input_size: (w, h) of its input in pixels.
    skeleton: one of `SKELETONS`; None for detectors.
    ap: AP on COCO val2017 in percent, without flip test and with detected people; None if it is not published.
    """

    outputs: GraphOutputs
    pixels: Pixels
    input_size: tuple[int, int]
    skeleton: SkeletonName | None = None
    ap: float | None = None


def digest_in_name(file: str) -> str:
    """The first eight digits of the SHA-256 that a file's name holds, before the date that some have; "" without.

    >>> digest_in_name("hrnet_w32_mpii_256x256-6c4f923f_20200812.pth"), digest_in_name("hrnet_w32-36af842e.pth")
    ('6c4f923f', '36af842e')
    >>> digest_in_name("pose_hrnet_w32_256x256.pth")
    ''
    """
    return file.rpartition("-")[2][:8] if "-" in file else ""
