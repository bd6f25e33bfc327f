from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pose_track.runtime.cuda_graphs import GraphedNetwork, padded_size


@settings(derandomize=True, max_examples=100, deadline=None)
@given(max_batch=st.integers(1, 100), share=st.floats(0, 1))
def test_there_are_few_batch_sizes(max_batch: int, share: float) -> None:
    count = max(round(share * max_batch), 1)
    size = padded_size(count, max_batch)
    assert count <= size <= min(2 * count, max_batch)
    assert len({padded_size(n, max_batch) for n in range(1, max_batch + 1)}) <= max_batch.bit_length() + 1


def test_without_a_gpu_the_network_is_called_directly() -> None:
    batches: list[Tensor] = []

    def network(batch: Tensor) -> tuple[Tensor, ...]:
        batches.append(batch)
        return batch + 1, batch * 2

    graphed, batch = GraphedNetwork(network, 4), torch.rand(3, 1, 2, 2)
    outputs = graphed(batch)
    assert len(outputs) == 2
    torch.testing.assert_close(outputs[0], batch + 1)
    assert [x is batch for x in batches] == [True]
    assert graphed(batch[:0])[1].shape == (0, 1, 2, 2)


def test_a_batch_that_is_too_large() -> None:
    with pytest.raises(ValueError, match="may have 2 rows, got 3"):
        GraphedNetwork(lambda batch: (batch,), 2)(torch.zeros(3, 1, 2, 2))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("max_batch", [4, 6])
def test_recordings_return_the_outputs_of_the_network(max_batch: int) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 4, 3).cuda()
    calls: list[int] = []

    def network(batch: Tensor) -> tuple[Tensor, ...]:
        calls.append(len(batch))
        return conv(batch), batch.mean(dim=(2, 3))

    with torch.inference_mode():
        graphed = GraphedNetwork(network, max_batch)
        for count in (3, max_batch, 1, 2, 0, 4, 3):
            batch = torch.rand(count, 3, 8, 8, device="cuda")
            for output, expected in zip(graphed(batch), (conv(batch), batch.mean(dim=(2, 3))), strict=True):
                torch.testing.assert_close(output, expected, atol=1e-3, rtol=1e-3)
    sizes = {4, max_batch, 1, 2, 0}
    assert set(calls) == sizes
    assert len(calls) == 1 + 4 * (len(sizes) - 1)  # each warmed up three times and recorded once
