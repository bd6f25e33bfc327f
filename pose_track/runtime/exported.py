"""What an exported ONNX file states about its network. Neither PyTorch nor ONNX Runtime is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pose_track.models.codec import Codec
from pose_track.models.metadata import REQUIRED_KEYS, PoseMetadata, parse_pose_metadata, pose_metadata
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.version import __version__

EXPORTED_SUFFIX = ".onnx"
OPSET = 17  # ONNX Runtime 1.12 and TensorRT 8.5 and newer read it; every PyTorch from 2.4 on writes it
INPUT = "crops"  # the name of an exported network's input
_BOOLS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class ExportForm:
    """The input and outputs of an exported network.

    Args:
        has_preprocessing: the input is uint8 RGB crops (B, h, w, 3); otherwise normalised float32 (B, 3, h, w), see
            `Normalize`.
        decodes: the outputs are joints (B, K, 2) in crop pixels and scores (B, K); otherwise heatmaps
            (B, K, h / 4, w / 4).
        has_appearance: a further output is the appearance embedding (B, C, h / 4, w / 4), for the tracker.
    """

    has_preprocessing: bool = True
    decodes: bool = False
    has_appearance: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in order.

        >>> ExportForm(decodes=True, has_appearance=True).outputs
        ('joints', 'scores', 'appearance')
        """
        outputs = ("joints", "scores") if self.decodes else ("heatmaps",)
        return (*outputs, "appearance") if self.has_appearance else outputs

    def __str__(self) -> str:
        """Input and outputs in words, for display only.

        >>> str(ExportForm()), str(ExportForm(has_preprocessing=False, decodes=True, has_appearance=True))
        ('crops to heatmaps', 'normalised crops to joints and appearance')
        """
        source = INPUT if self.has_preprocessing else f"normalised {INPUT}"
        return f"{source} to {self.outputs[0]}" + (" and appearance" if self.has_appearance else "")


@dataclass(frozen=True, kw_only=True)
class ExportedMetadata(ExportForm):
    """The metadata of an exported network.

    Args:
        network: its architecture, such as "hrnet_w32".
        pose: how it was trained, and the decoding of its heatmaps; only `blur_kernel_size` may be None.
        joint_names: the K joints, in the order of the outputs.
        flip_test: whether the flip test is part of the network.
        weights_sha256: hash of the weights file that it was exported from.
    """

    network: str
    pose: PoseMetadata
    joint_names: tuple[str, ...]
    flip_test: bool
    weights_sha256: str

    def __str__(self) -> str:
        """The network in words, for display only."""
        flip_test = " with flip test" if self.flip_test else ""
        return f"an exported {self.network}{flip_test}, {super().__str__()}"


def exported_properties(
    network: str,
    skeleton: Skeleton,
    codec: Codec,
    form: ExportForm,
    flip_test: bool,
    weights_sha256: str,
) -> dict[str, str]:
    """The metadata of an exported network as an ONNX file stores it; see `ExportedMetadata`.

    >>> from pose_track.models.codec import Codec
    >>> from pose_track.structures.skeleton import COCO_17
    >>> codec = Codec("dark", (128, 192))
    >>> properties = exported_properties("tiny", COCO_17, codec, ExportForm(decodes=True), False, "0" * 64)
    >>> properties["decodes"], properties["flip_test"], parse_exported_metadata(properties).decodes
    ('true', 'false', True)
    """
    return {
        **pose_metadata(network, skeleton, codec),
        "has_preprocessing": str(form.has_preprocessing).lower(),
        "decodes": str(form.decodes).lower(),
        "has_appearance": str(form.has_appearance).lower(),
        "joints": ",".join(skeleton.joint_names),
        "decoding": codec.resolved_decoding,
        "flip_test": str(flip_test).lower(),
        "weights_sha256": weights_sha256,
        "pose_track_version": __version__,
    }


def parse_exported_metadata(properties: Mapping[str, str]) -> ExportedMetadata:
    """The inverse of `exported_properties`. Raises ValueError for a missing key or an invalid value, and names it."""
    required = (*sorted(REQUIRED_KEYS), "sigma", "decoding", "joints", "weights_sha256")
    if missing := [key for key in required if key not in properties]:
        raise ValueError(f"lacks the metadata {', '.join(missing)} of a network written by pose-track export")
    return ExportedMetadata(
        network=properties["network"],
        pose=parse_pose_metadata(properties),
        joint_names=tuple(properties["joints"].split(",")),
        weights_sha256=properties["weights_sha256"],
        has_preprocessing=_parse_bool(properties, "has_preprocessing"),
        decodes=_parse_bool(properties, "decodes"),
        has_appearance=_parse_bool(properties, "has_appearance"),
        flip_test=_parse_bool(properties, "flip_test"),
    )


def _parse_bool(properties: Mapping[str, str], key: str) -> bool:
    if properties.get(key) not in _BOOLS:
        raise ValueError(f"has the metadata {key} {properties.get(key)!r} instead of true or false; export it again")
    return _BOOLS[properties[key]]
