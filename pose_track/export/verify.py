"""Comparison of an exported network with the PyTorch network that it was exported from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pose_track.models.codec import Codec
from pose_track.runtime.exported import ExportForm
from pose_track.structures.arrays import AnyArray, BoolArray, Float32Array

Outputs = Sequence[Float32Array]
MAX_PIXELS = 0.1  # allowed distance of a joint, in crop pixels
MAX_SHARE = 0.01  # allowed difference of other outputs, as a share of their greatest value
MIN_STABLE_SHARE = 0.5  # of all joints
ROUNDING = 1e-5  # change of a heatmap by another order of calculation in float32, as a share of its greatest value
_NUM_DRAWS = 4


@dataclass(frozen=True)
class Difference:
    """The greatest differences between an exported network and the PyTorch network.

    Args:
        pixels: of a joint, in crop pixels.
        joint, batch_size: the index of that joint, and the batch size at which it differed.
        share: of the other outputs, as a share of their greatest values.
        num_compared, num_unstable: joints that were compared, and joints left out, see `stable_joints`.
    """

    pixels: float
    joint: int
    batch_size: int
    share: float
    num_compared: int
    num_unstable: int

    def check(self) -> None:
        """Raises ValueError where the difference is too great, or too few joints were compared to judge."""
        total = self.num_compared + self.num_unstable
        if self.num_compared < MIN_STABLE_SHARE * total or not self.num_compared:
            raise ValueError(
                f"{self.num_unstable} of {total} joints depend on rounding, too many to verify the exported network; "
                "give weights of a trained network, or images of people as --images"
            )
        if not (self.pixels <= MAX_PIXELS and self.share <= MAX_SHARE):
            raise ValueError(
                f"the exported network differs from the PyTorch network: joints by up to {self.pixels:.3g} px (joint "
                f"{self.joint}, batch size {self.batch_size}, {MAX_PIXELS} allowed), other outputs by up to "
                f"{self.share:.2%} ({MAX_SHARE:.0%} allowed); nothing was written"
            )


def stable_joints(heatmaps: Float32Array, codec: Codec) -> BoolArray:
    """(B, K) whether each joint of heatmaps (B, K, h, w) moves by less than half of what is allowed when the heatmaps
    change by rounding. A joint is unstable where several peaks are equally high, as in an untrained network."""
    rng = np.random.default_rng(0)
    size = ROUNDING * np.abs(heatmaps).max()
    joints, is_stable = codec.decode(heatmaps)[0], np.ones(heatmaps.shape[:2], bool)
    for _ in range(_NUM_DRAWS):
        noise = rng.standard_normal(heatmaps.shape, np.float32) * size
        moved = codec.decode(heatmaps + noise)[0]
        is_stable &= np.linalg.norm(moved - joints, axis=-1) <= MAX_PIXELS / 2
    return is_stable


def measure_difference(
    run: Callable[[AnyArray], Outputs],
    crops: AnyArray,
    expected: Outputs,
    codec: Codec,
    form: ExportForm,
    batch_sizes: Sequence[int],
) -> Difference:
    """The difference of an exported network, over all batch sizes.

    Args:
        run: the exported network.
        crops: its input; of each batch size the first ones are run.
        expected: the PyTorch network's heatmaps (B, K, h, w) of all crops, and its appearance embedding where the form
            has one.
    """
    is_stable = stable_joints(expected[0], codec)
    differences = [
        _measure_batch(run(crops[:size]), [maps[:size] for maps in expected], is_stable[:size], codec, form)
        for size in batch_sizes
    ]
    pixels, joints, shares = zip(*differences, strict=True)
    worst = int(np.argmax(pixels))
    num_compared = int(is_stable.sum())
    return Difference(
        pixels[worst], joints[worst], batch_sizes[worst], max(shares), num_compared, is_stable.size - num_compared
    )


def _measure_batch(
    outputs: Outputs, expected: Outputs, is_stable: BoolArray, codec: Codec, form: ExportForm
) -> tuple[float, int, float]:
    """The greatest distance of a joint, the index of that joint, and the greatest share."""
    joints, scores = codec.decode(expected[0])
    references = [*((joints, scores) if form.decodes else expected[:1]), *expected[1:]]
    exported_joints = outputs[0] if form.decodes else codec.decode(outputs[0])[0]
    distances = np.where(is_stable, np.linalg.norm(exported_joints - joints, axis=-1), 0)
    others = slice(1, None) if form.decodes else slice(None)
    shares = [_share(*pair) for pair in zip(outputs[others], references[others], strict=True)]
    return float(distances.max()), int(distances.max(axis=0).argmax()), max(shares)


def _share(output: Float32Array, reference: Float32Array) -> float:
    return float(np.abs(output - reference).max() / np.abs(reference).max())
