"""The model zoo: all published weights by name, and the weights of this package."""

from __future__ import annotations

import difflib
from pathlib import Path

from pose_track.weights.entries.entry import Licence, PublishedPoseWeights, PublishedWeights
from pose_track.weights.entries.hrnet import HRNETS, TRUNKS
from pose_track.weights.entries.rtm import DETECTOR_GRAPHS, ONE_STAGE_GRAPHS, POSE_GRAPHS
from pose_track.weights.entries.torchvision import DETECTORS, FLOWS

LIST_COMMAND = "pose-track weights list"

ZOO: dict[str, PublishedWeights] = {
    entry.name: entry
    for entry in (*HRNETS, *POSE_GRAPHS, *ONE_STAGE_GRAPHS, *TRUNKS, *DETECTORS, *DETECTOR_GRAPHS, *FLOWS)
}

_OWN_DATA = "see the model card"

# The files of this package, with model cards beside them.
BUNDLED_POSE = PublishedPoseWeights(
    name="bundled",
    file="pose.safetensors",
    urls=(),
    sha256="",
    use="pose",
    licence=Licence("MIT", "MIT", _OWN_DATA),
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
    urls=(),
    sha256="",
    use="detector",
    licence=Licence("MIT", "MIT", _OWN_DATA),
    source="this package",
    result="see pose_track/assets/detector.md",
)


def find_published(name_or_path: str) -> PublishedWeights | None:
    """The entry of a name, or of a path with the entry's file name; None if there is none.

    >>> find_published("hrnet_w48_coco_384x288_udp").ap
    77.3
    >>> find_published("models/pose_hrnet_w32_256x192.pth").licence.code
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
