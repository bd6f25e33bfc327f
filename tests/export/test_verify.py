"""The comparison of an exported network with PyTorch, and how much may differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose_track.export.verify import MAX_PIXELS, MAX_SHARE, Difference, measure_difference, stable_joints
from pose_track.models.codec import Codec
from pose_track.runtime.exported import ExportForm

CODEC = Codec("dark", (64, 96))
SMALL = Difference(0.01, 2, 5, 0.001, 30, 0)


def heatmaps(count: int = 4) -> np.ndarray:
    """(count, 3, 24, 16) with one peak in each."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(16, 48, (count, 3, 2)).astype(np.float32)
    return np.stack([CODEC.encode(person, np.ones(3, np.float32))[0] for person in joints])


def test_stable_joints() -> None:
    given = heatmaps()
    given[1, 2] = 0.5  # equally high everywhere
    given[3, 0] += given[3, 0, ::-1, ::-1]  # equally high in two places
    expected = np.ones((4, 3), bool)
    expected[1, 2] = expected[3, 0] = False
    np.testing.assert_array_equal(stable_joints(given, CODEC), expected)


def shifted(given: np.ndarray) -> np.ndarray:
    """Joint 1 of crop 3, one cell further right."""
    moved = given.copy()
    moved[3:, 1] = np.roll(moved[3:, 1], 1, axis=-1)
    return moved


@pytest.mark.parametrize("decodes", [False, True])
def test_the_worst_joint(decodes: bool) -> None:
    given, form = heatmaps(), ExportForm(decodes=decodes)

    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        outputs = shifted(given)[: len(crops)]
        return CODEC.decode(outputs) if decodes else (outputs,)

    found = measure_difference(run, np.zeros(4), [given], CODEC, form, (1, 2, 4))
    assert found.pixels == pytest.approx(4, abs=0.01)
    assert (found.joint, found.batch_size) == (1, 4)
    assert (found.num_compared, found.num_unstable) == (12, 0)
    without_crop = measure_difference(run, np.zeros(4), [given], CODEC, form, (1, 2))
    assert without_crop.pixels == 0


def test_other_outputs_count() -> None:
    given, appearance = heatmaps(), np.ones((4, 2, 24, 16), np.float32)
    form = ExportForm(has_appearance=True)
    found = measure_difference(
        lambda crops: (given[:1], appearance[:1] * 1.5), np.zeros(4), [given, appearance], CODEC, form, (1,)
    )
    assert found.share == 0.5
    with pytest.raises(ValueError, match=r"other outputs by up to 50\.00%"):
        found.check()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pixels": MAX_PIXELS},
        {"share": MAX_SHARE},
        {"num_compared": 15, "num_unstable": 15},
    ],
)
def test_differences_that_are_allowed(changes: dict[str, float]) -> None:
    replace(SMALL, **changes).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": 0.1001}, "joints by up to 0.1 px"),
        ({"pixels": float("nan")}, "joints by up to nan px"),
        ({"share": 0.011}, "other outputs by up to 1.10%"),
        ({"share": float("nan")}, "other outputs by up to nan%"),
        ({"num_compared": 14, "num_unstable": 16}, "16 of 30 joints"),
        ({"num_compared": 0, "num_unstable": 0}, "0 of 0 joints"),
    ],
)
def test_differences_that_are_not(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes).check()  # type: ignore[arg-type]
