"""Writing a `tracks.jsonl`; see `tracks_jsonl` for its layout."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pose_track.formats.rounding import POSITION_DECIMALS, SCORE_DECIMALS, rounded
from pose_track.formats.tracks_jsonl import COMPLETE_KEY, header_skeleton
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.names import printable

_UNFINISHED = b'{"type":"header","complete":false'
_MAX_DROPPED = 50  # records that a fault may replace on a full disk; an empty frame has some 40 bytes
_TAIL_BYTES = 8192  # more than a fault has


@dataclass(frozen=True)
class RecordsEnd:
    """Where the records end at some moment, so that they can be written on from there.

    ends: the place in bytes after each of the last records, and the last frame up to there; None before any frame.
    tail: the bytes from the first of these places to the last: a fault on a full disk may take their place later.
    """

    ends: tuple[tuple[int, int | None], ...]
    tail: bytes

    @property
    def last_frame(self) -> int | None:
        return self.ends[-1][1]


class TracksWriter:
    """Writes each record of a `tracks.jsonl` at once, so that a killed run leaves complete lines; a context manager.

    header: the values of HEADER_KEYS, and any others. Raises ValueError as `header_skeleton` does. Its "complete" is
    false until `finish`, which a `with` block without an error calls. A record that cannot be written, as on a full
    disk, raises OSError and leaves nothing of itself.

    end: go on in a file that was written before, from where its records ended then; what follows is removed. Raises
    ValueError for a file that is shorter.

        with TracksWriter(path, header) as writer:
            for tracked in results:
                writer.write(tracked)
    """

    def __init__(self, path: str | Path, header: Mapping[str, Any], end: RecordsEnd | None = None) -> None:
        self._path = Path(path)
        self._skeleton = header_skeleton(header)
        self._last_frame: int | None = None
        self._has_fault = False
        self._ends: deque[tuple[int, int | None]] = deque([(0, None)], _MAX_DROPPED + 1)
        first = {"type": "header", COMPLETE_KEY: False}
        line = to_line({**first, **header, **first})
        self._file = self._path.open("w+b" if end is None else "r+b", buffering=0)
        if end is None:
            self._append(line)
            self._ends.append((self._file.tell(), None))
        else:
            self._go_on(end)

    def _go_on(self, end: RecordsEnd) -> None:
        start = end.ends[0][0]
        if start > self._file.seek(0, os.SEEK_END):
            self.close()
            raise ValueError(f"{str(self._path)!r} has lost records of the run; give --overwrite to begin it anew")
        self._set_complete(False)
        self._file.seek(start)
        self._write_whole(end.tail)  # mostly the same bytes, so that the file is whole at any moment
        self._file.truncate()
        self._ends.clear()
        self._ends.extend(end.ends)
        self._last_frame = end.last_frame

    def __enter__(self) -> TracksWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._has_fault:
            self.finish()
        self.close()

    def close(self) -> None:
        self._file.close()

    def finish(self) -> None:
        """State in the header that the file is complete: no record of a frame follows."""
        self._set_complete(True)

    def _set_complete(self, complete: bool) -> None:
        self._file.seek(len(_UNFINISHED) - len(b"false"))
        self._file.write(b"true " if complete else b"false")  # of the same length
        self._file.seek(0, os.SEEK_END)

    def saved_end(self) -> RecordsEnd:
        """Where the records end now, once they are safe on the disk."""
        os.fsync(self._file.fileno())
        end = self._ends[-1][0]
        first = max((i for i, (place, _) in enumerate(self._ends) if end - place >= _TAIL_BYTES), default=0)
        ends = tuple(self._ends)[first:]
        self._file.seek(ends[0][0])
        return RecordsEnd(ends, self._file.read(end - ends[0][0]) or b"")

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
        self._append(to_line(frame_record(tracked)))
        self._last_frame = tracked.frame_index
        self._ends.append((self._file.tell(), self._last_frame))

    def write_damage(self, frame: int, message: str) -> None:
        """Append what is damaged in the video. frame: index of the first frame at or after it."""
        self._append(to_line({"type": "fault", "message": message, "frame": frame}))
        self._ends.append((self._file.tell(), self._last_frame))

    def write_live(self, num_skipped: int, latency_ms: Mapping[str, float]) -> None:
        """Append what a live run states at its end, see `LiveRecord`."""
        self._append(to_line({"type": "live", "skipped": num_skipped, "latency_ms": dict(latency_ms)}))
        self._ends.append((self._file.tell(), self._last_frame))

    def write_fault(self, message: str) -> None:
        """Append the last record: why the run ended early. On a full disk it takes the place of the last frames."""
        while True:
            try:
                self._append(to_line({"type": "fault", "message": message, "after_frame": self._last_frame}))
                break
            except OSError:
                if len(self._ends) <= 2:  # the header stays
                    raise
                self._ends.pop()
                self._cut()
        self._has_fault = True

    def _append(self, line: str) -> None:
        """Write a line whole, or raise OSError and leave nothing of it."""
        try:
            self._write_whole(line.encode())
        except OSError:
            self._cut()
            raise

    def _write_whole(self, content: bytes) -> None:
        while content:
            content = content[self._file.write(content) :]

    def _cut(self) -> None:
        """Remove what follows the last record in `_ends`."""
        end, self._last_frame = self._ends[-1]
        self._file.truncate(end)
        self._file.seek(end)


def to_line(record: Mapping[str, Any]) -> str:
    """One line of JSON. Raises ValueError for NaN or Infinity."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def frame_record(tracked: TrackedPoses) -> dict[str, Any]:
    """The record of a frame, see `tracks_jsonl`."""
    poses = tracked.poses
    assert poses.sources is not None
    assert tracked.confirmed is not None
    columns = zip(
        tracked.track_ids.tolist(),
        rounded(poses.boxes, POSITION_DECIMALS).tolist(),
        rounded(poses.scores, SCORE_DECIMALS).tolist(),
        poses.sources.tolist(),
        rounded(poses.joints, POSITION_DECIMALS).tolist(),
        rounded(poses.joint_scores, SCORE_DECIMALS).tolist(),
        tracked.confirmed.tolist(),
        strict=True,
    )
    people = [
        {
            "track_id": track_id,
            "box": box,
            "score": score,
            "source": source,
            "joints": [[*xy, s] for xy, s in zip(joints, joint_scores, strict=True)],
            **({} if confirmed else {"confirmed": False}),
        }
        for track_id, box, score, source, joints, joint_scores, confirmed in columns
    ]
    name = {"image_name": printable(tracked.image_name)} if tracked.image_name else {}
    return {"frame": tracked.frame_index, "pts_seconds": round(float(tracked.pts_seconds), 6), **name, "people": people}
