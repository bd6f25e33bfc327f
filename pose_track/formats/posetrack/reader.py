"""The files of PoseTrack: the layout of its 2017 edition, and the one of 2018, which that of 2021 has too."""

from __future__ import annotations

from pathlib import Path

from pose_track.formats.json_text import no_collection, parse_json
from pose_track.formats.posetrack.v2017 import told17
from pose_track.formats.posetrack.v2017_fast import decode17, sequence17
from pose_track.formats.posetrack.v2017_writer import write_posetrack17
from pose_track.formats.posetrack.v2018 import sequence18
from pose_track.formats.posetrack.v2018_writer import write_posetrack18
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence

__all__ = ["read_posetrack", "write_posetrack17", "write_posetrack18"]


def read_posetrack(path: str | Path, problems: Problems | None = None) -> PoseSequence:
    """The sequence of a file of any edition, truth or prediction.

    The people of 2017 have the joints of POSETRACK_15, those of 2018 and 2021 of POSETRACK18_17. A frame's index is
    its place in the file; what the fields of a PoseSequence do not tell is in `more`. complaints: where what is wrong goes,
    naming file, frame and person; strict without it. Where it is lenient, a joint, a person, or a part of a frame at
    fault is left out. Raises OSError, and ValueError for a file that is no whole JSON, saying where it breaks, or in
    neither layout.
    """
    with no_collection():  # what was decoded is let go before collection is on again, which would go through all of it
        return _read(Path(path), problems or Problems())


def _read(path: Path, problems: Problems) -> PoseSequence:
    text = path.read_bytes()
    told = decode17(text)
    if told is not None:
        return sequence17(path, told)
    data = parse_json(text, path)
    if isinstance(data, dict) and "annolist" in data:
        return sequence17(path, told17(path, data, problems))
    if isinstance(data, dict) and {"images", "annotations"} <= data.keys():
        return sequence18(path, data, problems)
    holds = f"has the keys {sorted(data)[:9]}" if isinstance(data, dict) else f"is a {type(data).__name__}"
    raise ValueError(f"{path} is in no layout of PoseTrack: it needs annolist, or images and annotations, but {holds}")
