"""Whether an exported network finds the joints that the network finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose_track.export.form import Form
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import FloatArray

Outputs = Sequence[FloatArray]
MAX_PIXELS = 0.1  # of a crop, between the joints of the two
MAX_SHARE = 0.01  # of the greatest value, between other outputs
MIN_CLEAR = 0.5  # of all joints
ROUNDING = 1e-5  # of a map's greatest value: what calculating in another order changes in float32
_DRAWS = 4


@dataclass(frozen=True)
class Difference:
    """The greatest differences between an exported network and the network.

    pixels: of a joint, in pixels of the crop, at number `joint` in a batch of `batch` crops. share: of the other
    outputs, as a share of their greatest values. compared, left_out: how many joints of the crops were clear, and how
    many not, see `clear_joints`.
    """

    pixels: float
    joint: int
    batch: int
    share: float
    compared: int
    left_out: int

    def check(self) -> None:
        """Raises ValueError where it is too much, or where too few joints were compared to tell."""
        if self.compared < MIN_CLEAR * (self.compared + self.left_out) or not self.compared:
            raise ValueError(
                f"{self.left_out} of {self.compared + self.left_out} joints hang on rounding, too many to compare the "
                "exported network by; give weights of a trained network, or pictures with people as --images"
            )
        if not (self.pixels <= MAX_PIXELS and self.share <= MAX_SHARE):
            raise ValueError(
                f"the exported network differs from the network: joints by up to {self.pixels:.3g} px (number "
                f"{self.joint} in a batch of {self.batch}, {MAX_PIXELS} allowed), other outputs by up to "
                f"{self.share:.2%} ({MAX_SHARE:.0%} allowed); nothing was written"
            )


def clear_joints(heatmaps: FloatArray, codec: Codec) -> NDArray[np.bool_]:
    """(B, K) whether the joints of heatmaps (B, K, h, w) stay where they are, within half of what is allowed, when the
    maps change as little as rounding changes them. Where several peaks are equally high, as those of a network without
    training, they do not."""
    rng = np.random.default_rng(0)
    size = ROUNDING * np.abs(heatmaps).max()
    joints, clear = codec.decode(heatmaps)[0], np.ones(heatmaps.shape[:2], bool)
    for _ in range(_DRAWS):
        noise = rng.standard_normal(heatmaps.shape, np.float32) * size
        moved = codec.decode(heatmaps + noise)[0]
        clear &= np.linalg.norm(moved - joints, axis=-1) <= MAX_PIXELS / 2
    return clear


def difference(
    run: Callable[[NDArray[np.generic]], Outputs],
    crops: NDArray[np.generic],
    expected: Outputs,
    codec: Codec,
    form: Form,
    batches: Sequence[int],
) -> Difference:
    """The exported network `run` on the first so many of the crops for each of `batches`, beside what the network
    gave for all: heatmaps (B, K, h, w), and looks where the form has them."""
    clear = clear_joints(expected[0], codec)
    found = [_of_batch(run(crops[:size]), [part[:size] for part in expected], clear[:size], codec, form)
             for size in batches]  # fmt: skip
    pixels, joints, shares = zip(*found, strict=True)
    worst = int(np.argmax(pixels))
    return Difference(pixels[worst], joints[worst], batches[worst], max(shares), int(clear.sum()), int((~clear).sum()))


def _of_batch(
    found: Outputs, expected: Outputs, clear: NDArray[np.bool_], codec: Codec, form: Form
) -> tuple[float, int, float]:
    """The greatest distance of a joint, the number of that joint, and the greatest share."""
    joints, scores = codec.decode(expected[0])
    right = [*((joints, scores) if form.decoding else expected[:1]), *expected[1:]]
    ours = found[0] if form.decoding else codec.decode(found[0])[0]
    away = np.where(clear, np.linalg.norm(ours - joints, axis=-1), 0)
    others = slice(1, None) if form.decoding else slice(None)
    shares = [_share(*pair) for pair in zip(found[others], right[others], strict=True)]
    return float(away.max()), int(away.max(axis=0).argmax()), max(shares)


def _share(found: FloatArray, right: FloatArray) -> float:
    return float(np.abs(found - right).max() / np.abs(right).max())
