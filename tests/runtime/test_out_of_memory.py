"""Smaller batches after PyTorch's out-of-memory errors."""

from __future__ import annotations

import logging

import pytest
import torch

from pose_track.runtime.out_of_memory import halve_batch_on_out_of_memory


class SmallGpu:
    """Runs batches of up to `max_batch`."""

    def __init__(self, max_batch: int) -> None:
        self.max_batch, self.batch_sizes = max_batch, list[int]()

    def __call__(self, batch_size: int) -> str:
        self.batch_sizes.append(batch_size)
        if batch_size > self.max_batch:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"


@pytest.mark.parametrize(
    ("max_batch", "batch_sizes"), [(64, [12]), (12, [12]), (11, [12, 6]), (3, [12, 6, 3]), (2, [12, 6, 3, 1])]
)
def test_the_batch_is_halved_until_it_fits(
    max_batch: int, batch_sizes: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    run = SmallGpu(max_batch)
    with caplog.at_level(logging.WARNING):
        assert halve_batch_on_out_of_memory(run, 12, "images", "remedy") == ("done", batch_sizes[-1])
    assert run.batch_sizes == batch_sizes
    assert len(caplog.messages) == (len(batch_sizes) > 1)
    for message in caplog.messages:
        assert "12 images" in message
        assert message.endswith(f" {batch_sizes[-1]}")


def test_a_batch_of_one_does_not_fit() -> None:
    with pytest.raises(MemoryError, match=r"crops.*use --device cpu"):
        halve_batch_on_out_of_memory(SmallGpu(0), 5, "crops", "use --device cpu")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError):
        halve_batch_on_out_of_memory(lambda batch_size: batch_size / 0, 5, "crops", "remedy")
