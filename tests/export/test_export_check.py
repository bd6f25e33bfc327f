"""What is compared, and how much may differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pose_track.export.check import MAX_PIXELS, MAX_SHARE, Difference, clear_joints, difference
from pose_track.export.form import Form
from pose_track.models.codec import Codec

CODEC = Codec("dark", (64, 96))
RIGHT = Difference(0.01, 2, 5, 0.001, 30, 0)


def maps(count: int = 4) -> np.ndarray:
    """(count, 3, 24, 16) with a clear joint in each."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(16, 48, (count, 3, 2)).astype(np.float32)
    return np.stack([CODEC.encode(of_one, np.ones(3, np.float32))[0] for of_one in joints])


def test_clear_joints() -> None:
    given = maps()
    given[1, 2] = 0.5  # as high everywhere
    given[3, 0] += given[3, 0, ::-1, ::-1]  # as high in two places
    expected = np.ones((4, 3), bool)
    expected[1, 2] = expected[3, 0] = False
    np.testing.assert_array_equal(clear_joints(given, CODEC), expected)


def shifted(given: np.ndarray) -> np.ndarray:
    """Joint 1 of crop 3, one cell further right."""
    moved = given.copy()
    moved[3:, 1] = np.roll(moved[3:, 1], 1, axis=-1)
    return moved


@pytest.mark.parametrize("decoding", [False, True])
def test_the_worst_joint_is_told(decoding: bool) -> None:
    given, form = maps(), Form(decoding=decoding)

    def run(crops: np.ndarray) -> tuple[np.ndarray, ...]:
        found = shifted(given)[: len(crops)]
        return CODEC.decode(found) if decoding else (found,)

    found = difference(run, np.zeros(4), [given], CODEC, form, (1, 2, 4))
    assert found.pixels == pytest.approx(4, abs=0.01)
    assert (found.joint, found.batch) == (1, 4)
    assert (found.compared, found.left_out) == (12, 0)
    unseen = difference(run, np.zeros(4), [given], CODEC, form, (1, 2))
    assert unseen.pixels == 0


def test_other_outputs_count() -> None:
    given, appearance = maps(), np.ones((4, 2, 24, 16), np.float32)
    found = difference(lambda crops: (given[:1], appearance[:1] * 1.5), np.zeros(4), [given, appearance], CODEC,
                       Form(appearance=True), (1,))  # fmt: skip
    assert found.share == 0.5
    with pytest.raises(ValueError, match=r"other outputs by up to 50\.00% \(1% allowed\)"):
        found.check()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pixels": MAX_PIXELS},
        {"share": MAX_SHARE},
        {"compared": 15, "left_out": 15},
    ],
)
def test_what_is_allowed(changes: dict[str, float]) -> None:
    replace(RIGHT, **changes).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": 0.1001}, "joints by up to 0.1 px"),
        ({"pixels": float("nan")}, "joints by up to nan px"),
        ({"share": 0.011}, "other outputs by up to 1.10%"),
        ({"share": float("nan")}, "other outputs by up to nan%"),
        ({"compared": 14, "left_out": 16}, "16 of 30 joints hang on rounding"),
        ({"compared": 0, "left_out": 0}, "0 of 0 joints"),
    ],
)
def test_what_is_not(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(RIGHT, **changes).check()  # type: ignore[arg-type]
