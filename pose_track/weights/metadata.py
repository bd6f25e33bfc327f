"""How a keypoint network was trained, as a file of weights tells it: written into our own and read from them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Kind
from pose_track.structures.skeleton import SKELETONS


@dataclass(frozen=True)
class PoseMetadata:
    """What a file tells of the training; None where it does not.

    skeleton: name of its joints. input_size: (w, h) of the crops in pixels. kind, sigma, logits, blur: see `Codec`.
    """

    skeleton: str | None = None
    input_size: tuple[int, int] | None = None
    kind: Kind | None = None
    sigma: float | None = None
    logits: bool | None = None
    blur: int | None = None


def pose_metadata(network: str, skeleton: str, codec: Codec) -> dict[str, str]:
    """What our own files of weights and exported models say of themselves, so that nobody has to.

    >>> pose_metadata("hrnet_w32", "coco_17", Codec("udp", (192, 256)))["input_size"]
    '192x256'
    """
    notes = {
        "network": network,
        "skeleton": skeleton,
        "input_size": "{}x{}".format(*codec.input_size),
        "kind": codec.kind,
        "sigma": str(float(codec.sigma)).removesuffix(".0"),
        "logits": str(codec.logits).lower(),
    }
    return notes if codec.blur is None else {**notes, "blur": str(codec.blur)}


def parse_pose_metadata(notes: Mapping[str, str]) -> PoseMetadata:
    """The inverse of `pose_metadata`; what is not there is None. Raises ValueError for a value that cannot be.

    >>> parse_pose_metadata({"kind": "udp", "input_size": "192x256"})
    PoseMetadata(skeleton=None, input_size=(192, 256), kind='udp', sigma=None, logits=None, blur=None)
    """
    read = {name: reader(notes[name]) for name, reader in _READERS.items() if name in notes}
    wrong = [f"{name} {notes[name]!r}" for name, value in read.items() if value is None]
    if wrong:
        raise ValueError(f"says of itself what cannot be: {', '.join(wrong)}")
    return PoseMetadata(**read)


def _size(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    return None if found is None else (int(found[1]), int(found[2]))


def _sigma(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


_READERS: dict[str, Callable[[str], Any]] = {
    "skeleton": lambda text: text if text in SKELETONS else None,
    "input_size": _size,
    "kind": lambda text: text if text in get_args(Kind) else None,
    "sigma": _sigma,
    "logits": {"true": True, "false": False}.get,
    "blur": lambda text: int(text) if re.fullmatch(r"\d{0,3}[13579]", text) else None,
}
