"""Steps of a figure that walks with a known rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from analysis.figures import side_figure

from pose_track.analysis.kinematics import measure
from pose_track.analysis.steps import gait, step_events

SECONDS = np.arange(300) / 60
STRIDE = 1.2  # seconds


def walker(facing: int, speed: float) -> list:  # type: ignore[type-arg]
    phase = 2 * np.pi * SECONDS / STRIDE
    hips = np.stack([200 + speed * SECONDS, np.full(300, 400.0)], axis=1)
    angles = {"left_hip": 25 * np.sin(phase), "right_hip": -25 * np.sin(phase), "hips": hips}
    return step_events(measure(side_figure(SECONDS, angles, facing)))


@pytest.mark.parametrize(("facing", "speed"), [(1, 0), (1, 80), (-1, 0), (-1, 80)])  # on a treadmill, and over ground
def test_contacts_and_toe_offs(facing: int, speed: float) -> None:
    events = walker(facing, speed)
    contacts = [event for event in events if event.kind == "contact"]
    for event in events:  # the foot is farthest forwards a quarter of a stride after the hip passes zero
        quarter = {("left", "contact"): 0.25, ("left", "toe_off"): 0.75}
        other = {("right", "contact"): 0.75, ("right", "toe_off"): 0.25}
        expected = (quarter | other)[event.side, event.kind]
        assert abs((event.seconds / STRIDE - expected + 0.5) % 1 - 0.5) < 0.03
    assert [event.side for event in contacts[:4]] == ["left", "right", "left", "right"]
    steps = gait(events)
    assert steps.cadence == pytest.approx(100, abs=3)
    assert steps.stride["left"] == pytest.approx(STRIDE, abs=0.03)
    assert steps.stance["left"] + steps.swing["left"] == pytest.approx(STRIDE, abs=0.05)


def test_nobody_walks() -> None:
    events = step_events(measure(side_figure(SECONDS, {"left_knee": 20 * np.sin(SECONDS)})))
    assert events == []
    assert np.isnan(gait(events).cadence)
