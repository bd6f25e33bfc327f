"""Writing a `tracks.jsonl`; see `tracks_jsonl` for its layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pose_track.formats.rounding import POSITION_DECIMALS, SCORE_DECIMALS, rounded
from pose_track.formats.tracks_jsonl import header_skeleton
from pose_track.structures.frames import TrackedPoses


class TracksWriter:
    """Writes each record of a `tracks.jsonl` at once, so that a killed run leaves complete lines; a context manager.

    header: the values of HEADER_KEYS, and any others. Raises ValueError as `header_skeleton` does.

        with TracksWriter(path, header) as writer:
            for tracked in results:
                writer.write(tracked)
    """

    def __init__(self, path: str | Path, header: Mapping[str, Any]) -> None:
        self._skeleton = header_skeleton(header)
        self._last_frame: int | None = None
        self._has_fault = False
        line = _to_line({"type": "header", **header} | {"type": "header"})
        self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 (closed by close())
        self._append(line)

    def __enter__(self) -> TracksWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def write(self, tracked: TrackedPoses) -> None:
        """Append the record of one frame.

        Raises ValueError where the frame index does not increase, the skeleton is not the header's, a number is not
        finite, a fault record was written, or the file is closed.
        """
        if self._has_fault:
            raise ValueError("no frame may follow a fault record")
        if tracked.poses.skeleton != self._skeleton:
            raise ValueError(
                f"poses must have the skeleton {self._skeleton.name!r}, got {tracked.poses.skeleton.name!r}"
            )
        if self._last_frame is not None and tracked.frame_index <= self._last_frame:
            raise ValueError(f"frame index must increase, got {tracked.frame_index} after {self._last_frame}")
        self._append(_to_line(_frame_record(tracked)))
        self._last_frame = tracked.frame_index

    def write_damage(self, frame: int, message: str) -> None:
        """Append what is damaged in the video. frame: index of the first frame at or after it."""
        self._append(_to_line({"type": "fault", "message": message, "frame": frame}))

    def write_fault(self, message: str) -> None:
        """Append the last record: why the run ended early."""
        self._append(_to_line({"type": "fault", "message": message, "after_frame": self._last_frame}))
        self._has_fault = True

    def _append(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()


def _to_line(record: Mapping[str, Any]) -> str:
    """One line of JSON. Raises ValueError for NaN or Infinity."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def _frame_record(tracked: TrackedPoses) -> dict[str, Any]:
    poses = tracked.poses
    assert poses.sources is not None
    columns = zip(
        tracked.track_ids.tolist(),
        rounded(poses.boxes, POSITION_DECIMALS).tolist(),
        rounded(poses.scores, SCORE_DECIMALS).tolist(),
        poses.sources.tolist(),
        rounded(poses.joints, POSITION_DECIMALS).tolist(),
        rounded(poses.joint_scores, SCORE_DECIMALS).tolist(),
        strict=True,
    )
    people = [
        {
            "track_id": track_id,
            "box": box,
            "score": score,
            "source": source,
            "joints": [[*xy, s] for xy, s in zip(joints, joint_scores, strict=True)],
        }
        for track_id, box, score, source, joints, joint_scores in columns
    ]
    return {"frame": tracked.frame_index, "pts_seconds": round(float(tracked.pts_seconds), 6), "people": people}
