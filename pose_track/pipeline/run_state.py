"""The state of a run between two frames, in a small file beside its records, so that a later run can go on there."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pose_track.formats.tracks_writer import RecordsEnd, TracksWriter
from pose_track.pipeline.no_people import NOTHING_SEEN, Evidence
from pose_track.structures.arrays import AnyArray, IntArray
from pose_track.structures.frames import Poses
from pose_track.tracking.linker import LinkerState
from pose_track.utils.atomic import atomic_path
from pose_track.video.image_reader import list_images

logger = logging.getLogger(__name__)

STATE_FILE = "tracks.state"

_SAVE_EVERY_SECONDS = 3.0
_DIGEST_BYTES = 32
_HASHED_BYTES = 1 << 20  # of each end of a video


@dataclass(frozen=True, eq=False)
class TrackingState:
    """The state of the stages after a frame; by default, before the first.

    num_linked: frames that the tracker has seen; the last of these wait for confirmation and are not in the output.
    waiting: their poses and the tracker's ids, in order.
    """

    linker: LinkerState
    num_linked: int = 0
    waiting: tuple[tuple[Poses, IntArray], ...] = ()
    evidence: Evidence = NOTHING_SEEN


@dataclass(frozen=True, eq=False)
class RunState:
    """What a run needs to go on.

    source: see `source_digest`.
    records: where they ended.
    """

    source: str
    records: RecordsEnd
    tracking: TrackingState

    @property
    def num_recorded(self) -> int:
        """Frames that have a record."""
        return self.tracking.num_linked - len(self.tracking.waiting)


class StateKeeper:
    """Keeps the state of a run on disk, every few seconds; the file is written whole or not at all.

    source: of the run; None for a source that cannot be read again, of which no state is kept.
    """

    def __init__(self, folder: Path, source: str | None, records: TracksWriter) -> None:
        self._path, self._source, self._records = folder / STATE_FILE, source, records
        self._due_at = 0.0

    def offer(self, tracking: TrackingState | None) -> None:
        """Save the state after the last record, if there is one and it is time."""
        if tracking is None or self._source is None or time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + _SAVE_EVERY_SECONDS
        try:
            save_state(RunState(self._source, self._records.saved_end(), tracking), self._path)
        except OSError as error:  # such as a full disk; the state before stays
            logger.warning("%s: the state of the run could not be saved: %s", self._path, error.strerror or error)


def save_state(state: RunState, path: Path) -> None:
    """Write a state, with its SHA-256 before it."""
    encoded = msgspec.msgpack.encode(state, enc_hook=_encode_array)
    with atomic_path(path, sync=True, single_writer=True) as temporary:
        temporary.write_bytes(hashlib.sha256(encoded).digest() + encoded)


def load_state(path: Path) -> RunState | None:
    """The state in a file; None where there is none. Raises ValueError for a damaged one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        digest, encoded = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != hashlib.sha256(encoded).digest():
            raise ValueError("its checksum is wrong")
        return msgspec.msgpack.decode(encoded, type=RunState, dec_hook=_decode_array)
    except ValueError as error:  # a damaged file, or one of another version
        raise ValueError(f"{str(path)!r} is damaged ({error}); give --overwrite to begin the run anew") from error


def _encode_array(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    """An array as its type, shape and bytes."""
    if not isinstance(array, np.ndarray):
        raise NotImplementedError(f"a state holds arrays and numbers, not {type(array).__name__}")
    return array.dtype.str, array.shape, array.tobytes()


def _decode_array(_kind: type, encoded: Any) -> AnyArray:
    dtype, shape, content = encoded
    array: AnyArray = np.array(np.frombuffer(content, dtype)).reshape(shape)  # a view of a buffer is read-only
    return array


def source_digest(path: Path) -> str | None:
    """What tells a video or a folder of images from a changed one; None for a pipe, which cannot be read again.

    It is a SHA-256 of the size and both ends of a file, and of the names and sizes of a folder's images.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for image in list_images(path):
            digest.update(f"{image.name}\0{image.stat().st_size}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()
    if not path.is_file():
        return None
    with path.open("rb") as file:
        size = path.stat().st_size
        digest.update(f"{size}\0".encode())
        digest.update(file.read(_HASHED_BYTES))
        file.seek(max(0, size - _HASHED_BYTES))
        digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()
