"""Out of memory, as PyTorch says it."""

from __future__ import annotations

import logging

import pytest
import torch

from pose_track.runtime.out_of_memory import as_room_allows


class Small:
    """Has room for so many at once."""

    def __init__(self, room: int) -> None:
        self.room, self.tried = room, list[int]()

    def __call__(self, at_once: int) -> str:
        self.tried.append(at_once)
        if at_once > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"


@pytest.mark.parametrize(
    ("room", "tried"), [(64, [12]), (12, [12]), (11, [12, 6]), (3, [12, 6, 3]), (2, [12, 6, 3, 1])]
)
def test_half_as_many_until_there_is_room(room: int, tried: list[int], caplog: pytest.LogCaptureFixture) -> None:
    run = Small(room)
    with caplog.at_level(logging.WARNING):
        assert as_room_allows(run, 12, "pictures", "do") == ("done", tried[-1])
    assert run.tried == tried
    told = [f"the GPU is out of memory with 12 pictures at once; going on with {tried[-1]}"]
    assert caplog.messages == (told if len(tried) > 1 else [])


def test_no_room_at_all() -> None:
    with pytest.raises(MemoryError, match="out of memory with crops one by one; use --device cpu"):
        as_room_allows(Small(0), 5, "crops", "use --device cpu")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError):
        as_room_allows(lambda at_once: at_once / 0, 5, "crops", "do")
