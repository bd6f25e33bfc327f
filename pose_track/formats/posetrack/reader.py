"""PoseTrack's files: the layout of 2017, and the one of 2018, which PoseTrack21 shares."""

from __future__ import annotations

from pathlib import Path

from pose_track.formats.json_text import gc_paused, parse_json
from pose_track.formats.posetrack.v2017 import parse17, sequence17
from pose_track.formats.posetrack.v2017_lenient import parse17_lenient
from pose_track.formats.posetrack.v2017_writer import write_posetrack17
from pose_track.formats.posetrack.v2018 import sequence18
from pose_track.formats.posetrack.v2018_writer import write_posetrack18
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence

__all__ = ["read_posetrack", "write_posetrack17", "write_posetrack18"]


def read_posetrack(path: str | Path, problems: Problems | None = None) -> PoseSequence:
    """Read a file of any edition, ground truth or predictions.

    People of 2017 have the joints of POSETRACK_15, those of 2018 and 2021 of POSETRACK18_17. A frame's index is its
    position in the file. Values without a field of their own are in `extra`.

    problems: where errors in the file go, each with file, frame and person; strict by default. If it is lenient, an
    invalid joint, person or field of a frame is left out.

    Raises OSError, and ValueError for a file that is not valid JSON, with the place of the error, or has
    neither layout.
    """
    with gc_paused():  # the parsed JSON is released before collection resumes, which would visit all of it
        return _read(Path(path), problems or Problems())


def _read(path: Path, problems: Problems) -> PoseSequence:
    text = path.read_bytes()
    parsed = parse17(text)
    if parsed is not None:
        return sequence17(path, parsed)
    data = parse_json(text, path)
    if isinstance(data, dict) and "annolist" in data:
        return sequence17(path, parse17_lenient(path, data, problems))
    if isinstance(data, dict) and {"images", "annotations"} <= data.keys():
        return sequence18(path, data, problems)
    content = f"has the keys {sorted(data)[:9]}" if isinstance(data, dict) else f"is a {type(data).__name__}"
    raise ValueError(f"{path} has no PoseTrack layout: it needs annolist, or images and annotations, but {content}")
