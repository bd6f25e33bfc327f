from fractions import Fraction

import numpy as np
import pytest
from sinks.live_results import HEIGHT, WIDTH, grey_of, live_result

from pose_track.sinks.fan_out import Sinks

pyvirtualcam = pytest.importorskip("pyvirtualcam", reason="pip install 'pose_track[live]'")
from pyvirtualcam import camera  # noqa: E402

from pose_track.sinks.virtual_camera import VirtualCamera  # noqa: E402


class FakeDevice:
    """A backend of pyvirtualcam that keeps what it gets."""

    opened: "list[FakeDevice]" = []  # noqa: RUF012

    def __init__(self, *, width, height, fps, fourcc, device, **others):
        self.size, self.fps, self.frames, self.closed = (height, width), fps, [], False
        FakeDevice.opened.append(self)

    def send(self, frame):
        self.frames.append(np.array(frame).reshape(*self.size, 3))

    def close(self):
        self.closed = True

    def device(self):
        return "fake0"

    def native_fourcc(self):
        return None


def test_the_camera_has_the_annotated_frames(monkeypatch):
    monkeypatch.setattr(camera, "BACKENDS", {"fake": FakeDevice})
    sink = VirtualCamera(WIDTH, HEIGHT, Fraction(30000, 1001))
    assert sink.device == "fake0"
    with Sinks([sink]) as sinks:
        sinks.show(live_result(4))
    device = FakeDevice.opened[-1]
    assert device.fps == pytest.approx(29.97003)
    (image,) = device.frames
    assert (image == grey_of(4)).all()
    assert device.closed


def test_a_system_without_one_says_what_to_install(monkeypatch):
    def unavailable(**others):
        raise RuntimeError("no device found\nsee the manual")

    monkeypatch.setattr(camera, "BACKENDS", {"fake": unavailable})
    with pytest.raises(OSError, match=r"no device found; see the manual.*install v4l2loopback") as caught:
        VirtualCamera(WIDTH, HEIGHT, Fraction(30))
    assert "\n" not in str(caught.value)
