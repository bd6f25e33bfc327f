"""A tracks.jsonl that was not finished says so, and a full disk leaves whole lines."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose_track.formats.tracks_jsonl import is_complete, read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import POSETRACK_15

HEADER: dict[str, Any] = {
    "version": "1", "source": "a.mp4", "fps": 25.0, "width": 64, "height": 48, "skeleton": "posetrack_15",
    "joint_names": list(POSETRACK_15.joint_names), "settings": {}, "weights": {},
}  # fmt: skip


def empty_frame(index: int) -> TrackedPoses:
    return TrackedPoses(index, index / 25, Poses.empty(POSETRACK_15), np.zeros(0, np.int64))


@pytest.mark.parametrize("cut", [0, 7])
def test_what_a_killed_run_leaves_is_read_with_a_warning(
    cut: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tracks.jsonl"
    with TracksWriter(path, HEADER) as writer:
        for index in range(5):
            writer.write(empty_frame(index))
        killed = path.read_bytes()
    header, records = read_tracks(path)
    assert (header, len(list(records)), records.fault, is_complete(path)) == (HEADER, 5, None, True)
    assert not caplog.records

    path.write_bytes(killed[: len(killed) - cut])
    _, records = read_tracks(path)
    frames = [tracked.frame_index for tracked in records]
    assert frames == list(range(5 if cut == 0 else 4))
    assert not is_complete(path)
    assert records.fault is not None
    assert records.fault.after_frame == frames[-1]
    assert str(path) in caplog.text


class FullDisk:
    """A file on a disk with so many bytes."""

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._size = file, size

    def write(self, content: bytes) -> int:
        space = self._size - self._file.tell()
        if space <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self._file.write(content[:space])
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("space", range(700, 900, 13))
def test_a_full_disk_leaves_whole_lines_and_the_fault(space: int, tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    with TracksWriter(path, HEADER) as writer:
        writer._file = FullDisk(writer._file, space)  # type: ignore[assignment]
        with pytest.raises(OSError, match="space"):  # noqa: PT012 (which frame it is depends on the space)
            for index in range(1000):
                writer.write(empty_frame(index))
        writer.write_fault("the disk is full")
    _, records = read_tracks(path)
    frames = [tracked.frame_index for tracked in records]
    assert frames == list(range(len(frames)))
    assert records.fault is not None
    assert (records.fault.message, records.fault.after_frame) == ("the disk is full", frames[-1] if frames else None)
    assert path.stat().st_size <= space
    assert not is_complete(path)


@pytest.mark.parametrize("num_before", [0, 1, 7, 300])
def test_records_go_on_after_a_fault_took_the_place_of_some(num_before: int, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.jsonl", tmp_path / "tracks.jsonl"
    with TracksWriter(whole, HEADER) as writer:
        for index in range(num_before + 3):
            writer.write(empty_frame(index))
    with TracksWriter(path, HEADER) as writer:
        for index in range(num_before):
            writer.write(empty_frame(index))
        end = writer.saved_end()
        writer._file = FullDisk(writer._file, path.stat().st_size)  # type: ignore[assignment]
        try:
            writer.write_fault("the disk is full")
        except OSError:
            assert num_before <= 1  # there is only the header to replace
    before = path.read_bytes()
    assert before != whole.read_bytes()[: len(before)] or num_before <= 1
    with TracksWriter(path, HEADER, end) as writer:
        assert not is_complete(path)
        for index in range(num_before, num_before + 3):
            writer.write(empty_frame(index))
    assert path.read_bytes() == whole.read_bytes()
    assert len(end.tail) < 9000


def test_records_do_not_go_on_in_a_file_that_lost_some(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    with TracksWriter(path, HEADER) as writer:
        for index in range(400):
            writer.write(empty_frame(index))
        end = writer.saved_end()
    os.truncate(path, 1000)
    with pytest.raises(ValueError, match=path.name):
        TracksWriter(path, HEADER, end)
    assert path.stat().st_size == 1000
