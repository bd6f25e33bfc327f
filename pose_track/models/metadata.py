"""The metadata of a keypoint network: how it was trained, as strings in weights files and exported models."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Decoding, HeatmapType
from pose_track.models.score_map import SCORE_MAP, ScoreMap, parse_score_map
from pose_track.structures.skeleton import Skeleton
from pose_track.structures.skeleton_record import DEFINITION_KEY, is_built_in, named_skeleton, skeleton_record

REQUIRED_KEYS = frozenset({"network", "skeleton", "input_size", "heatmap_type"})
"""The keys that identify files written by this project: all of them are there."""


@dataclass(frozen=True)
class PoseMetadata:
    """What a file states about a keypoint network; None for what it does not state.

    skeleton: its joints.
    input_size: (w, h) of the crops in pixels.
    heatmap_type, sigma, blur_kernel_size, decoding, score_map: see `Codec`.
    """

    skeleton: Skeleton | None = None
    input_size: tuple[int, int] | None = None
    heatmap_type: HeatmapType | None = None
    sigma: float | None = None
    blur_kernel_size: int | None = None
    decoding: Decoding | None = None
    score_map: ScoreMap | None = None


def pose_metadata(network: str, skeleton: Skeleton, codec: Codec) -> dict[str, str]:
    """The metadata that this project writes into weights files and exported models.

    >>> from pose_track.structures.skeleton import COCO_17
    >>> pose_metadata("hrnet_w32", COCO_17, Codec("udp", (192, 256)))["input_size"]
    '192x256'
    """
    metadata = {
        "network": network,
        "skeleton": skeleton.name,
        "input_size": "{}x{}".format(*codec.input_size),
        "heatmap_type": codec.heatmap_type,
        "sigma": str(float(codec.sigma)).removesuffix(".0"),
    }
    if not is_built_in(skeleton):
        metadata[DEFINITION_KEY] = json.dumps(skeleton_record(skeleton))
    optional = {"blur_kernel_size": codec.blur_kernel_size, "decoding": codec.decoding, SCORE_MAP: codec.score_map}
    return metadata | {key: str(value) for key, value in optional.items() if value is not None}


def parse_pose_metadata(metadata: Mapping[str, str]) -> PoseMetadata:
    """The inverse of `pose_metadata`; a missing key gives None. Raises ValueError for an invalid value.

    >>> parse_pose_metadata({"heatmap_type": "udp", "input_size": "192x256"}).input_size
    (192, 256)
    """
    values: dict[str, Any] = {key: parse(metadata[key]) for key, parse in _PARSERS.items() if key in metadata}
    invalid = [f"{key} {metadata[key]!r}" for key, value in values.items() if value is None]
    if invalid:
        raise ValueError(f"has invalid metadata: {', '.join(invalid)}")
    if "skeleton" in metadata:
        values["skeleton"] = _parse_skeleton(metadata["skeleton"], metadata.get(DEFINITION_KEY))
    return PoseMetadata(**values)


def _parse_skeleton(name: str, definition: str | None) -> Skeleton:
    try:
        return named_skeleton(name, None if definition is None else json.loads(definition))
    except ValueError as error:
        raise ValueError(f"has invalid metadata: {error}") from None


def _parse_size(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    return None if match is None else (int(match[1]), int(match[2]))


def _parse_sigma(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


_PARSERS: dict[str, Callable[[str], Any]] = {
    "input_size": _parse_size,
    "heatmap_type": lambda text: text if text in get_args(HeatmapType) else None,
    "sigma": _parse_sigma,
    "blur_kernel_size": lambda text: int(text) if re.fullmatch(r"\d{0,3}[13579]", text) else None,
    "decoding": lambda text: text if text in get_args(Decoding) else None,
    SCORE_MAP: parse_score_map,
}
